"""Parquet read row by row, and written in groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.batch import parquet
from attribot_integrations.batch.parquet import create, open_file, plain_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def record(line: int, **changes: Any) -> dict[str, Any]:
    citation = {
        "statement_index": 0,
        "source_id": 3,
        "chunk_index": 1,
        "chunk_id": None,
        "text": "Ada did it.",
        "score": 2.5,
        "basis": "states",
        "states": 0.75,
        "answer_start": 0,
    }
    row = {"line": line, "id": None, "question": "Who?", "answer": "Ada.", "method": "exact"}
    return {**row, "citations": [citation], "scores": [[1.0]], **changes}


def written(path: Path, *records: dict[str, Any]) -> list[dict[str, Any]]:
    with create(path) as file:
        file.write([(each, json.dumps(each)) for each in records])
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_a_result_has_columns_to_look_into_and_itself_as_json(tmp_path: Path) -> None:
    (row,) = written(tmp_path / "out.parquet", record(7, id="a"))
    assert list(row) == ["line", "id", "question", "answer", "method", "citations", "result"]
    assert (row["line"], row["id"]) == (7, "a")
    assert row["citations"][0]["score"] == 2.5
    assert "answer_start" not in row["citations"][0]
    assert (row["citations"][0]["basis"], row["citations"][0]["states"]) == ("states", 0.75)
    assert json.loads(row["result"]) == record(7, id="a")


def test_results_of_before_there_were_two_kinds_of_evidence_are_kept(tmp_path: Path) -> None:
    old = record(1)
    del old["citations"][0]["basis"], old["citations"][0]["states"]
    (row,) = written(tmp_path / "out.parquet", old)
    assert (row["citations"][0]["basis"], row["citations"][0]["states"]) == (None, None)
    assert json.loads(row["result"]) == old


def test_results_wait_until_there_are_enough_for_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(json.dumps(record(1)))
    monkeypatch.setattr(parquet, "_GROUP_CHARACTERS", 2 * size)
    path = tmp_path / "out.parquet"
    with create(path) as file:
        for line in range(1, 6):
            file.write([(record(line), json.dumps(record(line)))])
    metadata = pq.ParquetFile(path).metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [
        2,
        2,
        1,
    ]


def test_no_results_make_a_file_with_the_columns(tmp_path: Path) -> None:
    assert written(tmp_path / "out.parquet") == []
    assert pq.read_schema(tmp_path / "out.parquet").names[-1] == "result"


def test_text_that_utf8_cannot_hold_is_replaced_in_columns(tmp_path: Path) -> None:
    (row,) = written(tmp_path / "out.parquet", record(1, answer="\ud800!"))
    assert row["answer"] == "\ufffd!"


def test_only_wanted_rows_are_given_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"question": [f"Q{n}" for n in range(150)]}), path, row_group_size=100)
    file = open_file(path)
    assert file.rows == 150
    columns = ("question", "other")
    rows = [*file.read(lambda place: place % 50 == 49, columns=columns)]
    assert rows == [(place, {"question": f"Q{place}"}) for place in (49, 99, 149)]
    assert [place for place, _ in file.read(lambda _: True, stop=3, columns=columns)] == [0, 1, 2]
    assert [*file.read(lambda _: False, columns=columns)] == []


def test_fields_that_are_empty_are_left_out_at_any_depth() -> None:
    table = pa.table({"a": [[{"x": None, "y": 1}], None], "b": ["t", None]})
    assert plain_rows(table) == [{"a": [{"y": 1}], "b": "t"}, {}]
