"""Files of traces on the command line: read, and told what could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attribot_integrations.batch.processes import leads
from attribot_integrations.cli.runtime import note
from attribot_integrations.errors import DataFileError
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.traces import Traces

__all__ = ["read_exported"]


def read_exported(file: Path, source: str) -> Traces:
    """Read a file of traces, and say on standard error what became of them.

    Args:
        file: The file.
        source: The tool that exported it.

    Raises:
        DataFileError: If it holds nothing to attribute.
        AttribotError: If it cannot be read at all.
        OSError: If it cannot be read.
    """
    from attribot_integrations.traces import read_traces

    traces = read_traces(file, source)
    if leads():
        for line in traces.summary():
            note(one_line(line))
    if not traces.count():
        raise DataFileError(f"{file} holds no answer to attribute")
    return traces
