"""Files of data in the shapes that their authors publish: found out, and read as rows of our own.

Files are JSON Lines, or one JSON document: a list of records, or an object that holds them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation import published_answers, published_questions
from attribot_integrations.evaluation.published_fields import Record, Row

__all__ = ["OWN", "PUBLISHED", "PublishedFormat", "find_format", "published_rows"]

OWN: Final = "attribot"
"""Name of our own format, see `examples.read_set`."""


@dataclass(frozen=True)
class PublishedFormat:
    """How the records of a data set become rows."""

    fields: frozenset[str]
    """Fields that every record of it has, and no record of another format all of."""
    rows: Callable[[Record, int], Iterator[Row]]
    """Takes a record and its number, from 1, and yields its rows, none where it has no use."""
    beside: tuple[str, str] | None = None
    """A second file in the same folder, and the field that names its records; a record gets the
    one of the same name as its field `source`."""


PUBLISHED: Final[Mapping[str, PublishedFormat]] = {
    "hotpotqa": PublishedFormat(
        frozenset({"supporting_facts", "context"}), published_questions.hotpotqa_rows
    ),
    "squad2": PublishedFormat(frozenset({"qas", "context"}), published_questions.squad_rows),
    "clapnq": PublishedFormat(
        frozenset({"input", "passages", "output"}), published_questions.clapnq_rows
    ),
    "qasper": PublishedFormat(frozenset({"full_text", "qas"}), published_questions.qasper_rows),
    "quotesum": PublishedFormat(
        frozenset({"summary", "source1"}), published_questions.quotesum_rows
    ),
    "attribute-first": PublishedFormat(
        frozenset({"documents", "set_of_highlights_in_context"}), published_answers.aligned_rows
    ),
    "expertqa": PublishedFormat(
        frozenset({"question", "answers", "annotator_id"}), published_answers.expertqa_rows
    ),
    "mtrag": PublishedFormat(
        frozenset({"contexts", "input", "targets"}), published_answers.mtrag_rows
    ),
    "alce": PublishedFormat(frozenset({"question", "docs"}), published_answers.alce_rows),
    "ragtruth": PublishedFormat(
        frozenset({"source_id", "response", "labels"}),
        published_answers.ragtruth_rows,
        ("source_info.jsonl", "source_id"),
    ),
}
"""Formats by name."""


def find_format(content: bytes, name: str | None) -> str:
    """Return the name of the format of a file.

    Args:
        content: The file.
        name: What was asked for; `None` to find out by the fields of the first record.

    Raises:
        ConfigurationError: If there is none of this name.
    """
    if name is not None:
        if name != OWN and name not in PUBLISHED:
            raise ConfigurationError(
                f"there is no format {name!r}; there are {', '.join([OWN, *PUBLISHED])}"
            )
        return name
    try:
        _, first = next(_records(content))
    except (DataFileError, StopIteration):
        return OWN  # which says what is wrong
    if not isinstance(first, dict) or "chunks" in first:
        return OWN
    fitting = [each for each, format_ in PUBLISHED.items() if format_.fields <= first.keys()]
    return fitting[0] if len(fitting) == 1 else OWN


def published_rows(path: Path, content: bytes, name: str) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a file, each behind the place of its record.

    Args:
        path: The file.
        content: What it holds.
        name: A key of `PUBLISHED`.

    Raises:
        DataFileError: If it cannot be read.
        OSError: If the file beside it cannot be read.
    """
    format_ = PUBLISHED[name]
    beside = {} if format_.beside is None else _beside(path.parent / format_.beside[0], format_)
    for number, (place, record) in enumerate(_records(content), start=1):
        try:
            if not isinstance(record, dict):
                raise DataFileError(f"the record must be an object, got {record!r:.40}")
            if format_.beside is not None:
                named = record.get(format_.beside[1])
                if named not in beside:
                    raise DataFileError(f"{format_.beside[0]} has no record {named!r}")
                record = {**record, "source": beside[named]}
            for row in format_.rows(record, number):
                yield place, row
        except DataFileError as error:
            raise DataFileError(f"{place}, read as {name}: {error}") from error


def _beside(path: Path, format_: PublishedFormat) -> dict[Any, Row]:
    if format_.beside is None:
        return {}
    if not path.is_file():
        raise DataFileError(f"{path.name} must be in the same folder")
    field = format_.beside[1]
    records = [record for _, record in _records(path.read_bytes())]
    return {record[field]: record for record in records if isinstance(record, dict)}


def _records(content: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the records of a file, each behind its place."""
    raw = content.removeprefix(b"\xef\xbb\xbf")
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
    if len(lines) > 1 and _is_value(lines[0][1]):
        for number, line in lines:
            yield f"line {number}", _loaded(line, number)
    else:
        yield from _parts(_loaded(raw, 1))


def _parts(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield the records of one JSON document."""
    if isinstance(document, list):
        yield from _numbered("record", document)
    elif isinstance(document, dict) and isinstance(document.get("data"), list):
        for place, each in _numbered("data", document["data"]):
            if isinstance(each, dict) and isinstance(each.get("paragraphs"), list):
                for inner, paragraph in _numbered("paragraph", each["paragraphs"]):
                    yield f"{place}, {inner}", paragraph
            else:
                yield place, each
    elif isinstance(document, dict) and all(
        isinstance(each, dict) and "full_text" in each for each in document.values()
    ):
        for name, each in document.items():
            yield f'record "{name}"', each
    else:
        yield "line 1", document


def _numbered(noun: str, items: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for number, each in enumerate(items, start=1):
        yield f"{noun} {number}", each


def _is_value(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _loaded(raw: bytes, first_line: int) -> Any:
    try:
        return json.loads(raw.decode("utf-8"))
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise DataFileError(f"line {line}, column {error.colno}: no JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        line = first_line + raw[: error.start].count(b"\n")
        raise DataFileError(f"line {line}: no UTF-8") from error
    except RecursionError as error:
        raise DataFileError(f"line {first_line}: JSON nested too deep") from error
