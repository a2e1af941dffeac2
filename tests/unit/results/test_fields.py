"""Answers that are JSON are scored by the values of their fields."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.results.fields import json_fields, json_path
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
        ('{"metres": 900, "built": {"year": 1962}, "open": true}', ["900", "1962"]),
    ],
)
def test_values_of_fields(text: str, values: list[str]) -> None:
    assert [text[start:end] for start, end in json_fields(text)] == values


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "[1, 2]",
        '[{"a": 1}]',
        '{"a": true, "b": [null, " "]}',
        "{not json}",
        '{"a": "b"} and more',
        "Plain.",
        "",
        "{}",
        "[" * 9000 + "]" * 9000,
    ],
)
def test_what_is_no_object_with_text(text: str) -> None:
    assert json_fields(text) == {}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{"people": [{"name": "Ada", "age": 90}, {"name": "Bea"}]}',
         ["$.people[0].name", "$.people[0].age", "$.people[1].name"]),
        ('[["a", "b"], [], {}, [["c"]]]', ["$[0][0]", "$[0][1]", "$[3][0][0]"]),
        ('{"a": [null, "x", true, "y"], "b": false, "c": "z"}', ["$.a[1]", "$.a[3]", "$.c"]),
        ('```json\n{"a": {"b": "In."}}\n```', ["$.a.b"]),
        ('{"a b": "x", "it\'s": "x", "q\\"q": "x", "": "x", "9": "x"}',
         ["$['a b']", r"$['it\'s']", "$['q\"q']", "$['']", "$['9']"]),
        ('{"a\\nb": "x", "\\ud83d\\ude00": "x", "é": "x", "\\ud800": "x"}',
         [r"$['a\nb']", "$.😀", "$.é", "$['\ufffd']"]),
        ('{"a": {"x": "1]}"}, "b": [{"c": "{["}], "d": "last"}', ["$.a.x", "$.b[0].c", "$.d"]),
    ],
)  # fmt: skip
def test_paths_of_values(text: str, paths: list[str]) -> None:
    assert list(json_fields(text).values()) == paths


KEYS = st.text(max_size=3)
JSON = st.recursive(
    st.text(max_size=4) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(JSON, st.booleans())
def test_every_path_leads_to_its_value(value: object, spaced: bool) -> None:
    text = json.dumps(value, ensure_ascii=not spaced, indent=1 if spaced else None)
    expected = {json_path(way): each for way, each in leaves(value, ())}
    numbers = isinstance(value, dict) and any(isinstance(each, int) for each in expected.values())
    texts = isinstance(value, list | dict) and any(map(is_text, expected.values()))
    if not (numbers or texts):
        expected = {}
    raw = {path: text[slice(*span)] for span, path in json_fields(text).items()}
    read = {path: json.loads(f'"{each}"', strict=False) for path, each in raw.items()}
    assert {path: each for path, each in read.items() if each.strip()} == {
        path: str(each) for path, each in expected.items() if str(each).strip()
    }


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def leaves(
    value: object, way: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str | int]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*way, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, (*way, place))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield way, value


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
    assert [each.path for each in statements] == ["$.summary", "$.items[0]", "$.items[1]"]
    assert [each.tokens for each in statements] == [(0, 14), (14, 20), (20, 24)]
