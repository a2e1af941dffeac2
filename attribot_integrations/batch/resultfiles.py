"""Writing the results of a data file's lines, as JSON Lines or as text with citations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.errors import DataFileError, ModelError
from attribot_integrations.render.text import one_line
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.results.serialization import json_data

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["ResultWriter", "attribute_line"]


@dataclass(frozen=True)
class ResultWriter:
    """Writes the results of a data file's lines as they come."""

    stream: IO[bytes]
    as_text: bool = False
    """Whether to write answers with citations instead of JSON Lines."""
    ascii_only: bool = False
    """Whether to escape all but ASCII in JSON."""

    def format_result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return an attribution as it is written.

        Raises:
            ModelError: If it holds a number that JSON cannot hold.
        """
        if self.as_text:
            return f"{self._heading(line)}: {one_line(attribution.question)}\n{attribution}\n"
        try:
            return self._json({"line": line.number, **json_data(attribution)})
        except ValueError as error:
            raise ModelError(f"the result cannot be written: {error}") from error

    def format_failure(self, line: RequestLine, error: Exception) -> str:
        """Return what went wrong with a line as it is written."""
        kind = type(error).__name__
        if self.as_text:
            return f"{self._heading(line)}: {kind}: {one_line(str(error))}\n"
        problem = {"type": kind, "message": str(error)}
        return self._json({"line": line.number, "id": line.id, "error": problem})

    def write(self, text: str) -> None:
        """Write the text of one result, at once."""
        # Only lone surrogates cannot be encoded; in JSON, the backslash form is their escape.
        self.stream.write(f"{text}\n".encode("utf-8", "backslashreplace"))
        self.stream.flush()

    def _heading(self, line: RequestLine) -> str:
        return f"line {line.number}" + ("" if line.id is None else f" ({one_line(line.id)})")

    def _json(self, record: Mapping[str, Any]) -> str:
        return json.dumps(record, ensure_ascii=self.ascii_only, allow_nan=False, default=str)


def attribute_line(
    engine: RequestAttributor, line: RequestLine, writer: ResultWriter
) -> Exception | None:
    """Attribute the request of one line, and write the result or what went wrong.

    Args:
        engine: Anything that can attribute requests.
        line: The line.
        writer: Where the outcome goes.

    Returns:
        The error that was written, or `None` if all went well.
    """
    error: Exception
    if isinstance(line.content, DataFileError):
        error = line.content
    else:
        try:
            text = writer.format_result(line, engine.attribute_request(line.content))
        except Exception as caught:  # whatever it is, a long run must not be lost for one line
            error = caught
        else:
            writer.write(text)
            return None
    writer.write(writer.format_failure(line, error))
    return error
