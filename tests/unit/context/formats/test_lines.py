"""Records of one line each, and tables without markup."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.lines import (
    fields,
    line_spans,
    ruled_table,
    separated,
    triplets,
)
from tests.unit.context.formats.dividing import kinds, parts


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
    ],
)
def test_fields(text: str, expected: bool) -> None:
    assert fields(text, line_spans(text, 0, len(text))) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a -> owns -> b\nc -> d", True),
        ("a → owns → b\nc → d", True),
        ("a -[OWNS]-> b\nc -[HAS]-> d", True),
        ("('a', 'owns', 'b')\n('c', 'has', 'd'),", True),
        ("(a b, owns, b)\n(c, has, d e)", True),
        ("a -> b", False),
        ("a -> b\nc", False),
        ("(see the notes)\n(and these)", False),
    ],
)
def test_triplets(text: str, expected: bool) -> None:
    assert triplets(text, line_spans(text, 0, len(text))) is expected


def test_tables_with_rules() -> None:
    text = " id | name\n----+-----\n  1 | Bo\n  2 | Al\n(2 rows)"
    found = kinds(text, ruled_table(text, line_spans(text, 0, len(text))))
    assert found == [
        ("frame", "id | name\n----+-----\n  "),
        *(("part", "1 | Bo"), ("part", "2 | Al")),
        ("frame", "\n(2 rows)"),
    ]
    for other in ("a | b\n--+--", "----\n a\n----\n b", "a\nb\n--+--", "a | b\n--+--\nx"):
        assert ruled_table(other, line_spans(other, 0, len(other))) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c\n1,2,3\n4,5,6", ["1,2,3", "4,5,6"]),
        ("a\tb\n1\t2\n3\t4\n", ["1\t2", "3\t4"]),
        ("a;b\n1;x, y\n3;z", ["1;x, y", "3;z"]),
        ('a,b,c\n1,"two\nlines",3\n4,5,6', ['1,"two\nlines",3', "4,5,6"]),
        ("a,b,c\n1,2,3", []),
        ("a,b\n1,2\n3,4", []),
        ("a,b,c\n1,2,3\n4,5", []),
        ("1,2,3\n4,5,6\n7,8,9", []),
        ("a,a,c\n1,2,3\n4,5,6", []),
        ("One, two, three\nfour, five, six\nseven, eight, nine", []),
        ('a,b,c\n1,"2,3\n4,5,6', []),
        (f"a,b,c\n1,2,{'x' * 100}\n4,5,6", []),
    ],
)
def test_separated_values(text: str, expected: list[str]) -> None:
    assert parts(text, separated(text, 0, len(text))) == expected


def test_known_separated_values_need_to_look_like_nothing() -> None:
    assert parts("a,b\n1,2", separated("a,b\n1,2", 0, 7, sure=True)) == ["1,2"]
    text = "1,2\r\n3, 4,5\r\n\r\n"  # behind the part of the file with the header
    assert parts(text, separated(text, 0, len(text), sure=True)) == ["1,2", "3, 4,5"]
    assert separated("a,b", 0, 3, sure=True) is None
    assert separated("text", 0, 4, sure=True) is None
