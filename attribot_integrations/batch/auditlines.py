"""Reading answers to audit from files, and auditing them line by line.

A line is what `batch.datafiles` reads, and may hold in addition:

- `numbers`: chunk indexes by the number or label that the answer's marks use.
- `citations`: a list of `{"start", "end", "chunk"}`, offsets in the answer and an index from 0 or
  `null`; `label` and `marker` (`[start, end]`) if there are any.
- `message` and `form`: what a provider gave, and whose form it has, see `auditing.given_answer`.
  The answer is then the message's text.

Or it is an attribution that `attribot attribute` wrote, which needs no model any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from attribot_integrations.auditing.auditor import audit_attribution, audit_request
from attribot_integrations.auditing.audits import AnswerAudit
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.provider_citations import given_answer
from attribot_integrations.auditing.witness import AuditOptions
from attribot_integrations.batch.datafiles import RequestLine, load_line, parse_line
from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.records import records
from attribot_integrations.context.sources import Span
from attribot_integrations.errors import AttribotError, DataFileError
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution

__all__ = ["AuditLine", "audit_line", "read_audit_lines"]


@dataclass(frozen=True)
class AuditLine:
    """What one line of a data file holds."""

    number: int
    """Number of the line in the file, from 1."""
    content: AttributionRequest | Attribution | DataFileError
    """The answer, with its attribution if that is there, or what is wrong with the line."""
    citations: tuple[GivenCitation, ...] | None = None
    """Citations given beside the text."""
    numbers: Mapping[str | int, int] | None = None
    """Chunk indexes by number, where they are given."""


def read_audit_lines(path: str | Path, fields: FieldNames | None = None) -> Iterator[AuditLine]:
    """Read lines one by one; what cannot be read is that line's problem alone.

    Args:
        path: A file, or "-" for standard input, see `records`.
        fields: What it calls its fields.

    Raises:
        DataFileError: If it is no file of records.
        OSError: If the file cannot be read.
    """
    names = fields or FieldNames()
    for number, raw in records(path, names):
        try:
            yield _parse(number, raw, names)
        except DataFileError as error:
            yield AuditLine(number, error)
        except AttribotError as error:
            yield AuditLine(number, DataFileError(str(error)))


def audit_line(
    line: AuditLine, engine: Callable[[], RequestAttributor], options: AuditOptions
) -> AnswerAudit:
    """Audit the answer of one line.

    Args:
        line: The line.
        engine: Called for what attributes the answer, if that is still to be done.
        options: What counts as evidence.

    Raises:
        AttribotError: If the line could not be read, or the answer cannot be attributed.
    """
    if isinstance(line.content, DataFileError):
        raise line.content
    given: dict[str, Any] = {
        "citations": line.citations,
        "numbers": line.numbers,
        "options": options,
    }
    if isinstance(line.content, Attribution):
        return audit_attribution(line.content, **given)
    return audit_request(line.content, engine=engine(), **given)


def _parse(number: int, raw: bytes | Mapping[str, Any], fields: FieldNames) -> AuditLine:
    line = load_line(raw)
    if "scores" in line and "schema" in line:
        return AuditLine(number, Attribution.from_dict(line), None, _numbers(line.get("numbers")))
    data = fields.of_row(line)
    numbers = _numbers(data.get("numbers"))
    message, form = data.get("message"), data.get("form")
    if (message is None) != (form is None):
        raise DataFileError('a line with a "message" needs its "form", and the other way round')
    if message is None:
        content = _content(parse_line(number, data))
        return AuditLine(number, content, _citations(data.get("citations")), numbers)
    if not isinstance(form, str):
        _reject("form", "text", form)
    content = _content(parse_line(number, {"answer": "", **data}))
    if isinstance(content, DataFileError):
        return AuditLine(number, content)
    given = given_answer(message, content.chunks, form)  # type: ignore[arg-type]  # checked there
    return AuditLine(number, replace(content, answer=given.text), given.citations, numbers)


def _content(line: RequestLine) -> AttributionRequest | DataFileError:
    return line.content


def _numbers(value: Any) -> dict[str | int, int] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(map(_is_index, value.values())):
        _reject("numbers", "an object of chunk indexes", value)
    return dict(value)


def _citations(value: Any) -> tuple[GivenCitation, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        _reject("citations", "a list", value)
    return tuple(_citation(each, f"citations[{place}]") for place, each in enumerate(value))


def _citation(value: Any, name: str) -> GivenCitation:
    if not isinstance(value, dict) or not all(
        _is_index(value.get(key)) for key in ("start", "end")
    ):
        _reject(name, "an object with the offsets start and end", value)
    chunk = value.get("chunk")
    if chunk is not None and not _is_index(chunk):
        _reject(f"{name}.chunk", "an index or null", chunk)
    label = value.get("label", "?" if chunk is None else str(chunk + 1))
    if not isinstance(label, str):
        _reject(f"{name}.label", "text", label)
    return GivenCitation(
        value["start"], value["end"], chunk, label, _marker(value.get("marker"), name), value
    )


def _marker(value: Any, name: str) -> Span | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2 or not all(map(_is_index, value)):
        _reject(f"{name}.marker", "a list of two offsets", value)
    return value[0], value[1]


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _reject(name: str, wanted: str, value: Any) -> NoReturn:
    raise DataFileError(f'the field "{name}" must be {wanted}, got {value!r:.60}')
