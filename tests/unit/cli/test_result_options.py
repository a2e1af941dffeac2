"""The form of results."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from attribot_integrations.batch.resultforms import CitedPage, JsonLines, JsonList
from attribot_integrations.cli.result_options import ResultFormat, check_format, result_form


@pytest.mark.parametrize(
    ("output", "given", "wanted"),
    [
        ("-", None, "jsonl"),
        ("-", "csv", "csv"),
        ("out", None, "jsonl"),
        ("out.JSONL", None, "jsonl"),
        ("out.ndjson", None, "jsonl"),
        ("out.json", None, "json"),
        ("out.csv", None, "csv"),
        ("out.md", None, "markdown"),
        ("out.html", "html", "html"),
        ("out.txt", None, "text"),
        ("out.pq", None, "parquet"),
        ("out.log", "text", "text"),
    ],
)
def test_the_ending_is_obeyed(output: str, given: str | None, wanted: str) -> None:
    format = None if given is None else ResultFormat(given)
    assert check_format(Path(output), format) is ResultFormat(wanted)


@pytest.mark.parametrize(
    ("output", "given", "message"),
    [
        ("out.xlsx", None, r"ends in \.xlsx, which is not written: use one of \.jsonl, \.ndjson"),
        ("out.jsonl.gz", None, r"ends in \.gz, which is not written"),
        ("out.csv", "html", r"ends in \.csv, and --format says html"),
        ("-", "parquet", "a Parquet file must be called so"),
    ],
)
def test_or_it_is_refused(output: str, given: str | None, message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        check_format(Path(output), None if given is None else ResultFormat(given))


def test_forms() -> None:
    assert result_form(ResultFormat.JSON_LINES, on_terminal=True) == JsonLines(ascii_only=True)
    found = result_form(ResultFormat.JSON, on_terminal=True)
    assert isinstance(found, JsonList)
    assert found.lines.ascii_only
    assert isinstance(result_form(ResultFormat.HTML, on_terminal=False), CitedPage)
