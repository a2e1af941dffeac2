"""What an attribution gives back: scores, statements, citations and cost.

Everything is frozen, and no model library is imported: results can be stored, loaded and shown on
a machine without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from attribot_integrations.capture import ChunkLocation
from attribot_integrations.errors import InputError, MissingExtraError, ModelError
from attribot_integrations.sources import Chunk, Level, Source, Span
from attribot_integrations.support import Support

if TYPE_CHECKING:
    import pandas

__all__ = [
    "Alternatives",
    "Attribution",
    "Audit",
    "Citation",
    "Cost",
    "Estimand",
    "FailedAttribution",
    "ModelCost",
    "Statement",
]

FloatArray = npt.NDArray[np.float32]

Estimand = Literal[
    "target_loo",
    "proxy_loo",
    "target_pruned_loo",
    "proxy_pruned_loo",
    "target_knockout",
    "proxy_knockout",
    "dropped",
    "baseline",
]
"""What a score measures.

`target_loo`, `proxy_loo`: leave-one-out in the full context, on the target or the proxy; the first
is what "exact" means. `…_pruned_loo`: leave-one-out in the context that a method pruned.
`…_knockout`: the source hidden from question and answer. `dropped`: not scored, its chunk did not
matter. `baseline`: a score that is no log-likelihood, for comparison only.
"""


@dataclass(frozen=True)
class Audit:
    """What a random check of the sources that a screen let go found."""

    sampled: int
    """Sources checked."""
    dropped: int
    """Sources that the screen let go, checked ones included."""
    missed: int
    """Checked sources whose exact score reaches the threshold."""
    recall: float
    """Estimated share of the sources above the threshold that were rescored, 0 to 1."""


@dataclass(frozen=True)
class Statement:
    """One sentence of the answer."""

    index: int
    start: int
    """Offset in the answer of the first character."""
    end: int
    """Offset in the answer behind the last character."""
    text: str
    """`answer[start:end]`."""
    tokens: Span
    """Half-open range of the answer's tokens that belong to it; ranges tile the answer."""


@dataclass(frozen=True)
class Alternatives:
    """Sources that say the same for a statement: any of them is enough."""

    statement_index: int
    source_ids: tuple[int, ...]
    """The sources, the most sufficient first."""
    sufficiency: tuple[float, ...]
    """For each source: log-likelihood of the statement with it alone minus with none, in nats."""
    joint_score: float
    """Fall of the statement's log-likelihood when all of them are removed together, in nats."""


@dataclass(frozen=True)
class Citation:
    """A source that supports a statement."""

    number: int
    """Number shown to readers: one for each cited chunk, from 1, by first appearance."""
    statement_index: int
    source_id: int
    chunk_index: int
    chunk_id: str | None
    answer_start: int
    """Offset in the answer where the supported statement starts."""
    answer_end: int
    """Offset in the answer behind the supported statement."""
    chunk_start: int
    """Offset in the chunk where the supporting text starts."""
    chunk_end: int
    """Offset in the chunk behind the supporting text."""
    text: str
    """The supporting text, `chunk.text[chunk_start:chunk_end]`."""
    score: float
    """Fall of the statement's log-likelihood when the source is removed, in nats."""
    exact: bool
    """Whether the score is exact leave-one-out on the target."""
    share: float = 1.0
    """Share of the statement's positive scores, 0 to 1; for an alternative, its equal part of what
    the alternatives carry together."""
    alternatives: tuple[int, ...] = ()
    """Ids of other sources that say the same: any of them, or this one, is enough. The score of
    each is small then, and `sufficiency` says what it carries."""
    sufficiency: float | None = None
    """What this source alone restores of the statement's log-likelihood, in nats, where it was
    looked at."""


@dataclass(frozen=True)
class ModelCost:
    """What one model ran."""

    model: str
    parameters: int
    """Parameters of the model."""
    tokens: int
    """Tokens run through the model."""
    passes: int
    """Forward passes."""
    naive_tokens: int
    """Tokens that naive leave-one-out would run for the same ablations on this model."""


@dataclass(frozen=True)
class Cost:
    """What an attribution cost."""

    seconds: float
    """Wall-clock seconds, from the call to the result."""
    models: tuple[ModelCost, ...]

    @property
    def tokens(self) -> int:
        """Tokens run through all models."""
        return sum(model.tokens for model in self.models)


@dataclass(frozen=True, repr=False, eq=False)
class Attribution:
    """How much each source carries each token of an answer."""

    question: str
    answer: str
    chunks: tuple[Chunk, ...]
    sources: tuple[Source, ...]
    """The sources that were scored, one for each row of `scores`."""
    statements: tuple[Statement, ...]
    scores: FloatArray
    """`[sources, answer tokens]`: log p(token) with the full context minus without the source,
    in nats. Positive where the source supports the token. Read-only."""
    exact: npt.NDArray[np.bool_]
    """`[sources]`: whether the score is exact leave-one-out on the target in the full context."""
    estimands: tuple[Estimand, ...]
    """What each source's score measures."""
    token_spans: tuple[Span, ...]
    """Span in the answer of each of its tokens."""
    token_log_probs: FloatArray
    """`[answer tokens]`: log p(token) with the full context, in nats."""
    token_log_probs_without_context: FloatArray
    """`[answer tokens]`: log p(token) with every chunk removed, in nats."""
    citations: tuple[Citation, ...]
    """Supporting sources, by statement, strongest first."""
    method: str
    """Name of the method that gave the scores."""
    cost: Cost
    locations: tuple[ChunkLocation, ...] = ()
    """Where each chunk stands in the captured prompt; empty in template mode."""
    id: str | None = None
    """The caller's identifier of the request."""
    sufficiency: FloatArray | None = None
    """`[sources, answer tokens]`: log p(token) with this source alone minus with none, in nats,
    where the method scores it. Read-only."""
    audit: Audit | None = None
    """What a random check of the unscored sources found, where the method makes one."""
    alternatives: tuple[Alternatives, ...] = ()
    """Sources that say the same for a statement, at most one group for each."""
    support: tuple[Support, ...] = ()
    """How well the context supports each statement."""

    def __post_init__(self) -> None:
        sizes = {"sources": len(self.sources), "answer tokens": len(self.token_spans)}
        axes = {
            "scores": ("sources", "answer tokens"),
            "exact": ("sources",),
            "token_log_probs": ("answer tokens",),
            "token_log_probs_without_context": ("answer tokens",),
            "sufficiency": ("sources", "answer tokens"),
        }
        for name, named in axes.items():
            if getattr(self, name) is None:
                continue
            array = np.array(getattr(self, name))
            shape = tuple(sizes[axis] for axis in named)
            if array.shape != shape:
                raise InputError(
                    f"{name} must have the shape [{', '.join(named)}] = {shape}, not {array.shape}"
                )
            if not np.isfinite(array).all():
                bad = array[~np.isfinite(array)]
                raise ModelError(
                    f"{name} must hold finite numbers, but {len(bad)} of {array.size} are not "
                    f"({bad[0]}); the model overflows, try dtype float32 or bfloat16"
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays come writeable out of a copy or a pickle.
        self.__dict__.update(state)
        self.__post_init__()

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of the answer given the full context, in nats."""
        return float(self.token_log_probs.sum())

    @property
    def log_likelihood_without_context(self) -> float:
        """Log-likelihood of the answer given the question alone, in nats."""
        return float(self.token_log_probs_without_context.sum())

    @cached_property
    def source_scores(self) -> FloatArray:
        """`[sources]`: score of each source for the whole answer, in nats."""
        return np.asarray(self.scores.sum(axis=1), dtype=np.float32)

    @cached_property
    def statement_scores(self) -> FloatArray:
        """`[sources, statements]`: score of each source for each statement, in nats."""
        from attribot_integrations.statements import statement_scores

        return statement_scores(self.scores, self.statements)

    @property
    def unlocated(self) -> tuple[ChunkLocation, ...]:
        """Chunks that have no place of their own in the captured prompt, and so no score."""
        return tuple(location for location in self.locations if not location.located)

    def row(self, source_id: int) -> int:
        """Return the row of a source in `scores`.

        Raises:
            InputError: If the source was not scored.
        """
        for row, source in enumerate(self.sources):
            if source.id == source_id:
                return row
        raise InputError(f"source {source_id} was not scored, {len(self.sources)} others were")

    def rows(self, level: Level) -> list[int]:
        """Return the rows of all sources of one level."""
        return [row for row, source in enumerate(self.sources) if source.level == level]

    def citations_of(self, statement_index: int) -> tuple[Citation, ...]:
        """Return the citations of one statement, strongest first."""
        return tuple(
            citation for citation in self.citations if citation.statement_index == statement_index
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain dicts, lists and numbers; see `serialization`."""
        from attribot_integrations.serialization import attribution_to_dict

        return attribution_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Attribution:
        """Rebuild a result from `to_dict`'s output.

        Raises:
            InputError: If the data is no attribution, or of an unknown schema version.
        """
        from attribot_integrations.serialization import attribution_from_dict

        return attribution_from_dict(data)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result as JSON; metadata that JSON cannot hold is written as text."""
        from attribot_integrations.serialization import attribution_to_json

        return attribution_to_json(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Attribution:
        """Rebuild a result from `to_json`'s output."""
        from attribot_integrations.serialization import attribution_from_json

        return attribution_from_json(text)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each source and a column for each statement's score.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("Attribution.to_pandas", "pandas") from error
        columns: dict[str, Sequence[Any] | npt.NDArray[Any]] = {
            "source_id": [source.id for source in self.sources],
            "level": [source.level for source in self.sources],
            "chunk": [source.chunk_index for source in self.sources],
            "sentence": [source.sentence_index for source in self.sources],
            "text": [source.text for source in self.sources],
            "score": self.source_scores,
            "exact": self.exact,
        }
        for statement, scores in zip(self.statements, self.statement_scores.T, strict=True):
            columns[f"statement_{statement.index}"] = scores
        frame: pandas.DataFrame = pandas.DataFrame(columns)
        frame["sentence"] = frame["sentence"].astype("Int64")
        return frame

    def to_text(self) -> str:
        """Return the answer with numbered citations, and the cited sentences below."""
        from attribot_integrations.render.text import cited_text

        return cited_text(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        exact = "exact" if self.exact.all() else f"{int(self.exact.sum())} exact"
        return (
            f"Attribution(answer={self.answer[:60]!r}, statements={len(self.statements)}, "
            f"sources={len(self.sources)} ({exact}), citations={len(self.citations)}, "
            f"method={self.method!r}, seconds={self.cost.seconds:.3f})"
        )


@dataclass(frozen=True)
class FailedAttribution:
    """An attribution that could not be made; takes its place in a batch."""

    error: Exception
    """What went wrong."""
    id: str | None = None
    """The caller's identifier of the request."""
