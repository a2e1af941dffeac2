"""What is refused is named, with its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError
from attribot_integrations.service import wire_fields
from attribot_integrations.service.wire_fields import as_object, build_strictly, parse_json


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (wire_fields.as_text, 3, "x must be text, got 3"),
        (wire_fields.as_optional_text, [], r"x must be text, got \[\]"),
        (wire_fields.as_flag, 1, "x must be true or false, got 1"),
        (wire_fields.as_list, "a", "x must be a list, got 'a'"),
        (wire_fields.as_count, -1, "x must be a count, got -1"),
        (wire_fields.as_count, True, "x must be a count, got True"),
        (wire_fields.as_count, 2**53, "x must be a count, got 9007199254740992"),
        (wire_fields.as_number, "1", "x must be a finite number, got '1'"),
        (wire_fields.as_number, float("inf"), "x must be a finite number, got inf"),
        (wire_fields.as_number, 10**5000, "x must be a finite number, got a number that is too"),
    ],
    ids=range(10),
)
def test_values_of_a_wrong_kind(read: Callable[..., Any], value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(value, "x")


def test_values_of_the_right_kind() -> None:
    assert wire_fields.as_optional_text(None, "x") is None
    assert wire_fields.as_count(0, "x") == 0
    assert wire_fields.as_number(2, "x") == 2.0


def test_objects_have_their_fields_and_no_others() -> None:
    assert as_object({"a": 1, "b": 2}, "", ("a",), ("b",)) == {"a": 1, "b": 2}
    with pytest.raises(InputError, match=r"chunk\.a is missing"):
        as_object({}, "chunk", ("a",))
    with pytest.raises(InputError, match=r"'chunk\.c' is no field that is read; chunk may have a"):
        as_object({"a": 1, "c": 2}, "chunk", ("a",))
    with pytest.raises(InputError, match=r"the body must be an object, got \[\]"):
        as_object([], "")


def test_dataclasses_have_their_fields_and_no_others() -> None:
    assert build_strictly(Chunk, {"text": "a"}, "chunks[0]") == Chunk("a")
    with pytest.raises(InputError, match=r"'chunks\[0\]\.score' is no field"):
        build_strictly(Chunk, {"text": "a", "score": 1}, "chunks[0]")
    inner = {"text": "a", "origin": {"document": "d", "page": 1}}
    with pytest.raises(InputError, match=r"'chunks\[0\]\.origin\.page' is no field"):
        build_strictly(Chunk, inner, "chunks[0]")
    anything = {"text": "a", "metadata": {"page": 1}}
    assert build_strictly(Chunk, anything, "chunks[0]").metadata == {"page": 1}
    with pytest.raises(InputError, match=r"chunks\[0\]\.text must be text, got 1"):
        build_strictly(Chunk, {"text": 1}, "chunks[0]")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "the body is no JSON at character 1"),
        (b"\xff", "the body is no UTF-8 at its byte 0"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[" * 100_000, "cannot be read"),
        (b"1" * 5000, "cannot be read"),
    ],
    ids=range(5),
)
def test_what_is_no_json(raw: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_json(raw)
