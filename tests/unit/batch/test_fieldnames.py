"""Fields under other names."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.errors import ConfigurationError


def test_fields_of_rows_and_chunks() -> None:
    names = FieldNames.parse(["question=inputs.query", "answer = reply", "text=page_content"])
    row: dict[str, Any] = {
        "inputs": {"query": "Who?"},
        "question": "not this",
        "reply": "Ada.",
        "chunks": ["one", {"page_content": "two", "id": "x"}],
    }
    assert names.of_row(row) == {
        "inputs": {"query": "Who?"},
        "question": "Who?",
        "reply": "Ada.",
        "answer": "Ada.",
        "chunks": ["one", {"page_content": "two", "text": "two", "id": "x"}],
    }
    assert "answer" not in row
    assert names.columns == {"inputs.query", "inputs", "chunks", "reply", "id", "prompt"}


def test_a_name_with_a_dot_is_a_name_first() -> None:
    assert FieldNames({"question": "a.b"}).of_row({"a.b": 1, "a": {"b": 2}})["question"] == 1


@pytest.mark.parametrize("row", [{"question": "Q"}, {"a": "text"}, {"a": {}}])
def test_a_field_that_is_not_there_is_missing(row: dict[str, Any]) -> None:
    assert "question" not in FieldNames({"question": "a.b"}).of_row(row)


def test_rows_without_other_names_stay_as_they_are() -> None:
    row = {"question": "Q"}
    assert FieldNames().of_row(row) is row


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("query=question", r"a field must be one of \['question', 'chunks'.*got 'query'"),
        ("question", "a field is given as OURS=THEIRS, got 'question'"),
        ("question= ", "the field 'question' must have a name, it is blank"),
    ],
)
def test_names_that_are_refused(given: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FieldNames.parse([given])


def test_a_field_has_one_name() -> None:
    with pytest.raises(ConfigurationError, match="'question' is given twice"):
        FieldNames.parse(["question=a", "question=b"])
