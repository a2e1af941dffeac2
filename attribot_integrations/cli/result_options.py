"""The form of results, by an option or by the ending of the output's name."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from attribot_integrations.batch.resultforms import ResultForm

__all__ = ["FormatOption", "ResultFormat", "check_format", "result_form"]


class ResultFormat(str, Enum):
    """How results are written."""

    JSON_LINES = "jsonl"
    JSON = "json"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    PARQUET = "parquet"


FormatOption = Annotated[
    ResultFormat | None,
    typer.Option(
        help="By default what the ending of the output says, and JSON Lines on standard output. "
        "json, jsonl and parquet hold all scores; csv has a row for each citation; text, markdown "
        "and html are to be read.",
        show_default=False,
    ),
]

_ENDINGS: Final = {
    ".jsonl": ResultFormat.JSON_LINES,
    ".ndjson": ResultFormat.JSON_LINES,
    ".json": ResultFormat.JSON,
    ".txt": ResultFormat.TEXT,
    ".md": ResultFormat.MARKDOWN,
    ".markdown": ResultFormat.MARKDOWN,
    ".html": ResultFormat.HTML,
    ".htm": ResultFormat.HTML,
    ".csv": ResultFormat.CSV,
    ".parquet": ResultFormat.PARQUET,
    ".pq": ResultFormat.PARQUET,
}


def check_format(output: Path, given: ResultFormat | None) -> ResultFormat:
    """Return the format that is wanted.

    Raises:
        BadParameter: If the output's name ends in what is not written, or says another than
            `--format` does.
    """
    from attribot_integrations.batch.inputs import is_parquet

    ending = output.suffix.lower()
    named = _ENDINGS.get(ending)
    if given is None and named is None and ending:
        raise typer.BadParameter(
            f"{output.name} ends in {ending}, which is not written: use one of "
            f"{', '.join(_ENDINGS)}, or say what to write with --format",
            param_hint="--output",
        )
    if given is not None and named not in (None, given):
        raise typer.BadParameter(
            f"{output.name} ends in {ending}, and --format says {given.value}",
            param_hint="--format",
        )
    if given is ResultFormat.PARQUET and not is_parquet(output):
        raise typer.BadParameter(
            "a Parquet file must be called so: --output NAME.parquet", param_hint="--format"
        )
    return given or named or ResultFormat.JSON_LINES


def result_form(wanted: ResultFormat, *, on_terminal: bool) -> ResultForm:
    """Return what writes results that are no Parquet.

    Args:
        wanted: The format.
        on_terminal: Whether it is shown on a terminal, which control codes would steer.
    """
    from attribot_integrations.batch.resultforms import FORMS, JsonLines, JsonList

    lines = JsonLines(ascii_only=on_terminal)
    if wanted is ResultFormat.JSON_LINES:
        return lines
    return JsonList(lines) if wanted is ResultFormat.JSON else FORMS[wanted.value]()
