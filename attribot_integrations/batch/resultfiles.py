"""Writing the results of a data file's lines as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.batch.resultforms import JsonLines, ResultForm
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["ResultWriter", "attribute_line"]


@dataclass(frozen=True)
class ResultWriter:
    """Writes the results of a data file's lines as they come."""

    stream: IO[bytes]
    form: ResultForm = field(default_factory=JsonLines)

    def write(self, text: str) -> None:
        """Write some text at once."""
        if text:
            # Only lone surrogates cannot be encoded; in JSON, the backslash form is their escape.
            self.stream.write(text.encode("utf-8", "backslashreplace"))
            self.stream.flush()


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
            text = writer.form.result(line, engine.attribute_request(line.content))
        except Exception as caught:  # whatever it is, a long run must not be lost for one line
            error = caught
        else:
            writer.write(text)
            return None
    writer.write(writer.form.failure(line, error))
    return error
