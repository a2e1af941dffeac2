"""`EmbedModelVerifier`: the embedding model that an application already has, as a verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llama_index.core.base.embeddings.base import BaseEmbedding

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.verifying.similarity import (
    COSINE_SLOPE,
    MIDDLE_COSINE,
    CosineScale,
    query_texts,
)

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["EmbedModelVerifier"]


@dataclass(frozen=True)
class EmbedModelVerifier:
    """Says by the cosine of LlamaIndex embeddings how clearly a passage states a statement.

    A statement is embedded as a query, alone and behind the question; passages are embedded as
    texts, in batches of the model's `embed_batch_size`. Cosines become scores by a logistic curve,
    whose default was fitted for all-MiniLM-L6-v2; those of other models lie elsewhere. An embedding
    finds what is on the subject, and a wrong number or name changes little.

    Raises:
        ConfigurationError: If an option has a value it cannot have.
    """

    embed_model: BaseEmbedding
    """What the index uses, for example, or `Settings.embed_model`."""
    middle: float = MIDDLE_COSINE
    """The cosine whose score is one half, -1 to 1."""
    slope: float = COSINE_SLOPE
    """Log-odds that a cosine higher by 1 adds."""

    def __post_init__(self) -> None:
        if not isinstance(self.embed_model, BaseEmbedding):
            raise ConfigurationError(
                f"embed_model must be a LlamaIndex BaseEmbedding, got {self.embed_model!r:.80}"
            )
        CosineScale(self.middle, self.slope)

    @property
    def name(self) -> str:
        """Name shown in results."""
        model = self.embed_model.model_name
        named = type(self.embed_model).__name__ if model in ("", "unknown") else model
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
            ModelError: If the model gives no vectors of one size.
        """
        model = self.embed_model
        queries = [model.get_query_embedding(each) for each in query_texts(question, statements)]
        texts = model.get_text_embedding_batch([*passages])
        scale = CosineScale(self.middle, self.slope)
        return scale.scores(queries, texts, self.name)
