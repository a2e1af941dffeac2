"""Fields of published records, checked as they are read; and their sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attribot_integrations.context.sources import split_sentences
from attribot_integrations.errors import DataFileError

__all__ = ["Record", "Row", "field_of", "list_of", "objects_of", "sentences_of", "text_of"]

Record = Mapping[str, Any]
"""One record of a published file."""
Row = dict[str, Any]
"""What a line of our own format holds, see `examples.read_set`."""

_T = TypeVar("_T")
_NAMES: Mapping[type, str] = {str: "text", list: "a list", dict: "an object"}


def field_of(record: Record, name: str, kind: type[_T]) -> _T:
    """Return a field.

    Args:
        record: The record.
        name: Name of the field.
        kind: What it must be.

    Raises:
        DataFileError: If it is missing, or something else.
    """
    if name not in record:
        raise DataFileError(f'the field "{name}" is missing')
    value = record[name]
    if not isinstance(value, kind):
        raise DataFileError(f'the field "{name}" must be {_NAMES[kind]}, got {value!r:.40}')
    return value


def text_of(record: Record, name: str) -> str:
    """Return a field that holds text."""
    return field_of(record, name, str)


def list_of(record: Record, name: str) -> list[Any]:
    """Return a field that holds a list."""
    return field_of(record, name, list)


def objects_of(record: Record, name: str) -> list[dict[str, Any]]:
    """Return a field that holds a list of objects."""
    found = list_of(record, name)
    wrong = [each for each in found if not isinstance(each, dict)]
    if wrong:
        raise DataFileError(f'the field "{name}" must be a list of objects, got {wrong[0]!r:.40}')
    return found


def sentences_of(text: str) -> list[tuple[int, str]]:
    """Return the sentences of a text, each behind its offset."""
    return [(start, text[start:end]) for start, end in split_sentences(text)]
