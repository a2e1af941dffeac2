"""Kinds of JSON in errors."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.batch.jsontypes import as_text, kind_of, reject
from attribot_integrations.errors import DataFileError


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "an object"),
        ([], "a list"),
        ("", "text"),
        (True, "a boolean"),
        (3, "a number"),
        (0.5, "a number"),
        (None, "null"),
        (b"", "bytes"),  # of Parquet
    ],
)
def test_kinds(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


def test_text_is_handed_back_and_all_else_refused() -> None:
    assert as_text("", "answer") == ""
    with pytest.raises(DataFileError, match='the field "answer" must be text, not null'):
        as_text(None, "answer")
    with pytest.raises(DataFileError, match='the field "chunks" must be a list, not a number'):
        reject("chunks", "a list", 3)
