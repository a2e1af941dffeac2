"""Reading attribution requests from files: JSON Lines, JSON or CSV, see `records`.

One JSON object on each line:

- `question` and `answer`: text.
- `chunks`: a list whose items are a text, or an object with `text`, or an object with `sentences`
  (texts that are joined by a space); objects may also have `id`, `title` and `metadata`.
- `id` (optional): a text or an integer, handed back as text.
- `prompt` (optional): the prompt that the generator saw, as text or as a list of
  `{"role", "content"}` messages, which may have `name`, `calls`, `memory` and `kind`, or have the
  form of OpenAI's. Control tokens in it are read as plain text, so give messages where the
  generator's chat template was used.

Other fields are ignored, and `fieldnames` tells fields by other names. Files are read line by line,
so their size does not matter, and a line that cannot be read never ends the reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.jsontypes import as_text, kind_of, reject
from attribot_integrations.batch.promptmessages import prompt_messages
from attribot_integrations.batch.records import records
from attribot_integrations.batch.textfiles import STANDARD_INPUT
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest

__all__ = [
    "RequestLine",
    "count_requests",
    "load_line",
    "parse_line",
    "parse_request",
    "read_requests",
]

_SHOWN = 8
"""Names of a line's fields in an error, at most."""


@dataclass(frozen=True)
class RequestLine:
    """What one line of a data file holds."""

    number: int
    """Number of the line in the file, from 1; blank lines are counted but not returned."""
    id: str | None
    """The line's `id`, also where the rest of it cannot be read, if there is a valid one."""
    content: AttributionRequest | DataFileError
    """The request, or what is wrong with the line."""


def read_requests(
    path: str | Path, *, fields: Mapping[str, str] | None = None
) -> Iterator[RequestLine]:
    """Read requests one by one; blank lines and a byte order mark are skipped.

    Args:
        path: JSON Lines, a JSON list or CSV, also in UTF-16 or compressed with gzip, bzip2 or xz;
            a pipe, or "-" for standard input.
        fields: What the file calls its fields: `{"question": "query", "chunks": "contexts"}`.

    Yields:
        One item for each line that is not blank, or for each member of a list.

    Raises:
        ConfigurationError: If there is no field of a name.
        DataFileError: If it is no file of any of these kinds.
        OSError: If the file cannot be read.
    """
    names = FieldNames(fields or {})
    for number, raw in records(path, names):
        yield parse_line(number, raw, names)


def parse_line(
    number: int, raw: bytes | Mapping[str, Any], fields: FieldNames | None = None
) -> RequestLine:
    """Turn a line, as text or as the object that it holds, into a request or what is wrong."""
    id_: str | None = None
    content: AttributionRequest | DataFileError
    try:
        data = load_line(raw)
        data = fields.of_row(data) if fields else data
        id_ = _valid_id(data)
        content = parse_request(data)
    except DataFileError as error:
        content = error
    return RequestLine(number, id_, content)


def count_requests(path: str | Path, fields: FieldNames | None = None) -> int | None:
    """Count the lines that are not blank.

    Args:
        path: The file that `read_requests` will read.
        fields: What it calls its fields.

    Returns:
        The number of lines, or `None` for what can be read only once, such as a pipe.
    """
    if Path(path) == STANDARD_INPUT or not Path(path).is_file():
        return None
    return sum(1 for _ in records(path, fields))


def parse_request(data: Mapping[str, Any]) -> AttributionRequest:
    """Turn the JSON object of one line into a request.

    Raises:
        DataFileError: If a field is missing or has a wrong type.
    """
    chunks = _field(data, "chunks")
    if not isinstance(chunks, list):
        reject("chunks", "a list", chunks)
    return AttributionRequest(
        question=as_text(_field(data, "question"), "question"),
        chunks=[_chunk(chunk, f"chunks[{index}]") for index, chunk in enumerate(chunks)],
        answer=as_text(_field(data, "answer"), "answer"),
        prompt=_prompt(data.get("prompt")),
        id=_id(data.get("id"), "id"),
    )


def load_line(raw: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object that a line holds.

    Raises:
        DataFileError: If it holds none.
    """
    data: Any
    try:
        data = _json(raw) if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        raise DataFileError(f"the line is no UTF-8 at its byte {error.start + 1}") from error
    except json.JSONDecodeError as error:
        raise DataFileError(f"the line is no JSON at column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # nested too deep, an integer too long
        raise DataFileError(f"the line's JSON cannot be read: {error}") from error
    if not isinstance(data, Mapping):
        raise DataFileError(f"the line must be a JSON object, not {kind_of(data)}")
    return data


def _json(raw: bytes) -> Any:
    return json.loads(raw.decode("utf-8"), parse_constant=_reject_constant)


def _reject_constant(name: str) -> NoReturn:
    raise DataFileError(f"the line is no JSON: {name} is not a JSON number")


def _field(data: Mapping[str, Any], name: str) -> Any:
    if name not in data:
        there = ", ".join(list(data)[:_SHOWN])
        raise DataFileError(
            f'the field "{name}" is missing; a line needs question, chunks and answer, and this '
            f"has {there:.200}{', …' if len(data) > _SHOWN else ''}"
            if data
            else f'the field "{name}" is missing, as all others'
        )
    return data[name]


def _id(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    reject(name, "text or an integer", value)


def _valid_id(data: Mapping[str, Any]) -> str | None:
    try:
        return _id(data.get("id"), "id")
    except DataFileError:
        return None  # reported when the line is parsed


def _chunk(value: Any, name: str) -> Chunk:
    if isinstance(value, str):
        return Chunk(value)
    if not isinstance(value, dict):
        reject(name, "text or an object", value)
    if ("text" in value) == ("sentences" in value):
        raise DataFileError(f'{name} needs either "text" or "sentences"')
    if "text" in value:
        text = as_text(value["text"], f"{name}.text")
    elif isinstance(value["sentences"], list):
        text = " ".join(
            as_text(sentence, f"{name}.sentences[{index}]")
            for index, sentence in enumerate(value["sentences"])
        )
    else:
        reject(f"{name}.sentences", "a list", value["sentences"])
    return Chunk(text, _id(value.get("id"), f"{name}.id"), _metadata(value, name))


def _metadata(chunk: Mapping[str, Any], name: str) -> dict[str, Any]:
    metadata = chunk.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        reject(f"{name}.metadata", "an object", metadata)
    title = chunk.get("title")
    if title is None:
        return metadata
    return {**metadata, "title": as_text(title, f"{name}.title")}


def _prompt(value: Any) -> str | list[dict[str, str]] | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list):
        reject("prompt", "text or a list of messages", value)
    return prompt_messages(value)
