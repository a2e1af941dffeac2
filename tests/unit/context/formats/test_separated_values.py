"""Rows between separators."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.separated_values import separated
from tests.unit.context.formats.dividing import parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b,c\n1,2,3\n4,5,6", ["1,2,3", "4,5,6"]),
        ("a\tb\n1\t2\n3\t4\n", ["1\t2", "3\t4"]),
        ("a;b\n1;x, y\n3;z", ["1;x, y", "3;z"]),
        ('a,b,c\n1,"two\nlines",3\n4,5,6', ['1,"two\nlines",3', "4,5,6"]),
        ("a,b,c\n1,2,3", []),
        ("a,b\n1,2\n3,4", ["1,2", "3,4"]),
        ("a,b\nx,y\nz,u", []),
        ("a,b,c\n1,2,3\n4,5", []),
        ("1,2,3\n4,5,6\n7,8,9", ["1,2,3", "4,5,6", "7,8,9"]),
        ("a,a,c\n1,2,3\n4,5,6", ["a,a,c", "1,2,3", "4,5,6"]),
        ("a,b,c\n1,c,x\n2,c,y", ["1,c,x", "2,c,y"]),
        (",a,b\n0,x,y\n1,z,u", ["0,x,y", "1,z,u"]),
        ("a, b, c\nx, 1, y\nz, 2, u", ["x, 1, y", "z, 2, u"]),
        ("1|x|y\n2|z|u\n3|v|w", ["1|x|y", "2|z|u", "3|v|w"]),
        ("ls a | sort | wc\nls b | uniq | wc\nls c | sort | head", []),
        ("a\towns\tb\nc\thas\td", ["a\towns\tb", "c\thas\td"]),
        ("a\towns\tb\nc\towns\td\ne\thas\tf", ["a\towns\tb", "c\towns\td", "e\thas\tf"]),
        ("He came; she left.\nThey saw; we heard.\nAll; well.", []),
        ("a;b\n1,5;x\n2,5;y", ["1,5;x", "2,5;y"]),
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
    more = "Bo,Oslo\nAl,Rome"
    assert parts(more, separated(more, 0, len(more), sure=True)) == ["Al,Rome"]
    found = separated(more, 0, len(more), sure=True, header=False)
    assert parts(more, found) == ["Bo,Oslo", "Al,Rome"]
    assert separated("a,b", 0, 3, sure=True) is None
    assert separated("text", 0, 4, sure=True) is None
