"""Fields of published records."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation.published_fields import (
    list_of,
    objects_of,
    sentences_of,
    text_of,
)


def test_fields_of_the_right_kind() -> None:
    record = {"a": "text", "b": [{"c": 1}]}
    assert text_of(record, "a") == "text"
    assert list_of(record, "b") == objects_of(record, "b") == [{"c": 1}]


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(DataFileError, match='the field "a" is missing'):
        text_of({}, "a")
    with pytest.raises(DataFileError, match='the field "a" must be text, got 3'):
        text_of({"a": 3}, "a")
    with pytest.raises(DataFileError, match='the field "a" must be a list of objects, got 3'):
        objects_of({"a": [{}, 3]}, "a")


def test_sentences_know_their_offset() -> None:
    text = "One came.  Two left."
    assert sentences_of(text) == [(0, "One came."), (11, "Two left.")]
