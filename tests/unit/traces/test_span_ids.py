"""Ids as tools show them."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.span_ids import (
    SPAN_BYTES,
    TRACE_BYTES,
    hex_id,
    id_in,
    needed_id,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("83fda3a5ab623902", "83fda3a5ab623902"),
        ("83FDA3A5AB623902", "83fda3a5ab623902"),
        ("0x83fda3a5ab623902", "83fda3a5ab623902"),
        ("0x3fda3a5ab623902", "03fda3a5ab623902"),
        ("g/2jpatiOQI=", "83fda3a5ab623902"),
        ("not one", "not one"),
        ("AAAA", "000000000000aaaa"),
        ("é", "é"),
    ],
)
def test_ids_of_spans(text: str, expected: str) -> None:
    assert hex_id(text, SPAN_BYTES) == expected


def test_ids_of_traces() -> None:
    assert hex_id("GEDGe7Vq14In021fwDF+7Q==", TRACE_BYTES) == "1840c67bb56ad78227d36d5fc0317eed"


def test_the_first_id_counts() -> None:
    assert id_in({"b": 3, "a": ""}, "a", "b") == "3"
    assert id_in({"a": None}, "a") is None
    assert needed_id({"a": "x"}, "a") == "x"
    assert needed_id({"a": "\ud800"}, "a") == "\ufffd"


@pytest.mark.parametrize("value", [True, 1.5, [], {"a": 1}])
def test_what_is_no_id(value: object) -> None:
    with pytest.raises(DataFileError, match="an id is no text: a is "):
        id_in({"a": value}, "a")


def test_a_missing_id() -> None:
    with pytest.raises(DataFileError, match="an id is missing: a or b"):
        needed_id({}, "a", "b")
