"""Statements count as settled only when what comes next cannot change them."""

import pytest

from attribot_integrations.answers.settling import Settled, settled_statements
from attribot_integrations.context.sources import split_sentences
from attribot_integrations.results.statements import find_statements


def settled(text: str) -> list[str]:
    found = settled_statements(text, split_sentences)
    if found is None:
        return []
    cut = find_statements(text[: found.end], ())
    assert len(cut) == found.count + 1
    return [each.text for each in cut[:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("It is red.", []),
        ("It is red. ", []),
        ("It is red. T", ["It is red."]),
        ("One is red. Two is. Three", ["One is red.", "Two is."]),
        ("  \n One is red. Two", ["One is red."]),
        ("The price is 3.5 coins. It", ["The price is 3.5 coins."]),
        ("It cost 3", []),
        ("See Dr. Smith", []),
        ("他说。这是", ["他说。"]),
        ('He said "It is red. It is', []),
        ('He said "It is red. It is." Then', ['He said "It is red. It is."']),
        ("It was red (a colour. It", []),
        ("**It is red. It", []),
        ("**It is red.** It", ["It is red."]),
        ("It is _red. It_ is. So", ["It is _red.", "It_ is."]),
        ("It is red. [1", ["It is red."]),
        ("It is red [1][2]. It", ["It is red [1][2]."]),
        ("- It is red.\n- It", ["It is red."]),
        ("# A heading\n\nIt", ["A heading"]),
        ("A heading", []),
        ("| a. B | c |", []),
        ("```\nx. y\n", []),
        ("```\nx. y\n```\n\nIt", ["```\nx. y\n```"]),
        ("<think>One. Two. Three", []),
        ("<think>One. Two.</think>Three is. Four", ["Three is."]),
        ('{"a": "One is. Two is. Three', []),
        ('```json\n["One is. Two is. Three', []),
        ("[1] says so. It", ["says so."]),
    ],
)
def test_what_is_settled(text: str, expected: list[str]) -> None:
    assert settled(text) == expected


def test_the_text_is_cut_behind_a_word_of_the_next_statement() -> None:
    assert settled_statements("**It is red.** It is", split_sentences) == Settled(1, 17)
    assert settled_statements("It is red. It was, too", split_sentences) == Settled(1, 13)


def test_only_what_is_more_than_known_is_told() -> None:
    text = "One is red. Two is. Three"
    assert settled_statements(text, split_sentences, 1) == Settled(2, 25)
    assert settled_statements(text, split_sentences, 2) is None


def test_a_splitter_of_ones_own_counts() -> None:
    def by_semicolon(text: str) -> list[tuple[int, int]]:
        found, start = [], 0
        for piece in text.split(";"):
            if piece.strip():
                found.append((start, start + len(piece)))
            start += len(piece) + 1
        return found

    assert settled_statements("It is red. It is; blu", by_semicolon) == Settled(1, 21)
    assert settled_statements("It is red. It", by_semicolon) is None
