"""Parts become one output, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.batch.folder import Finished, JobFolder
from attribot_integrations.batch.merging import failures_file, merge_parts
from attribot_integrations.batch.plan import Plan, Share
from attribot_integrations.errors import DataFileError
from tests.unit.batch.rows import lines_of, records


def folder_with(output: Path, *parts: list[dict[str, Any]]) -> JobFolder:
    folder = JobFolder.of(output)
    folder.begin({})
    for index, rows in enumerate(parts):
        folder.part(index).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def good(line: int) -> dict[str, Any]:
    return {"line": line, "answer": f"A{line}."}


def bad(line: int) -> dict[str, Any]:
    return {"line": line, "error": "too long"}


def test_rows_keep_their_order_and_failed_ones_go_apart(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    folder = folder_with(output, [good(1), bad(2)], [bad(3), good(4)], [good(5)])
    assert merge_parts(folder, Plan(5, part_rows=2), output) == Finished(rows=5, failed=2)
    assert lines_of(records(output)) == [1, 4, 5]
    failures = failures_file(output)
    assert failures == tmp_path / "out.errors.jsonl"
    assert lines_of(records(failures)) == [2, 3]


def test_lines_are_written_as_they_were_read(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    folder = folder_with(output, [good(1)])
    spaced = b'{"line":   1.50, "x": "\\u00e9"}\n'
    folder.part(0).write_bytes(spaced)
    merge_parts(folder, Plan(1), output)
    assert output.read_bytes() == spaced


def test_failures_of_an_earlier_run_are_deleted_where_there_are_none(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    failures_file(output).write_text("old")
    merge_parts(folder_with(output, [good(1)]), Plan(1), output)
    assert not failures_file(output).exists()
    assert not list(JobFolder.of(output).path.glob("*.new"))


def test_no_rows_at_all(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert merge_parts(folder_with(output), Plan(0), output) == Finished(0, 0)
    assert output.read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"line": 1}\n', r"part-00000001\.jsonl must have 2 lines, and has 1"),
        (b'{"line": 1}\n{\n', r"part-00000001\.jsonl cannot be read"),
    ],
)
def test_a_part_that_is_not_whole_leaves_the_output_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("before")
    folder = folder_with(output, [good(1), good(2)], [])
    folder.part(1).write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        merge_parts(folder, Plan(4, Share(), 2), output)
    assert output.read_text() == "before"
    assert not failures_file(output).exists()
