"""Results read back from the lines of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.batch.storedresults import read_results
from attribot_integrations.errors import DataFileError
from attribot_integrations.results import Attribution
from tests.unit.render.samples import sample


def test_results_are_read_and_bad_lines_told(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    failed = {"line": 2, "id": "b", "error": {"type": "ModelError", "message": "it overflows"}}
    lines = [sample().to_json(), json.dumps(failed), "{", "[]", '{"a": 1}', ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    first, *others = read_results(path)
    assert isinstance(first.content, Attribution)
    assert first.content.answer == sample().answer
    assert all(isinstance(each.content, DataFileError) for each in others)
    assert [each.number for each in others] == [2, 3, 4, 5]
    told = [str(each.content) for each in others]
    assert told[0] == "the answer was not attributed: it overflows"
    assert told[1].startswith("the line is no JSON at column")
    assert told[2].startswith("the line must be a JSON object")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list(read_results(tmp_path / "none.jsonl"))
