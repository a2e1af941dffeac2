"""`EmbeddingsVerifier`: the embeddings that an application already has, as a verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.verifying.similarity import (
    COSINE_SLOPE,
    MIDDLE_COSINE,
    CosineScale,
    check_batch,
    query_texts,
)

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["EmbeddingsVerifier"]


@dataclass(frozen=True)
class EmbeddingsVerifier:
    """Says by the cosine of LangChain embeddings how clearly a passage states a statement.

    A statement is embedded as a query, alone and behind the question; passages are embedded as
    documents. Cosines become scores by a logistic curve, whose default was fitted for
    all-MiniLM-L6-v2; those of other models lie elsewhere. An embedding finds what is on the
    subject, and a wrong number or name changes little.

    Raises:
        ConfigurationError: If an option has a value it cannot have.
    """

    embeddings: Embeddings
    """What the vector store uses, for example."""
    middle: float = MIDDLE_COSINE
    """The cosine whose score is one half, -1 to 1."""
    slope: float = COSINE_SLOPE
    """Log-odds that a cosine higher by 1 adds."""
    batch: int = field(default=256, compare=False)
    """Most passages in one call."""

    def __post_init__(self) -> None:
        if not isinstance(self.embeddings, Embeddings):
            raise ConfigurationError(
                f"embeddings must be LangChain Embeddings, got {self.embeddings!r:.80}"
            )
        CosineScale(self.middle, self.slope)
        check_batch(self.batch)

    @property
    def name(self) -> str:
        """Name shown in results."""
        model: object = getattr(self.embeddings, "model", None)
        named = model if isinstance(model, str) and model else type(self.embeddings).__name__
        return f"embeddings, {named}"

    def verify(
        self, question: str, statements: Sequence[str], passages: Sequence[str]
    ) -> FloatArray:
        """Return `[passages, statements]`: how clearly each passage states each statement, 0 to 1.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.

        Raises:
            ModelError: If the embeddings give no vectors of one size.
        """
        queries = [self.embeddings.embed_query(each) for each in query_texts(question, statements)]
        documents: list[list[float]] = []
        for start in range(0, len(passages), self.batch):
            documents += self.embeddings.embed_documents([*passages[start : start + self.batch]])
        scale = CosineScale(self.middle, self.slope)
        return scale.scores(queries, documents, self.name)
