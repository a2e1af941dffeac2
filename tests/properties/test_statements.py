"""Tokens belong to one statement each, and no score is lost or counted twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from attribot_integrations.context.sources import (
    SentenceSplitter,
    Span,
    clean_text,
    split_sentences,
)
from attribot_integrations.results.statements import (
    find_statements,
    spread_over_tokens,
    statement_scores,
)
from attribot_integrations.results.wording import wording_of
from attribot_integrations.tokens.encoding import TextEncoder
from tests.properties.strategies import spans_of, tilings, visible_texts
from tests.unit.tokenizers_for_tests import TOKENIZERS

ENCODERS = [TextEncoder(make()) for make in TOKENIZERS.values()]


def scores_for(
    data: st.DataObject, tokens: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    seed = data.draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).normal(size=(3, tokens)).astype(np.float32)


@given(visible_texts(), st.data())
def test_statements_tile_the_answers_tokens(answer: str, data: st.DataObject) -> None:
    assume(wording_of(answer).text)
    spans = data.draw(tilings(len(answer)))

    def anywhere(text: str) -> list[Span]:
        return data.draw(spans_of(text))

    splitter: SentenceSplitter = anywhere if data.draw(st.booleans()) else split_sentences
    statements = find_statements(answer, spans, splitter)
    assert [token for one in statements for token in range(*one.tokens)] == [*range(len(spans))]
    for index, statement in enumerate(statements):
        assert statement.index == index
        assert answer[statement.start : statement.end] == statement.text
        assert statement.text.strip()
    scores = scores_for(data, len(spans))
    summed = statement_scores(scores, statements)
    assert summed.shape == (3, len(statements))
    np.testing.assert_allclose(summed.sum(axis=1), scores.sum(axis=1), atol=1e-4)


@given(visible_texts(), st.sampled_from(ENCODERS))
def test_statements_tile_the_tokens_of_every_tokenizer(answer: str, encoder: TextEncoder) -> None:
    offsets = encoder.encode_text(clean_text(answer)).offsets
    statements = find_statements(answer, offsets)
    tokens = [token for one in statements for token in range(*one.tokens)]
    assert tokens == [*range(len(offsets))]
    for statement in statements[1:]:  # a statement's first token holds none of the one before
        before = statements[statement.index - 1]
        for start, end in offsets[slice(*statement.tokens)]:
            visible = [place for place in range(start, end) if not answer[place].isspace()]
            assert not visible or visible[0] >= before.end


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(tilings(n), tilings(n))), st.data())
def test_spreading_keeps_totals_and_shared_stretches(
    pair: tuple[list[tuple[int, int]], list[tuple[int, int]]], data: st.DataObject
) -> None:
    spans, other_spans = pair
    values = scores_for(data, len(spans))
    carried = spread_over_tokens(values, spans, other_spans)
    assert carried.shape == (3, len(other_spans))
    np.testing.assert_allclose(carried.sum(axis=1), values.sum(axis=1), atol=1e-4)
    for edge in {end for _, end in spans} & {end for _, end in other_spans}:
        own = [token for token, (_, end) in enumerate(spans) if end <= edge]
        other = [token for token, (_, end) in enumerate(other_spans) if end <= edge]
        np.testing.assert_allclose(
            carried[:, other].sum(axis=1), values[:, own].sum(axis=1), atol=1e-4
        )


def spread_simply(
    values: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    spans: Sequence[Span],
    other_spans: Sequence[Span],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Compare every token with every other."""
    weights = np.zeros((len(spans), len(other_spans)))
    for row, (start, end) in enumerate(spans):
        overlaps = [max(0, min(end, high) - max(start, low)) for low, high in other_spans]
        if not any(overlaps):
            distances = [abs(low - start) for low, _ in other_spans]
            overlaps = [int(column == np.argmin(distances)) for column in range(len(other_spans))]
        weights[row] = np.array(overlaps) / sum(overlaps)
    return values.astype(np.float64) @ weights


SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 4)), min_size=1, max_size=12).map(
    lambda drawn: [(start, start + length) for start, length in drawn]
)
"""Spans in any order, overlapping and empty ones among them; tokenizers are tamer than this."""


@given(SPANS, SPANS, st.booleans(), st.data())
def test_spreading_gives_the_same_numbers_as_the_simple_form(
    spans: list[Span], other_spans: list[Span], in_order: bool, data: st.DataObject
) -> None:
    if in_order:
        spans, other_spans = sorted(spans), sorted(other_spans)
    values = scores_for(data, len(spans))
    np.testing.assert_allclose(
        spread_over_tokens(values, spans, other_spans),
        values if spans == other_spans else spread_simply(values, spans, other_spans),
        atol=1e-5,
    )


@given(visible_texts(), st.sampled_from(ENCODERS), st.sampled_from(ENCODERS), st.data())
def test_spreading_between_tokenizers_keeps_totals(
    answer: str, encoder: TextEncoder, other: TextEncoder, data: st.DataObject
) -> None:
    answer = clean_text(answer)
    spans = encoder.encode_text(answer).offsets
    values = scores_for(data, len(spans))
    carried = spread_over_tokens(values, spans, other.encode_text(answer).offsets)
    np.testing.assert_allclose(carried.sum(axis=1), values.sum(axis=1), atol=1e-4)
