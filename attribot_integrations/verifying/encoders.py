"""Verifiers of the package sentence-transformers: encoders, cross-encoders and NLI models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.errors import ConfigurationError, MissingExtraError, ModelError
from attribot_integrations.results.probabilities import logistic
from attribot_integrations.verifying.similarity import (
    COSINE_SLOPE,
    MIDDLE_COSINE,
    CosineScale,
    asked_texts,
    check_batch,
    query_texts,
)

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["CrossEncoderVerifier", "EncoderVerifier"]


@dataclass(frozen=True)
class EncoderVerifier:
    """Says by the cosine of sentence embeddings how clearly a passage states a statement.

    A statement is embedded alone and behind the question. Cosines become scores by a logistic
    curve, whose default was fitted for all-MiniLM-L6-v2; those of other encoders lie elsewhere. An
    encoder finds what is on the subject, and a wrong number or name changes little.

    Raises:
        ConfigurationError: If an option has a value it cannot have.
        MissingExtraError: If sentence-transformers is not installed.
    """

    model: Any
    """Name or folder of a sentence-transformers encoder, loaded when it is first used, on the CPU;
    or a loaded one, which stays as it is."""
    middle: float = MIDDLE_COSINE
    """The cosine whose score is one half, -1 to 1."""
    slope: float = COSINE_SLOPE
    """Log-odds that a cosine higher by 1 adds."""
    batch: int = field(default=32, compare=False)
    """Texts in one pass."""

    def __post_init__(self) -> None:
        _check_encoders("EncoderVerifier")
        check_batch(self.batch)
        CosineScale(self.middle, self.slope)

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"embeddings, {_model_name(self.model)}"

    @cached_property
    def _encoder(self) -> Any:
        if not isinstance(self.model, str):
            return self.model
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(self.model, device="cpu")

    def verify(
        self, question: str, statements: Sequence[str], passages: Sequence[str]
    ) -> FloatArray:
        """Return `[passages, statements]`: how clearly each passage states each statement, 0 to 1.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.

        Raises:
            ModelError: If the encoder gives no vectors of one size.
        """
        queries = query_texts(question, statements)
        vectors = np.asarray(
            self._encoder.encode(
                [*queries, *passages], batch_size=self.batch, show_progress_bar=False
            )
        )
        scale = CosineScale(self.middle, self.slope)
        return scale.scores(vectors[: len(queries)], vectors[len(queries) :], self.name)


@dataclass(frozen=True)
class CrossEncoderVerifier:
    """Says what a model that reads a passage and a statement together makes of them.

    A model with one output is a reranker: it reads question and statement beside the passage, and
    the sigmoid of its output is the score. One with several judges entailment: it reads the passage
    as premise and question and statement as hypothesis, and the score is the softmax of the output
    whose name begins with "entail".

    Raises:
        ConfigurationError: If an option has a value it cannot have.
        MissingExtraError: If sentence-transformers is not installed.
    """

    model: Any
    """Name or folder of a sentence-transformers cross-encoder, loaded when it is first used, on the
    CPU; or a loaded one, which stays as it is."""
    entailment: int | None = None
    """Number of the output that means entailment, where its name does not say so."""
    batch: int = field(default=32, compare=False)
    """Pairs in one pass."""

    def __post_init__(self) -> None:
        _check_encoders("CrossEncoderVerifier")
        check_batch(self.batch)
        given: object = self.entailment
        if given is not None and (type(given) is not int or given < 0):
            raise ConfigurationError(f"entailment must be None or a number from 0, got {given!r}")

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"cross-encoder, {_model_name(self.model)}"

    @cached_property
    def _encoder(self) -> Any:
        if not isinstance(self.model, str):
            return self.model
        from sentence_transformers import CrossEncoder

        return CrossEncoder(self.model, device="cpu")

    def verify(
        self, question: str, statements: Sequence[str], passages: Sequence[str]
    ) -> FloatArray:
        """Return `[passages, statements]`: how clearly each passage states each statement, 0 to 1.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.

        Raises:
            ModelError: If no output is known to mean entailment.
        """
        output = self._output()
        asked = asked_texts(question, statements)
        pairs = [
            (statement, passage) if output is None else (passage, statement)
            for passage in passages
            for statement in asked
        ]
        logits = self._encoder.predict(
            pairs, batch_size=self.batch, show_progress_bar=False, activation_fn=_unchanged
        )
        found = np.asarray(logits, dtype=np.float64).reshape(len(passages), len(statements), -1)
        if output is None:
            return logistic(found[..., 0]).astype(np.float32)
        shares = np.exp(found - found.max(axis=-1, keepdims=True))
        return np.asarray(shares[..., output] / shares.sum(axis=-1), dtype=np.float32)

    def _output(self) -> int | None:
        """Return the number of the output for entailment, `None` where there is one output."""
        labels: Mapping[int, str] = self._encoder.config.id2label
        if len(labels) == 1:
            return None
        names = [labels[number] for number in range(len(labels))]
        if self.entailment is not None:
            if self.entailment >= len(names):
                raise ModelError(
                    f"{self.name} has no output {self.entailment}, but {len(names)}: "
                    f"{', '.join(names)}"
                )
            return self.entailment
        found = [place for place, each in enumerate(names) if each.lower().startswith("entail")]
        if len(found) != 1:
            raise ModelError(
                f"{self.name} has the outputs {', '.join(names)}: say which of them means "
                "entailment, counted from 0, with entailment=…"
            )
        return found[0]


def _unchanged(logits: Any) -> Any:
    """Take the place of an activation."""
    return logits


def _check_encoders(feature: str) -> None:
    """Make sure that sentence-transformers is there.

    Args:
        feature: What needs it, for the message.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import sentence_transformers  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(feature, "embeddings") from error


def _model_name(model: Any) -> str:
    """Return a short name of a model, which may be a folder, or loaded."""
    if isinstance(model, str):
        return model.rstrip("/").rpartition("/")[2]
    return type(model).__name__
