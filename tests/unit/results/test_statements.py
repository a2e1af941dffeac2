"""Dividing answers, and carrying scores from one tokenizer's tokens to another's."""

from __future__ import annotations

import time

import numpy as np
import pytest

from attribot_integrations.context.sources import Span
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.results import Statement
from attribot_integrations.results.statements import (
    find_statements,
    spread_over_tokens,
    statement_scores,
)
from attribot_integrations.tokens.encoding import TextEncoder
from tests.unit.tokenizers_for_tests import TOKENIZERS


def spans_of(*tokens: str) -> list[Span]:
    ends = np.cumsum([len(token) for token in tokens]).tolist()
    return [(end - len(token), end) for token, end in zip(tokens, ends, strict=True)]


def test_tokens_go_to_the_statement_of_their_first_visible_character() -> None:
    tokens = ("It", " rained", ".", " We", " left", ".")
    statements = find_statements("".join(tokens), spans_of(*tokens))
    assert statements == (
        Statement(0, 0, 10, "It rained.", (0, 3)),
        Statement(1, 11, 19, "We left.", (3, 6)),
    )


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (("\n", "One.", " ", "\n", "Two.", "\n"), [(0, 4), (4, 6)]),
        (("One.\n", "Two."), [(0, 1), (1, 2)]),
        (("One", ".\nTwo", "."), [(0, 2), (2, 3)]),
        (("One.\nTwo.",), [(0, 1), (1, 1)]),
    ],
    ids=["white space alone", "line break behind", "across the border", "one token"],
)
def test_tokens_at_the_borders(tokens: tuple[str, ...], expected: list[Span]) -> None:
    statements = find_statements("".join(tokens), spans_of(*tokens))
    assert [statement.tokens for statement in statements] == expected


@pytest.mark.parametrize("name", [*TOKENIZERS])
def test_line_breaks_belong_to_the_statement_before(name: str) -> None:
    answer = "It rained.\n\nWe left."
    encoder = TextEncoder(TOKENIZERS[name]())
    offsets = encoder.encode_text(answer).offsets
    first, second = find_statements(answer, offsets)
    assert answer[slice(*offsets[second.tokens[0]])].startswith("W")
    assert answer[slice(*offsets[first.tokens[1] - 1])].isspace()


def test_several_tokens_of_one_character_stay_together() -> None:
    offsets = [(0, 1), (1, 2), (2, 3), (3, 4), (3, 4), (3, 4), (4, 5)]
    statements = find_statements("A. 漢.", offsets, lambda text: [(0, 2), (3, 5)])
    assert [statement.tokens for statement in statements] == [(0, 3), (3, 7)]


def test_splitter_that_finds_nothing_leaves_one_statement() -> None:
    statements = find_statements(" all of it ", [(0, 4), (4, 11)], lambda text: [])
    assert statements == (Statement(0, 1, 10, "all of it", (0, 2)),)


def test_splitter_with_impossible_spans_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a sentence splitter must return spans in order"):
        find_statements("One. Two.", [(0, 9)], lambda text: [(5, 9), (0, 4)])


def test_statement_scores() -> None:
    scores = np.array([[1, 2, 4], [-1, 0, 8]], dtype=np.float32)
    statements = (Statement(0, 0, 1, "a", (0, 2)), Statement(1, 2, 3, "b", (2, 3)))
    summed = statement_scores(scores, statements)
    assert summed.dtype == np.float32
    assert summed.tolist() == [[3, 4], [-1, 8]]


def spread(values: list[float], spans: list[Span], other_spans: list[Span]) -> list[float]:
    carried = spread_over_tokens(np.array([values], dtype=np.float32), spans, other_spans)
    assert carried.dtype == np.float32
    return [round(float(value), 5) for value in carried[0]]


@pytest.mark.parametrize(
    ("values", "spans", "other_spans", "expected"),
    [
        ([1.0, 2.0], [(0, 2), (2, 4)], [(0, 2), (2, 4)], [1, 2]),
        ([1.0, 2.0], [(0, 2), (2, 4)], [(0, 4)], [3]),
        ([4.0], [(0, 4)], [(0, 1), (1, 4)], [1, 3]),
        ([2.0, 4.0], [(0, 2), (2, 4)], [(0, 1), (1, 3), (3, 4)], [1, 3, 2]),
        # Tokens of one character share its value, however many there are on each side.
        ([3.0, 1.0], [(0, 1), (1, 2)], [(0, 1), (0, 1), (0, 1), (1, 2)], [1, 1, 1, 1]),
        ([1.0, 1.0, 1.0], [(0, 1), (0, 1), (0, 1)], [(0, 1)], [3]),
        # What has no characters in common goes to the token that starts nearest.
        ([1.0, 2.0, 4.0], [(0, 2), (2, 2), (2, 4)], [(0, 2), (2, 4)], [1, 6]),
        ([1.0, 2.0, 4.0], [(0, 2), (2, 3), (3, 5)], [(0, 2), (3, 5)], [1, 6]),
    ],
)
def test_spread_over_tokens(
    values: list[float], spans: list[Span], other_spans: list[Span], expected: list[float]
) -> None:
    assert spread(values, spans, other_spans) == expected


def test_spread_over_long_answers_is_fast() -> None:
    spans = [(place, place + 3) for place in range(0, 30_000, 3)]
    other_spans = [(place, place + 2) for place in range(0, 30_000, 2)]
    started = time.thread_time()
    carried = spread_over_tokens(np.ones((8, len(spans)), np.float32), spans, other_spans)
    assert time.thread_time() - started < 10
    np.testing.assert_allclose(carried, 2 / 3, rtol=1e-6)


def test_spread_keeps_leading_dimensions() -> None:
    spans, other_spans = [(0, 2), (2, 4)], [(0, 4)]
    assert spread_over_tokens(np.ones(2, np.float32), spans, other_spans).tolist() == [2]
    assert spread_over_tokens(np.ones((0, 2), np.float32), spans, other_spans).shape == (0, 1)


def test_statements_may_be_given() -> None:
    tokens = ("One.", " Two.", "\n", "Three", ".", "\n", " ")
    spans = spans_of(*tokens)
    given = [(0, 9), (10, 16), (17, 18)]
    assert find_statements("".join(tokens), spans, given=given) == (
        Statement(0, 0, 9, "One. Two.", (0, 3)),
        Statement(1, 10, 16, "Three.", (3, 7)),
    )
    for wrong in ([(0, 30)], [(5, 9), (0, 4)], [(4, 2)]):
        with pytest.raises(InputError, match="statements must be spans in order"):
            find_statements("".join(tokens), spans, given=wrong)


@pytest.mark.parametrize("given", [[], [(4, 4)]])
def test_where_no_given_statement_has_words_they_are_found(given: list[Span]) -> None:
    answer = "One. Two."
    spans = [(index, index + 1) for index in range(len(answer))]
    assert find_statements(answer, spans, given=[*given, (4, 5)]) == find_statements(answer, spans)
    assert find_statements(answer, spans, given=[]) == find_statements(answer, spans)
