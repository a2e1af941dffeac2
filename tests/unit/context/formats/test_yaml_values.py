"""YAML, by entry."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.yaml_values import (
    front_matter,
    looks_like_yaml,
    yaml_value,
)
from tests.unit.context.formats.dividing import kinds, parts

TEXT = "name: x  # a note\nitems:\n  - a: 1\n    b: [2, 3]\n  - c\n\nother: >\n  y\n  z\n"


def test_entries_at_each_depth() -> None:
    assert parts(TEXT, yaml_value(TEXT, 0, len(TEXT))) == [
        "name: x  # a note",
        "items:\n  - a: 1\n    b: [2, 3]\n  - c",
        "other: >\n  y\n  z",
    ]
    assert kinds(TEXT, yaml_value(TEXT, 0, len(TEXT), 2))[1:4] == [
        ("frame", "items:\n  "),
        ("part", "- a: 1\n    b: [2, 3]"),
        ("part", "- c"),
    ]
    assert kinds(TEXT, yaml_value(TEXT, 0, len(TEXT), 3))[1:6] == [
        *(("frame", "items:\n  "), ("frame", "- "), ("part", "a: 1"), ("part", "b: [2, 3]")),
        ("part", "- c"),
    ]


def test_an_only_entry_counts_as_one_with_what_it_holds() -> None:
    text = "top:\n  a: 1\n  b: 2"
    assert parts(text, yaml_value(text, 0, len(text))) == ["a: 1", "b: 2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x", ["a: &x 1\nb: *x"]),
        (
            "z: 1\nbase: &b\n  a: 1\nc: 2\nuse:\n  <<: *b\nlast: 3",
            ["z: 1", "base: &b\n  a: 1\nc: 2\nuse:\n  <<: *b", "last: 3"],
        ),
        ("a: &x [1, *x]\nb: 2", ["a: &x [1, *x]", "b: 2"]),
        ("a: 1\nb: 2\n---\nb: 2\n...\n---\n- c\n", ["a: 1\nb: 2", "b: 2", "- c"]),
        ("--- # first\na: 1\nb: 2\n...", ["a: 1", "b: 2"]),
        ("# top\na: 1\n# on b\n# more\nb: 2\n", ["a: 1", "# on b\n# more\nb: 2"]),
        ("a: |\n  # text\nb: 2", ["a: |\n  # text", "b: 2"]),
        ("? a\n: 1\n? b\n: 2", ["? a\n: 1", "? b\n: 2"]),
    ],
)
def test_entries_that_belong_together(text: str, expected: list[str]) -> None:
    assert parts(text, yaml_value(text, 0, len(text))) == expected


def test_documents_are_a_level() -> None:
    text = "a: 1\nb: 2\n---\nc:\n  d: 3\n  e: 4\nf: 5\n"
    assert parts(text, yaml_value(text, 0, len(text), 2)) == [
        *("a: 1", "b: 2", "c:\n  d: 3\n  e: 4", "f: 5")
    ]


def test_front_matter() -> None:
    text = "---\ntitle: X\ntags:\n  - a\n---\n\nText.\n"
    found = front_matter(text)
    assert found is not None
    assert found[0] == (0, text.index("\n\n"))
    assert kinds(text, found[1]) == [
        *(("frame", "---\n"), ("part", "title: X"), ("part", "tags:\n  - a"), ("frame", "\n---")),
    ]
    for other in ("---\nText.\n---\n", "x\n---\na: 1\n---\n", "---\na: 1\n"):
        assert front_matter(other) is None


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n---\ntext",
        "{a: 1, b: 2}",
        "text",
        "a: b: c",
        "a: 1\n\x00b: 2",
        "",
        "a: 1\n" * 20_000,
    ],
)
def test_what_is_not_divided(text: str) -> None:
    assert yaml_value(text, 0, len(text)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, True),
        ("a: 1\nb: 2", False),  # fields, not more
        ("Three areas:\n- one\n- two\nMore:\n- three", False),
        ("areas:\n- one\n- two", False),
        ("a:\n  - 1\nb: 2\nAnd prose.", False),
        ("", False),
    ],
)
def test_looks(text: str, expected: bool) -> None:
    assert looks_like_yaml(text) is expected
