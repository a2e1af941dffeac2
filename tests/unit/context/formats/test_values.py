"""JSON, JSON lines and Python's literals."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.lines import line_spans
from attribot_integrations.context.formats.values import json_lines, json_value, literal
from tests.unit.context.formats.dividing import kinds, parts


def test_json_members_keep_brackets_and_keys_around_them() -> None:
    text = 'x {"a": {"b": [1, 2], "c": "}"}, "d": null}  '
    assert kinds(text, json_value(text, 1, len(text), 2)) == [
        ("frame", "{"),
        ("frame", '"a": {'),
        ("part", '"b": [1, 2]'),
        ("part", '"c": "}"'),
        ("frame", "}"),
        ("part", '"d": null'),
        ("frame", "}"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["a", {"b": 1}, []]', ['"a"', '{"b": 1}', "[]"]),
        ('{"only": {"a": 1, "b": {"c": 2}}}', ['"a": 1', '"b": {"c": 2}']),
        ('[[["a", "b"]]]', ['"a"', '"b"']),
        ('{"v": [0.5, 1, -2]}', ['"v": [0.5, 1, -2]']),
        ("[0.5, 1, -2]", []),
        ("{}", []),
        ('{"a": 1} more', []),
        ('{"a": 1', []),
        ("{'a': 1}", []),
        ('"a"', []),
        ("[" * 100_000, []),
        ('{"a": ' + "9" * 5_000 + ', "b": 1}', []),  # more digits than Python reads
    ],
)
def test_json(text: str, expected: list[str]) -> None:
    assert parts(text, json_value(text, 0, len(text))) == expected


def test_json_lines() -> None:
    text = '{"a": 1}\n\n[2]  \n{"a": 3}\n'
    assert parts(text, json_lines(text, line_spans(text, 0, len(text)))) == [
        *('{"a": 1}', "[2]", '{"a": 3}')
    ]
    cut = '{"a": 1}\n{"a": "x'
    assert parts(cut, json_lines(cut, line_spans(cut, 0, len(cut)))) == cut.splitlines()
    for other in ('{"a": 1}', '{"a": 1}\nx', '{"a": 1}\n2', '{"a": 1}\n{"a": 1} x'):
        assert json_lines(other, line_spans(other, 0, len(other))) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[(1, 'a, b'), (2, None),]", ["(1, 'a, b')", "(2, None)"]),
        (" {'a': [1, 2], 'b': -1.5} ", ["'a': [1, 2]", "'b': -1.5"]),
        (
            "[(Decimal('1.5'), datetime.date(2020, 1, 2)), (timedelta(days=1), True)]",
            ["(Decimal('1.5'), datetime.date(2020, 1, 2))", "(timedelta(days=1), True)"],
        ),
        ("(('é漢', 1),\n ('b', 2))", ["('é漢', 1)", "('b', 2)"]),
        ("[]", []),
        ("(see the notes)", []),
        ("[1, 2", []),
        ("[1, 2)]", []),
        ("[1] [2]", []),
        ("[1, 2, 3]", []),
        ("(0.5, -1e-3)", []),
        ("[a, b]", []),
        ("['a", []),
        ("[1; 2]", []),
        ("[1,, 2]", []),
        ("[,]", []),
        ("", []),
    ],
)
def test_literals(text: str, expected: list[str]) -> None:
    assert parts(text, literal(text, 0, len(text))) == expected
