"""Answers that are JSON are scored by the values of their fields."""

from __future__ import annotations

import pytest

from attribot_integrations.results.fields import json_fields
from attribot_integrations.results.statements import find_statements
from attribot_integrations.results.wording import wording_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"maker":"Roslin Works","month":"May"}', ["Roslin Works", "May"]),
        ('{\n  "facts": ["One.", "Two."],\n  "price": 9.5\n}', ["One.", "Two.", "9.5"]),
        ('```json\n{"a": {"b": "In.", "c": null, "d": true}}\n```', ["In."]),
        ('[{"a": "x"}, {"a": "y"}]', ["x", "y"]),
        ('{"a": "say \\"no\\": yes"}', ['say \\"no\\": yes']),
        ('{"a": " ", "b": "x"}', ["x"]),
    ],
)
def test_values_of_fields(text: str, values: list[str]) -> None:
    assert [text[start:end] for start, end in json_fields(text)] == values


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "[1, 2]",
        '{"a": 1}',
        "{not json}",
        '{"a": "b"} and more',
        "Plain.",
        "",
        "{}",
        "[" * 9000 + "]" * 9000,
    ],
)
def test_what_is_no_object_with_text(text: str) -> None:
    assert json_fields(text) == ()


def test_words_are_the_values() -> None:
    answer = '{"maker": "Roslin\\nWorks \\u00e9 \\ud83d\\ude00", "price": 910}'
    wording = wording_of(answer)
    assert wording.text == "Roslin Works é 😀 910"
    assert len(wording.bare) == len(answer)
    start, end = wording.span(wording.text.index("910"), len(wording.text))
    assert answer[start:end] == "910"


def test_each_field_is_a_statement() -> None:
    answer = '{"summary": "One. And two.", "items": ["three", "four"]}'
    words = wording_of(answer)
    spans = [words.span(place, place + 1) for place in range(len(words.text))]
    statements = find_statements(answer, spans)
    assert [each.text for each in statements] == ["One. And two.", "three", "four"]
    assert [each.tokens for each in statements] == [(0, 14), (14, 20), (20, 24)]
