"""Choosing chunks, and trimming them, by their relevance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.filtering import ChunkScores, SentenceRelevance
from attribot_integrations.filtering.chunk_filter import trim
from attribot_integrations.results.parts import Cost


def scored(relevance: Sequence[float], sentences: Sequence[SentenceRelevance] = ()) -> ChunkScores:
    chunks = tuple(Chunk("One. Two. Three.") for _ in relevance)
    array = np.array(relevance, dtype=np.float32)
    return ChunkScores("Who?", chunks, array, tuple(sentences), "draft", None, Cost(0.0, ()))


def sentence(chunk: int, start: int, end: int, relevance: float) -> SentenceRelevance:
    return SentenceRelevance(chunk, start, end, relevance)


def test_half_is_the_threshold_and_is_kept() -> None:
    assert scored([0.49, 0.5, 0.9]).keep() == (1, 2)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 0.9])
def test_threshold_is_inclusive_in_the_precision_of_scores(threshold: float) -> None:
    assert scored([threshold]).keep(threshold=threshold) == (0,)
    lone = scored([1.0], [sentence(0, 0, 4, float(np.float32(threshold)))])
    assert lone.trimmed(0, threshold=threshold) == ((0, 4),)


def test_top_n_takes_the_earlier_of_equals_and_keeps_the_order() -> None:
    scores = scored([0.2, 0.8, 0.8, 0.9])
    assert scores.keep(top_n=2) == (1, 3)
    assert scores.keep(top_n=3) == (1, 2, 3)
    assert scores.keep(top_n=9) == (0, 1, 2, 3)


def test_top_n_alone_has_no_threshold_and_both_apply_together() -> None:
    scores = scored([0.1, 0.2, 0.9])
    assert scores.keep(top_n=2) == (1, 2)
    assert scores.keep(top_n=2, threshold=0.5) == (2,)


def test_limits_of_the_threshold() -> None:
    scores = scored([0.0, 1.0])
    assert scores.keep(threshold=0.0) == (0, 1)
    assert scores.keep(threshold=1.0) == (1,)


def test_nothing_may_be_left_unless_a_minimum_is_asked_for() -> None:
    scores = scored([0.1, 0.3, 0.2])
    assert scores.keep() == ()
    assert scores.keep(min_chunks=2) == (1, 2)
    assert scores.keep(min_chunks=9) == (0, 1, 2)
    assert scores.keep(top_n=1, min_chunks=2) == (1, 2)
    assert scored([]).keep(min_chunks=2) == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.1}, r"threshold must be from 0 to 1, got 1\.1"),
        ({"threshold": -0.1}, r"threshold must be from 0 to 1, got -0\.1"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1, got nan"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"min_chunks": -1}, "min_chunks must not be negative, got -1"),
    ],
)
def test_bad_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        scored([0.5]).keep(**options)  # type: ignore[arg-type]


def test_trimming_joins_neighbours_only() -> None:
    sentences = [
        sentence(0, 0, 4, 0.9),
        sentence(0, 5, 9, 0.5),
        sentence(0, 10, 16, 0.1),
        sentence(1, 0, 4, 0.9),
        sentence(1, 5, 9, 0.1),
        sentence(1, 10, 16, 0.9),
        sentence(2, 0, 4, 0.1),
    ]
    scores = scored([0.9, 0.9, 0.1], sentences)
    assert scores.trimmed(0) == ((0, 9),)
    assert scores.trimmed(1) == ((0, 4), (10, 16))
    assert scores.trimmed(2) == ()
    assert scores.trimmed(0, threshold=0.05) == ((0, 16),)
    assert scores.trimmed(0, threshold=0.6) == ((0, 4),)


def test_trimming_what_cannot_be() -> None:
    with pytest.raises(InputError, match='sentences were not scored; ask for granularity="sent'):
        scored([0.9]).trimmed(0)
    with pytest.raises(InputError, match="index must be from 0 to 0, got 1"):
        scored([0.9]).trimmed(1)
    with pytest.raises(ConfigurationError, match="threshold must be from 0 to 1, got 2"):
        scored([0.9], [sentence(0, 0, 4, 0.9)]).trimmed(0, threshold=2)


def test_relevance_cannot_be_changed_and_is_a_copy() -> None:
    array = np.array([0.5], dtype=np.float32)
    scores = ChunkScores("Who?", (Chunk("A."),), array, (), "draft", None, Cost(0.0, ()))
    array[0] = 0.0
    assert scores.keep() == (0,)
    with pytest.raises(ValueError, match="read-only"):
        scores.relevance[0] = 1.0


def test_what_frames_relevant_parts_is_kept() -> None:
    text = '{"a": 1, "b": 2, "c": 3}'
    context = SourceSet.build([Chunk(text)], SplitStructure())
    relevance = (0.1, 0.9, 0.8)
    sentences = tuple(
        SentenceRelevance(0, each.start, each.end, value)
        for each, value in zip(context.sentences, relevance, strict=True)
    )
    scores = replace(scored([0.9], sentences), chunks=context.chunks, pieces=context.pieces)
    kept = scores.trimmed(0)
    assert "".join(text[start:end] for start, end in kept) == '{"b": 2, "c": 3}'
    assert json.loads(trim(text, kept)[0]) == {"b": 2, "c": 3}
    assert scores.trimmed(0, threshold=0.95) == ()
