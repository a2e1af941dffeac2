"""Marks of citations, told from code, lists and years."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.results.citation_marks import (
    code_spans,
    find_marks,
    joins_marks,
    parse_numbers,
)
from attribot_integrations.results.wording import wording_of
from tests.unit.auditing.styles import FACT, NO_MARKS, OTHER, STYLES


def labels(text: str) -> tuple[str, ...]:
    return tuple(label for mark in find_marks(text) for label in mark.labels)


def test_the_list_of_styles_is_long() -> None:
    assert len(STYLES) >= 60
    assert len({text for text, _ in STYLES}) == len(STYLES)


@pytest.mark.parametrize(("text", "cited"), STYLES)
def test_every_style_is_read(text: str, cited: tuple[str, ...]) -> None:
    assert labels(text) == cited


@pytest.mark.parametrize("text", [text for text, _ in STYLES if text not in OTHER])
def test_no_mark_is_scored(text: str) -> None:
    assert wording_of(text).text.rstrip(".") == FACT.rstrip(".")


@pytest.mark.parametrize("text", NO_MARKS)
def test_nothing_else_is_taken_for_a_mark(text: str) -> None:
    assert find_marks(text) == ()


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("1", ("1",)),
        (" 1 ", ("1",)),
        ("1, 1, 2", ("1", "2")),
        ("2-4, 9", ("2", "3", "4", "9")),
        ("4-2", ()),
        ("1-90", ()),
        ("doc 2", ("2",)),
        ("Sources 1 and 2", ("1", "2")),
        ("1998", ()),
        ("one", ()),
        ("", ()),
        ("1a", ()),
    ],
)
def test_numbers(content: str, numbers: tuple[str, ...]) -> None:
    assert parse_numbers(content) == numbers


def test_places_of_results_count_from_zero() -> None:
    (mark,) = find_marks("It opened in 1962.【4:0†file.pdf】")
    assert mark.labels == ("file.pdf", "0")
    assert mark.from_zero


def test_links_are_kept() -> None:
    (mark,) = find_marks("It opened in 1962 [1](https://example.org/a).")
    assert mark.link == "https://example.org/a"
    assert (mark.start, mark.end) == (18, 44)
    (mark,) = find_marks("It opened [(Smith 2020)](https://example.org/a).")
    assert mark.labels == ("Smith 2020",)


def test_code_is_found() -> None:
    text = "Take `a` and\n```\nb\n```\nthen."
    assert [text[start:end] for start, end in code_spans(text)] == ["`a`", "```\nb\n```"]


@pytest.mark.parametrize(
    ("between", "joined"),
    [("", True), (" ", True), (", ", True), (" and ", True), (". ", False), (" or so ", False)],
)
def test_what_joins_marks(between: str, joined: bool) -> None:
    assert joins_marks(between) is joined


@given(st.text("ab1 2.,[]()^【】†`<>/¹:\n*", max_size=60))
def test_marks_are_in_order_inside_the_text_and_apart(text: str) -> None:
    done = 0
    for mark in find_marks(text):
        assert done <= mark.start < mark.end <= len(text)
        assert mark.labels
        done = mark.end


HOSTILE = "[ 【 ( ¹ [1] [1][ ([1] [[ ]( 1[ a[1] <sup> <cite ^1 `[1] [1,1,1,1, (doc"


@pytest.mark.parametrize("piece", [*HOSTILE.split(), "[1] ", "(see ", "[1, 2] and "])
def test_hostile_texts_take_no_time(piece: str) -> None:
    started = time.process_time()
    find_marks(piece * 20_000)
    assert time.process_time() - started < 5
