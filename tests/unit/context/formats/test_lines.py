"""Records of one line each."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from attribot_integrations.context.formats.lines import (
    fields,
    items,
    line_spans,
    runs,
    triplets,
)
from attribot_integrations.context.retrieved import Span


def test_lines_without_the_white_space_around_them() -> None:
    text = "x a \r\n\r\n\tb\rc\n"
    assert [text[start:end] for start, end in line_spans(text, 1, len(text))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: Bo\nage: 3", True),
        ("Date of birth : 3 May 1962\n**Town:** Oslo.\nStraße: x", True),
        ("name: Bo", False),
        ("name: Bo\nand more", False),
        ("Ada: Hello there. How are you?\nBo: Fine.", False),
        ("This is a much longer introduction: x\nage: 3", False),
        ("at 10:30\nat 11:30", False),
        ("1962: It opened.\n1971: It closed.", True),
        ("\u540d\u524d\uff1a\u5317\n\u9577\u3055\uff1a900m", True),
        ("\u540d\u524d\uff1a\u5317\u3002\u9577\u3044\u3002\n\u9577\u3055\uff1a900m", False),
        ("port = 80\nexport HOST=north", True),
        ("name: Bo\nnote:\nage: 3", True),
        ("name:\nage: 3", False),
        ("if a == b\nname: x\nage: 3", False),
    ],
)
def test_fields(text: str, expected: bool) -> None:
    spans = line_spans(text, 0, len(text))
    assert fields(text, spans) == (spans if expected else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -> owns -> b\nc -> d", True),
        ("a → owns → b\nc → d", True),
        ("a -[OWNS]-> b\nc -[HAS]-> d", True),
        ("('a', 'owns', 'b')\n('c', 'has', 'd'),", True),
        ("(a b, owns, b)\n(c, has, d e)", True),
        ("(a)-[OWNS]->(b)\n(c)-[HAS]->(d)", True),
        ("a ['owns', 'b']\nc ['has', 'd', 'of', 'e']", True),
        ("a [see 1]\nb [2]", False),
        ("a -> b", False),
        ("a -> b\nc", False),
        ("(see the notes)\n(and these)", False),
    ],
)
def test_triplets(text: str, expected: bool) -> None:
    assert triplets(text, line_spans(text, 0, len(text))) is expected


def found(text: str, spans: Iterable[Span]) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_values_go_on_where_lines_are_indented() -> None:
    text = "  name: Bo\n  note: a\n    b: c\n  age: 3"
    spans = line_spans(text, 0, len(text))
    assert found(text, fields(text, spans)) == ["name: Bo", "note: a\n    b: c", "age: 3"]
    text = "name: Bo\nnote: a\nand b\nage: 3"
    spans = line_spans(text, 0, len(text))
    assert fields(text, spans) == []
    assert found(text, fields(text, spans, sure=True)) == ["name: Bo", "note: a\nand b", "age: 3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\u2022 One. It is\nlong.\n\u2022 Two",
            ["\u2022 One. It is\nlong.", "\u2022 Two"],
        ),
        ("\u2013 a\n  b\n\u2013 c", ["\u2013 a\n  b", "\u2013 c"]),
        ("\u2013 a\nb\n\u2013 c", []),
        ("\u2022 alone", []),
        ("\u2022 a\n\u2023 b", []),
        ("a\n\u2022 b", []),
    ],
)
def test_items(text: str, expected: list[str]) -> None:
    assert found(text, items(text, line_spans(text, 0, len(text)))) == expected


def test_runs_of_lines_that_look_alike() -> None:
    text = "It rains.\na: 1\nb: 2\nc: 3\nMore.\n| 1 |\n| 2 |\nx -> y\nu -> v\nEnd: so.\nThen it is."
    spans = line_spans(text, 0, len(text))
    assert [found(text, run) for run in runs(text, spans)] == [
        *(["a: 1", "b: 2", "c: 3"], ["| 1 |", "| 2 |"], ["x -> y", "u -> v"])
    ]
    assert list(runs("a: 1\nb: 2\nc: 3", line_spans("a: 1\nb: 2\nc: 3", 0, 14))) == []
