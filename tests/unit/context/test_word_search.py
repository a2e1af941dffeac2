"""Searching for rows of units."""

from __future__ import annotations

import pytest

from attribot_integrations.context.dress import spaced
from attribot_integrations.context.layers import Layer
from attribot_integrations.context.word_search import WordSearch, last_taken, telling_words


def search(text: str) -> WordSearch:
    return WordSearch(spaced(Layer(text)))


def test_copies_do_not_overlap_one_another() -> None:
    assert search("a a a a a").find("a a", bytearray(9)) == ([(0, 3), (4, 7)], [])
    assert search("We left.").find("We went.", bytearray(8)) == ([], [])


def test_what_is_taken_blocks() -> None:
    taken = bytearray(15)
    taken[2:11] = b"\x01" * 9
    assert search("a b a b a b a c").find("a b a", taken) == ([], [(0, 5), (8, 13)])
    assert search("a b a b a b a c").find("a c", taken) == ([(12, 15)], [])


def test_spans_are_of_the_folded_text() -> None:
    here = search("(We\n\n  left.) We left.")
    assert here.layer.text == "(We left.) We left."
    assert here.find("We left.", bytearray(22)) == ([(1, 9), (11, 19)], [])
    assert here.layer.origin(1, 9) == (1, 12)


@pytest.mark.parametrize("text", ["", " "])
def test_blank_text(text: str) -> None:
    assert search(text).find("a", bytearray(len(text))) == ([], [])


def test_borders() -> None:
    here = search("non-smoker x")
    assert [here.is_border(place) for place in (0, 3, 4, 10, 11, 12)] == [
        True,
        False,
        False,
        True,
        True,
        True,
    ]


def test_last_taken() -> None:
    assert last_taken(bytearray(b"\x00\x01\x02\x00"), 0, 4) == 2
    assert last_taken(bytearray(b"\x00\x01\x02\x00"), 0, 2) == 1
    assert last_taken(bytearray(b"\x00\x01\x02\x00"), 3, 4) == -1


def test_telling_words() -> None:
    text = "We left Pier9 at 10, and THEY stayed"
    assert telling_words([text]) == {"left", "pier", "9", "10", "they", "stayed"}
    assert telling_words(["東京都", "a b"]) == {"東京", "京都"}
