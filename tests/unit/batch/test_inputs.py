"""Rows from JSON Lines and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.batch import parquet
from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.inputs import file_identity, is_parquet, open_rows
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError, MissingExtraError
from attribot_integrations.requests.options import AttributionRequest
from tests.unit.batch.rows import rows_of, write_rows


def write_parquet(path: Path, rows: list[dict[str, Any]], row_group_size: int = 3) -> Path:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=row_group_size)
    return path


def source(tmp_path: Path, ending: str, count: int) -> Path:
    path = tmp_path / f"in.{ending}"
    return write_rows(path, count) if ending == "jsonl" else write_parquet(path, rows_of(count))


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_all_rows(tmp_path: Path, ending: str) -> None:
    rows = open_rows(source(tmp_path, ending, 8))
    assert rows.count() == 8
    found = list(rows.rows(lambda _: True))
    assert [place for place, _ in found] == list(range(8))
    assert [line.number for _, line in found] == list(range(1, 9))
    assert found[4][1].content == AttributionRequest(
        "Who?", [Chunk("Ada."), Chunk("Bob.")], "A5.", None, "r5"
    )


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("stop", [None, 0, 1, 4, 5, 99])
def test_some_rows(tmp_path: Path, ending: str, stop: int | None) -> None:
    rows = open_rows(source(tmp_path, ending, 8))
    found = [place for place, _ in rows.rows(lambda place: place in (1, 4, 7), stop)]
    assert found == [place for place in (1, 4, 7) if stop is None or place < stop]


def test_row_groups_without_a_wanted_row_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = parquet.open_file(source(tmp_path, "parquet", 12))
    read: list[int] = []
    whole = parquet.OpenFile._group

    def group(self: parquet.OpenFile, number: int, *rest: Any) -> Any:
        read.append(number)
        return whole(self, number, *rest)

    monkeypatch.setattr(parquet.OpenFile, "_group", group)
    assert [
        place for place, _ in file.read(lambda place: place in (4, 11), 11, columns=["question"])
    ] == [4]
    assert read == [1]


def test_tables_have_empty_fields_and_others(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Who? Ada."}]
    chunks = [
        {"text": "Ada.", "sentences": None, "id": "c", "title": None, "metadata": {"page": 3}},
        {"text": None, "sentences": ["Bob.", "Cy."], "id": None, "title": "T", "metadata": None},
    ]
    full = {"question": "Q", "chunks": chunks, "answer": "A.", "prompt": messages, "id": 7}
    row = {**full, "other": b"\x00"}
    empty = {**row, "answer": None, "prompt": None, "id": None}
    (_, first), (_, second) = open_rows(write_parquet(tmp_path / "in.pq", [row, empty])).rows(
        lambda _: True
    )
    assert first.content == AttributionRequest(
        "Q",
        [Chunk("Ada.", "c", {"page": 3}), Chunk("Bob. Cy.", None, {"title": "T"})],
        "A.",
        messages,
        "7",
    )
    assert isinstance(second.content, DataFileError)
    assert 'the field "answer" is missing' in str(second.content)


def test_maps_are_objects(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    kind = pa.struct([("text", pa.string()), ("metadata", pa.map_(pa.string(), pa.string()))])
    column = [[{"text": "Ada.", "metadata": [("k", "v")]}, {"text": "Bob.", "metadata": []}]]
    table = pa.table(
        {"question": ["Q"], "answer": ["A."], "chunks": pa.array(column, pa.list_(kind))}
    )
    pq.write_table(table, tmp_path / "in.parquet")
    ((_, line),) = open_rows(tmp_path / "in.parquet").rows(lambda _: True)
    assert isinstance(line.content, AttributionRequest)
    assert line.content.chunks == [Chunk("Ada.", None, {"k": "v"}), Chunk("Bob.")]


def test_what_is_no_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(FileNotFoundError):
        open_rows(tmp_path / "none.parquet")
    path = write_rows(tmp_path / "in.parquet", 3)
    with pytest.raises(DataFileError, match=r"in\.parquet cannot be read as Parquet"):
        open_rows(path)


def test_damage_inside_a_file_is_told(tmp_path: Path) -> None:
    path = source(tmp_path, "parquet", 9)
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    with pytest.raises(DataFileError, match="cannot be read as Parquet"):
        list(open_rows(path).rows(lambda _: True))


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "attribot-integrations\[parquet\]"'):
        open_rows(tmp_path / "in.parquet")


def test_names_of_parquet_files() -> None:
    assert is_parquet(Path("a.PARQUET"))
    assert is_parquet(Path("a.pq"))
    assert not is_parquet(Path("a.parquet.jsonl"))


def test_files_are_told_apart(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "in.jsonl", 3)
    before = file_identity(path)
    assert file_identity(path) == before
    write_rows(path, 4)
    grown = file_identity(path)
    path.write_text(path.read_text().replace("A4", "B4"))
    assert len({str(each) for each in (before, grown, file_identity(path))}) == 3


def test_columns_with_other_names(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    rows = [{"query": "Q", "docs": ["A."], "out": {"text": "B."}, "other": 1}]
    path = write_parquet(tmp_path / "in.parquet", rows)
    names = FieldNames({"question": "query", "chunks": "docs", "answer": "out.text"})
    ((_, line),) = open_rows(path, names).rows(lambda _: True)
    assert isinstance(line.content, AttributionRequest)
    assert (line.content.question, line.content.answer) == ("Q", "B.")
