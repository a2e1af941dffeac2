"""Headings, tables, lists and fences in Markdown."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.markdown_blocks import (
    Heading,
    fences,
    markdown_blocks,
    underlined,
)
from tests.unit.context.formats.dividing import kinds, parts


def found(text: str) -> list[list[str] | int]:
    return [
        node.level if isinstance(node, Heading) else parts(text, node)
        for _, node in markdown_blocks(text)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\nText.\n\n### B", [1, 3]),
        ("Text\n---\nmore\n\nText\n===\n", []),
        ("#hash and text", []),
        ("- a\n- b\n", [["- a", "- b"]]),
        ("1) a\n2) b\n   c\n\n   d\n", [["1) a", "2) b\n   c\n\n   d"]]),
        ("- a\n  - b\n  - c\n- d", [["- a\n  - b\n  - c", "- d"]]),
        ("- alone", []),
        ("- a\n- b\nlazy\n- c\n- d", [["- a", "- b"], ["- c", "- d"]]),
        ("a\r\n\r\n- b\r\n- c\r\n", [["- b", "- c"]]),
        ("> - a\n> - b", []),
        ("| a |\n|---|\n", []),
        ("| a |\n|---|\n| 1 |\n\n| 2 |", [["| 1 |"]]),
    ],
)
def test_blocks(text: str, expected: list[list[str] | int]) -> None:
    assert found(text) == expected


def test_underlined_headings() -> None:
    text = "Piers\n=====\r\n\nOne.\n\nThe north\n---------\n\nTwo.\n\nThat is all.\n---\n\n---\n"
    assert [(text[slice(*span)], each.level) for span, each in underlined(text)] == [
        *(("Piers\n=====", 1), ("The north\n---------", 2))
    ]
    for other in ("a\nb\n===", " a\n===", "a | b\n=====", "- a\n---"):
        assert underlined(other) == []


def test_tables_keep_their_header() -> None:
    text = "x\n\n | a | b |\n | - | - |\n | 1 | `|` |\n"
    ((_, node),) = markdown_blocks(text)
    assert not isinstance(node, Heading)
    assert kinds(text, node) == [("frame", "| a | b |\n | - | - |\n "), ("part", "| 1 | `|` |")]


def test_fences() -> None:
    text = "a\n```Python x\nb\n```\n~~~~\n```\n~~~\n~~~~\n````\nc"
    assert [(text[slice(*inside)], language) for _, inside, language in fences(text)] == [
        *(("b\n", "python"), ("```\n~~~\n", "")),
    ]
    windows = "```\r\na\r\n```\r\nb"
    assert [windows[slice(*inside)] for _, inside, _ in fences(windows)] == ["a\r\n"]
