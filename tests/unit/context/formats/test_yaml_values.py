"""YAML, by entry."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.yaml_values import looks_like_yaml, yaml_value
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
    "text",
    [
        "a: &x 1\nb: *x",
        "a: 1\n---\nb: 2",
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
