"""A splitter for each script."""

from __future__ import annotations

import pytest

from attribot_integrations.context.by_script import SplitByScript
from attribot_integrations.context.sources import Span, split_sentences
from attribot_integrations.errors import ConfigurationError


def words(text: str) -> list[Span]:
    """Every word is a sentence."""
    spans, place = [], 0
    for word in text.split():
        place = text.index(word, place)
        spans.append((place, place + len(word)))
        place += len(word)
    return spans


def test_each_paragraph_has_the_splitter_of_its_script() -> None:
    text = "It is hot. It rains.\n\nกา มา\nกิน ดี\n\nIt is over. Yes."
    split = SplitByScript({"Thai": words})
    assert [text[start:end] for start, end in split(text)] == [
        *("It is hot.", "It rains.", "กา", "มา", "กิน", "ดี", "It is over.", "Yes."),
    ]
    assert split("") == split(" \n ") == []
    assert SplitByScript()(text) == split_sentences(text)
    assert SplitByScript({"Thai": words}, other=words)("a b") == [(0, 1), (2, 3)]


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        ({"th": words}, r"scripts must be named as Unicode does, such as 'Thai', got \['th'\]"),
        ({"Thai": "words"}, "a sentence splitter must be callable, got 'words'"),
        ({"Thai": SplitByScript}, "a sentence splitter must be callable, got <class"),
    ],
)
def test_options_are_checked(scripts: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SplitByScript(scripts)  # type: ignore[arg-type]


def test_spans_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="must return spans in order"):
        SplitByScript({"Thai": lambda text: [(0, len(text) + 1)]})("กา")
