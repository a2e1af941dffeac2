"""Searching for runs of words."""

from __future__ import annotations

import pytest

from attribot_integrations.context.word_search import WordSearch, prepare


def test_a_place_is_taken_once() -> None:
    search = WordSearch("We left. We  left.")
    assert search.take(prepare("We left. We left.")) == [(0, 18)]
    assert search.take(prepare("We left.")) == []
    assert search.take(prepare("We went.")) is None


def test_a_place_behind_a_taken_one_is_found() -> None:
    search = WordSearch("a b a b a b a c")
    assert search.take(prepare("b a b a b")) == [(2, 11)]
    assert search.take(prepare("a b a")) == []
    assert search.take(prepare("a c")) == [(12, 15)]


@pytest.mark.parametrize("text", ["", " ", "\n\t\u2003"])
def test_blank_text(text: str) -> None:
    assert prepare(text) == ""
    assert WordSearch(text).take(prepare("a")) is None


def test_white_space_is_equal_whatever_it_is() -> None:
    assert prepare(" We\r\n\tleft.\n") == prepare("We left.")
    assert prepare("Weleft.") != prepare("We left.")
    assert WordSearch("(We\u2028left.)").take(prepare("We left.")) == [(1, 9)]
