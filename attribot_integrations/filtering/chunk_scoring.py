"""From a question and its chunks to the relevance of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.errors import ConfigurationError, EmptyContextError, InputError
from attribot_integrations.filtering.chunk_scores import ChunkScores, SentenceRelevance
from attribot_integrations.filtering.relevance import RelevanceInput, RelevanceSignal
from attribot_integrations.filtering.signals import SIGNALS
from attribot_integrations.results.parts import Cost

if TYPE_CHECKING:
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.scoring.protocols import ScoringModel

__all__ = ["Granularity", "SignalName", "check_granularity", "named_signal", "score_chunks"]

Granularity = Literal["chunk", "sentence"]
"""What is scored: whole chunks, or their sentences too."""
SignalName = Literal["words", "draft", "question", "both"]
"""Names that options take in the place of a signal."""


def score_chunks(
    model: ScoringModel,
    question: str,
    chunks: Sequence[str | Chunk],
    *,
    signal: RelevanceSignal | SignalName,
    granularity: Granularity,
    options: EngineOptions,
    drafter: ScoringModel | None = None,
) -> ChunkScores:
    """Say how relevant each chunk is to a question that has no answer yet.

    Args:
        model: The model that judges.
        question: The question.
        chunks: The retrieved chunks; none, or only blank ones, are fine.
        signal: What relevance is judged by.
        granularity: "sentence" scores sentences in addition. A chunk is at least as relevant as
            its most relevant sentence.
        options: Prompt template, sentence splitter and token budget.
        drafter: The model that drafts an answer if the signal needs one; by default the same.

    Raises:
        InputError: If the question is blank or chunks are of a wrong type.
        PromptTooLongError: If all chunks together do not fit in the model's context.
        ConfigurationError: If the signal or granularity is unknown.
    """
    started = time.perf_counter()
    chosen = named_signal(signal)
    check_granularity(granularity)
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"the question must be text that is not blank, got {question!r:.60}")
    try:
        wrapped = as_chunks(chunks)
    except EmptyContextError:
        blank = tuple(each if isinstance(each, Chunk) else Chunk(each) for each in chunks)
        return ChunkScores(
            question, blank, np.zeros(len(blank), np.float32), (), chosen.name, None, Cost(0.0, ())
        )
    context = SourceSet.build(wrapped, options.splitter)
    wholes = context.whole_chunks
    sources = (*wholes, *(context.sentences if granularity == "sentence" else ()))
    found = chosen(RelevanceInput(model, question, context, sources, options, drafter))
    relevance = np.zeros(len(wrapped), dtype=np.float32)
    for source, value in zip(sources, found.probabilities, strict=True):
        relevance[source.chunk_index] = max(relevance[source.chunk_index], value)
    return ChunkScores(
        question=question,
        chunks=wrapped,
        relevance=relevance,
        sentences=tuple(
            SentenceRelevance(each.chunk_index, each.start, each.end, float(value))
            for each, value in zip(sources, found.probabilities, strict=True)
            if each.level == "sentence"
        ),
        signal=chosen.name,
        draft=found.draft,
        cost=Cost(time.perf_counter() - started, found.cost),
        pieces=context.pieces if granularity == "sentence" else {},
    )


def check_granularity(granularity: object) -> None:
    """Check what is to be scored.

    Raises:
        ConfigurationError: If it is no `Granularity`.
    """
    if granularity not in get_args(Granularity):
        raise ConfigurationError(
            f"granularity must be one of {list(get_args(Granularity))}, got {granularity!r}"
        )


def named_signal(signal: RelevanceSignal | str) -> RelevanceSignal:
    """Return a signal by its name, or the signal itself.

    Raises:
        ConfigurationError: If there is none of that name, or it is no signal.
    """
    if not isinstance(signal, str):
        if not callable(signal):
            raise ConfigurationError(f"signal must be a name or a RelevanceSignal, got {signal!r}")
        return signal
    if signal not in SIGNALS:
        raise ConfigurationError(f"signal must be one of {list(SIGNALS)}, got {signal!r}")
    return SIGNALS[signal]
