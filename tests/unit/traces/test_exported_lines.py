"""The records of a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.exported_lines import read_records

ROWS = [{"a": 1}, {"a": [2, "é"]}]


def contents(path: Path) -> list[object]:
    return [record.content for record in read_records(path)]


def numbers(path: Path) -> list[int]:
    return [record.number for record in read_records(path)]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n\n{"a": [2, "é"]}\n',
        '\ufeff{"a": 1}\r\n{"a": [2, "é"]}\r\n',
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"data": ROWS, "next": None}),
        json.dumps({"data": ROWS}, indent=1),
        '[{"a": 1}]\n[{"a": [2, "é"]}]\n',
    ],
)
def test_json_in_all_forms(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text, encoding="utf-8")
    assert contents(tmp_path / "f") == ROWS


def test_one_object(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps({"data": {"spans": []}}, indent=2))
    assert contents(tmp_path / "f") == [{"data": {"spans": []}}]


def test_records_are_counted_by_line_or_item(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"a": 1}\n\n{"a": 2}\n')
    (tmp_path / "list").write_text('[{"a": 1}, {"a": 2}]')
    assert numbers(tmp_path / "lines") == [1, 3]
    assert numbers(tmp_path / "list") == [1, 2]


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n'))
    assert contents(path) == [{"a": 1}]


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b" \n")
    assert contents(tmp_path / "f") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": ', "this is no JSON: Expecting value, line 1, column 7"),
        (b'{"a": "\xff"}', "this is no UTF-8: at byte 8"),
        (b"[" * 200_000, "this JSON is nested too deep"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "this JSON cannot be read: Exceeds the limit"),
        (b"3", "this is no object: it is int"),
        (b'["a"]', "this is no object: it is str"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_damaged_line_leaves_the_others(
    tmp_path: Path, line: bytes, message: str, first: bool
) -> None:
    lines = [line, b'{"a": 1}'] if first else [b'{"a": 1}', line]
    (tmp_path / "f").write_bytes(b"\n".join(lines))
    found = contents(tmp_path / "f")
    error = found.pop(0 if first else 1)
    assert found == [{"a": 1}]
    assert isinstance(error, DataFileError)
    assert str(error).startswith(message)


def test_numbers_that_json_does_not_know_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_text('{"a": NaN, "b": -Infinity}')
    assert contents(tmp_path / "f") == [{"a": None, "b": None}]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "f.PARQUET"
    table = pyarrow.table({"a": ["x", None], "events": [[1], []]})
    times = pyarrow.array([1, 2], pyarrow.timestamp("ns"))
    pyarrow.parquet.write_table(table.append_column("at", times), path)
    assert contents(path) == [{"a": "x", "at": 1}, {"at": 2}]


def test_damaged_parquet(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataFileError, match="cannot be read as Parquet"):
        contents(tmp_path / "f.parquet")


def test_nothing_of_a_file_is_run(tmp_path: Path) -> None:
    """A pickle is bytes that are no JSON, whatever its name."""
    (tmp_path / "f.json").write_bytes(b"cos\nsystem\n(S'touch run'\ntR.")
    assert all(isinstance(one, DataFileError) for one in contents(tmp_path / "f.json"))
    (tmp_path / "f.parquet").write_bytes(b"cos\nsystem\n(S'touch run'\ntR.")
    with pytest.raises(DataFileError):
        contents(tmp_path / "f.parquet")
