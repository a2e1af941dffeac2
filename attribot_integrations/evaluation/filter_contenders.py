"""Ways of choosing chunks before generation, to be compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.tfidf import check_tfidf, tfidf_similarities
from attribot_integrations.filtering.chunk_scoring import named_signal, score_chunks
from attribot_integrations.filtering.keeping import KeepRule

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.filtering import RelevanceSignal
    from attribot_integrations.results.parts import ModelCost
    from attribot_integrations.scoring.protocols import ScoringModel

__all__ = [
    "FILTERS",
    "ContextFilter",
    "Filtered",
    "KeepEverything",
    "RelevanceFilter",
    "TfidfFilter",
    "context_filters",
    "known_filters",
]

FILTERS = (
    "none",
    "tfidf-top",
    "tfidf",
    "words",
    "draft",
    "draft-target",
    "draft-proxy",
    "question",
    "both",
)
"""Names of the filters."""


@dataclass(frozen=True)
class Filtered:
    """What a filter kept, and at which cost."""

    kept: tuple[int, ...]
    """Indexes of the chunks that stay."""
    seconds: float
    models: tuple[ModelCost, ...] = ()
    """What it ran."""


class ContextFilter(Protocol):
    """Anything that chooses chunks for a question."""

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> Filtered:
        """Choose chunks."""
        ...


@dataclass(frozen=True)
class KeepEverything:
    """No filter."""

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> Filtered:
        """Choose all chunks."""
        return Filtered(tuple(range(len(chunks))), 0.0)


@dataclass(frozen=True)
class TfidfFilter:
    """Cosine similarity of chunk and question, as TF-IDF vectors over the context and the question.

    Raises:
        ConfigurationError: If neither or both limits are given.
        MissingExtraError: If scikit-learn is not installed.
    """

    threshold: float | None = None
    """Least similarity, inclusive."""
    top_n: int | None = None
    """Most chunks."""

    def __post_init__(self) -> None:
        if (self.threshold is None) == (self.top_n is None):
            raise ConfigurationError(
                f"give either threshold or top_n, got {self.threshold} and {self.top_n}"
            )
        check_tfidf("the filter tfidf")

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> Filtered:
        """Choose the chunks that share words with the question."""
        started = time.perf_counter()
        scores = tfidf_similarities(question, [chunk.text for chunk in chunks])
        kept = KeepRule(self.threshold, self.top_n).kept(scores)
        return Filtered(kept, time.perf_counter() - started)


@dataclass(frozen=True)
class RelevanceFilter:
    """Chunks by this package's relevance."""

    engine: AttributionEngine
    model: ScoringModel
    """The engine's target or proxy, which judges."""
    signal: RelevanceSignal
    threshold: float | None = None
    """Least relevance; the documented default if it is not given."""
    drafter: ScoringModel | None = None
    """The model that drafts, where it is another one."""

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> Filtered:
        """Choose relevant chunks."""
        scores = score_chunks(
            self.model,
            question,
            chunks,
            signal=self.signal,
            granularity="chunk",
            options=self.engine.options,
            drafter=self.drafter,
        )
        return Filtered(
            kept=scores.keep(threshold=self.threshold),
            seconds=scores.cost.seconds,
            models=scores.cost.models,
        )


def context_filters(
    names: Sequence[str],
    engine: AttributionEngine,
    *,
    threshold: float | None = None,
    similarity: float = 0.1,
    top_n: int = 4,
) -> dict[str, ContextFilter]:
    """Return filters by name.

    Args:
        names: Names of `FILTERS`; "all" stands for all that the engine has models for.
        engine: The models. "words", "draft", "question" and "both" are those of
            `engine.score_chunks`, judged by the proxy if there is one; "draft-target" and
            "draft-proxy" run one model.
        threshold: Least relevance of a chunk; the documented default if it is not given.
        similarity: Least TF-IDF cosine for "tfidf".
        top_n: Number of chunks for "tfidf-top".

    Raises:
        ConfigurationError: If a name is unknown, or a filter needs a proxy and there is none.
        MissingExtraError: If a filter needs a package that is not installed.
    """
    chosen: dict[str, ContextFilter] = {}
    for name in known_filters(names):
        if name == "none":
            chosen[name] = KeepEverything()
        elif name == "tfidf":
            chosen[name] = TfidfFilter(threshold=similarity)
        elif name == "tfidf-top":
            chosen[name] = TfidfFilter(top_n=top_n)
        elif name != "draft-proxy" or engine.proxy is not None:
            chosen[name] = _relevance_filter(name, engine, threshold)
        elif name in names:
            raise ConfigurationError(f"the filter {name!r} runs a proxy model, and there is none")
    return chosen


def known_filters(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of filters, "all" being replaced by all of them.

    Raises:
        ConfigurationError: If a name is unknown, or there is none.
    """
    for name in names:
        if name not in (*FILTERS, "all"):
            known = ", ".join([*FILTERS, "all"])
            raise ConfigurationError(f"no filter is called {name!r}; there are {known}")
    if not names:
        raise ConfigurationError("no filter is left to evaluate")
    every = (member for name in names for member in (FILTERS if name == "all" else (name,)))
    return tuple(dict.fromkeys(every))


def _relevance_filter(
    name: str, engine: AttributionEngine, threshold: float | None
) -> RelevanceFilter:
    signal = named_signal(name.partition("-")[0])
    judge = engine.target if name == "draft-target" else engine.proxy or engine.target
    drafter = judge if name == "draft-proxy" else engine.target
    return RelevanceFilter(engine, judge, signal, threshold, drafter)
