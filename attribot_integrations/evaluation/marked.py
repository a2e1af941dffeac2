"""Statements of an answer for which people marked evidence, or judged whether there is any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attribot_integrations.context.sources import Span
from attribot_integrations.demo.world import SentenceRef
from attribot_integrations.errors import DataFileError

__all__ = ["MarkedStatement", "read_refs", "read_statements"]


@dataclass(frozen=True)
class MarkedStatement:
    """One statement of an answer, as the data divides it."""

    span: Span
    """Where it stands in the answer."""
    gold: tuple[SentenceRef, ...] = ()
    """Sentences that people marked for it, as chunk and number."""
    gold_chunks: tuple[int, ...] = ()
    """Chunks that people marked for it."""
    support: str | None = None
    """What an expert says of its support, such as "Complete" or "Missing"."""


def read_statements(
    value: Any, answer: str, numbers: Mapping[SentenceRef, int]
) -> tuple[MarkedStatement, ...] | None:
    """Read the field `statements` of a data file.

    Each has its `text`, which is searched for in the answer; those that are not found in their
    order are left out. `gold_sentences` are `[chunk, sentence]`, `gold` are chunks, `support` is an
    expert's word.

    Args:
        value: The field; `None` where there is none.
        answer: The answer.
        numbers: Each sentence's number among those of its chunk that are not blank.

    Raises:
        DataFileError: If the field has another form.
    """
    if value is None:
        return None
    if not isinstance(value, list) or not all(
        isinstance(each, dict) and isinstance(each.get("text"), str) for each in value
    ):
        raise DataFileError('the field "statements" must be a list of objects with a "text"')
    found: list[MarkedStatement] = []
    place = 0
    for each in value:
        text = each["text"].strip()
        start = answer.find(text, place)
        if not text or start < 0:
            continue
        place = start + len(text)
        refs = read_refs(each.get("gold_sentences"), "gold_sentences") or []
        found.append(
            MarkedStatement(
                (start, place),
                tuple((ref[0], numbers[ref]) for ref in refs if ref in numbers),
                _chunks(each.get("gold")),
                _word(each.get("support")),
            )
        )
    return tuple(found)


def read_refs(value: Any, name: str) -> list[SentenceRef] | None:
    """Read a list of `[chunk, sentence]`.

    Args:
        value: What a data file holds; `None` where there is nothing.
        name: Name of the field, for the message.

    Raises:
        DataFileError: If it is no such list.
    """
    if value is None:
        return None
    refs: list[SentenceRef] = []
    for item in value if isinstance(value, list) else [value]:
        if not (isinstance(item, list) and len(item) == 2 and all(map(_is_index, item))):
            raise DataFileError(f'the field "{name}" must be a list of [chunk, sentence]')
        refs.append((item[0], item[1]))
    return refs


def _chunks(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(map(_is_index, value)):
        raise DataFileError('the field "gold" of a statement must be a list of chunk indexes')
    return tuple(dict.fromkeys(value))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
