"""Reading plain data and objects alike."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from attribot_integrations.auditing.provider_fields import (
    blocks_of,
    byte_span,
    cited_source,
    clipped_span,
    either_field,
    field_of,
    first_known,
    last_number,
    list_of,
    plain_data,
    visible_span,
)
from attribot_integrations.errors import InputError


class Model(BaseModel):
    a: int = 1


def test_fields() -> None:
    for value in ({"a": 1}, SimpleNamespace(a=1), Model()):
        assert field_of(value, "a") == 1
        assert field_of(value, "b") is None
        assert either_field(value, "b", "a") == 1
    assert field_of(None, "a") is None
    assert first_known(None, 0, 1) == 0
    assert first_known() is None
    assert list_of((1, 2)) == [1, 2]
    assert list_of("text") == []


def test_plain_data() -> None:
    assert plain_data({"a": 1}) == plain_data(Model()) == {"a": 1}
    assert plain_data(SimpleNamespace(a=1)) is None


def test_blocks() -> None:
    assert blocks_of({"content": "It opened."}) == [{"type": "text", "text": "It opened."}]
    assert blocks_of([1]) == [1]
    with pytest.raises(InputError, match="a message must hold a list of blocks, got dict"):
        blocks_of({"content": {}})


def test_spans() -> None:
    assert visible_span("  ab ", 10) == (12, 14)
    assert visible_span("  ", 10) == (10, 10)
    assert clipped_span("abc", 1, 9) == (1, 3)
    assert clipped_span("abc", -1, -2) == (0, 0)
    assert clipped_span("abc", None, 2) == (0, 3)


def test_numbers_of_ids() -> None:
    found = [last_number(id_) for id_ in ("doc:0", "doc_12", "p3", "x:y", None)]
    assert found == [0, 12, None, None, None]


def test_labels() -> None:
    assert cited_source((0, 1), 0, [None, "", "a"], 3, None, None).label == "a"
    assert cited_source((0, 1), 0, [None], 3, None, None).label == "4"
    assert cited_source((0, 1), None, [], None, None, None).label == "?"


@given(st.text(max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_bytes_and_characters_agree(text: str, start: int, length: int) -> None:
    end = min(len(text), start + length)
    start = min(start, end)
    low, high = (len(text[:place].encode("utf-8", "surrogatepass")) for place in (start, end))
    assert byte_span(text, low, high, 5) == (start + 5, end + 5)
