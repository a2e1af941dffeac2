"""Finding the structured blocks of a text."""

from __future__ import annotations

import pytest

from attribot_integrations.context.blocks import Blocks, may_hold_structure, whole
from attribot_integrations.context.formats.markdown_blocks import Heading
from tests.unit.context.formats.dividing import parts


def test_blocks_are_in_order_and_apart() -> None:
    text = "# A\n\nOne.\n\na: 1\nb: 2\n\n```\n- x\n- y\n```\n\n- c\n- d\n"
    found = Blocks(text, 1).found()
    assert [text[slice(*span)] for span, _ in found] == [
        *("# A", "a: 1\nb: 2", "```\n- x\n- y\n```", "- c\n- d")
    ]
    assert found[0][1] == Heading(1)


def test_items_around_what_is_found_in_a_list() -> None:
    text = "1. Sizes:\n\n   | a | b |\n   |---|---|\n   | x | 1 |\n\n2. Done. Yes.\n3. So.\n"
    found = [(text[slice(*span)], node) for span, node in Blocks(text, 1).found()]
    assert [each for each, _ in found] == [
        *("1. Sizes:", "| a | b |\n   |---|---|\n   | x | 1 |", "2. Done. Yes.", "3. So.")
    ]
    assert all(not isinstance(node, Heading) for _, node in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One line of prose.", False),
        ("Two lines\nof it.", True),
        ('{"a": 1}', True),
        ("(see", False),
        ("a < b", False),
        ("a <ul><li>b", True),
    ],
)
def test_most_prose_is_not_looked_at(text: str, expected: bool) -> None:
    assert may_hold_structure(text) is expected


@pytest.mark.parametrize(
    ("text", "known", "expected"),
    [
        ("[1, 'a']", None, ["1", "'a'"]),
        ("('a')", None, []),
        ("a\tb\nc\td", "tsv", ["c\td"]),
        ("a: 1\nb: 2", "yml", ["a: 1", "b: 2"]),
        ("a: 1\nb: 2", None, []),
        ("text", "csv", []),
    ],
)
def test_a_text_of_one_format(text: str, known: str | None, expected: list[str]) -> None:
    assert parts(text, whole(text, known, 1, True)) == expected


def test_rows_without_a_header() -> None:
    text = "a\tb\nc\td"
    assert parts(text, whole(text, "tsv", 1, False)) == text.splitlines()
