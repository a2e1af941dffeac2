"""Which statements an answer is made of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.context.segmentation import split_answer
from attribot_integrations.context.sources import split_sentences
from attribot_integrations.errors import ConfigurationError


def statements(answer: str) -> list[str]:
    return [answer[start:end] for start, end in split_answer(answer, split_sentences)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("One. Two!", ["One.", "Two!"]),
        ("Paris", ["Paris"]),
        ("  42 ", ["42"]),
        ("Dr. Smith paid $3.50 for it. He left.", ["Dr. Smith paid $3.50 for it.", "He left."]),
        ('"It opened," he said. Then?', ['"It opened," he said.', "Then?"]),
        ("# Prices\nA bike costs 9. It is red.", ["Prices", "A bike costs 9.", "It is red."]),
        ("Prices. All.\n======\nA bike.", ["Prices. All.", "A bike."]),
        (
            "The towns:\n\n- Oslo\n- Rome is old. It is big.\n",
            ["The towns:", "Oslo", "Rome is old.", "It is big."],
        ),
        ("1. First\n2. Second\n   goes on", ["First", "Second\n   goes on"]),
        ("* outer\n  * inner one\n  * inner two", ["outer", "inner one", "inner two"]),
        (
            "> She said it. He nodded.\n\nThey left.",
            ["She said it.", "He nodded.", "They left."],
        ),
        (
            "Run:\n\n```python\nx = 1. \ny = 2\n```\nDone.",
            ["Run:", "```python\nx = 1. \ny = 2\n```", "Done."],
        ),
        (
            "| a | b |\n| --- | --- |\n| one. two. | 3 |\n| four | 5 |",
            ["| a | b |", "| one. two. | 3 |", "| four | 5 |"],
        ),
        ("name,age,town\nAda,90,Oslo\nBea,7,Rome", ["name,age,town", "Ada,90,Oslo", "Bea,7,Rome"]),
        ("Facts:\n\nName: Ada\nHome town: Oslo. ", ["Facts:", "Name: Ada", "Home town: Oslo."]),
        ("Note: it is old. It is big.\nName: Ada", ["Note: it is old.", "It is big.", "Name: Ada"]),
        ("First paragraph\n\nSecond paragraph", ["First paragraph", "Second paragraph"]),
        ("Sure!\r\n\r\nIt is 5.\rYes.", ["Sure!", "It is 5.", "Yes."]),
        ("    Indented. Still text.", ["Indented.", "Still text."]),
        ("[1]: http://example.org", ["[1]: http://example.org"]),
        ("---", ["---"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_statements(answer: str, expected: list[str]) -> None:
    assert statements(answer) == expected


def test_the_users_splitter_divides_paragraphs() -> None:
    def halves(text: str) -> list[tuple[int, int]]:
        return [(0, 1), (1, len(text))] if len(text) > 1 else [(0, len(text))]

    answer = "- abc\n- def"
    spans = split_answer(answer, halves)
    assert [answer[start:end] for start, end in spans] == ["a", "bc", "d", "ef"]
    with pytest.raises(ConfigurationError, match="must return spans in order"):
        split_answer(answer, lambda text: [(0, 99)])


_PIECES = st.sampled_from(
    [
        "# ",
        "- ",
        "1. ",
        "> ",
        "```",
        "|",
        "---",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\t",
        "a. ",
        "é",
        "🙂",
        "\0",
    ]
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(answer=st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join)))
def test_spans_are_in_order_and_not_blank(answer: str) -> None:
    previous = 0
    for start, end in split_answer(answer, split_sentences):
        assert previous <= start < end <= len(answer)
        assert answer[start:end].strip()
        previous = end
    if answer.strip():
        assert split_answer(answer, split_sentences)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(words=st.lists(st.text("abcäЖ中", min_size=1, max_size=5), min_size=1, max_size=20))
def test_no_word_of_a_plain_answer_is_lost(words: list[str]) -> None:
    answer = " ".join(words)
    found = "".join(statements(answer))
    assert found.replace(" ", "") == answer.replace(" ", "")
