"""Rows of CSV files."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.tablerows import is_table, table_rows
from attribot_integrations.errors import DataFileError


def rows(text: str, **fields: str) -> list[tuple[int, dict[str, Any]]]:
    return list(table_rows(text.encode().splitlines(keepends=True), FieldNames(fields)))


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_cells_are_fields_and_empty_ones_are_none(between: str) -> None:
    text = "id,question,chunks,answer\n,Who?,Ada.,A.\n\n7,What?,,B.\n".replace(",", between)
    assert rows(text) == [
        (2, {"question": "Who?", "chunks": ["Ada."], "answer": "A."}),
        (4, {"id": "7", "question": "What?", "answer": "B."}),
    ]


def test_rows_of_several_lines_and_longer_than_the_csv_module_takes() -> None:
    text = "b" * (csv.field_size_limit() + 1)
    limit = csv.field_size_limit()
    found = rows(f'question,chunks,answer\n"Who\nis it?","{text}",A.\n"x",y,z\n')
    assert [number for number, _ in found] == [2, 4]
    assert found[0][1]["question"] == "Who\nis it?"
    assert found[0][1]["chunks"] == [text]
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("cell", "chunks"),
    [
        ('["one", "two"]', ["one", "two"]),
        ('[{"text": "one"}]', [{"text": "one"}]),
        ("[]", []),
        ("[Abstract] A text.", ["[Abstract] A text."]),
        ("['a list', 'of Python']", "['a list', 'of Python']"),  # refused as a text
    ],
)
def test_chunks_may_be_json(cell: str, chunks: object) -> None:
    quoted = cell.replace('"', '""')
    ((_, row),) = rows(f'query,contexts,answer\nWho?,"{quoted}",A.\n', chunks="contexts")
    assert row["contexts"] == chunks


def test_each_chunk_may_have_a_column() -> None:
    ((_, row),) = rows("question,chunk_2,chunk_10,Chunk 1,answer\nQ,two,ten,one,A\n")
    assert row["chunks"] == ["one", "two", "ten"]


def test_prompts_may_be_messages() -> None:
    ((_, row),) = rows('prompt,answer\n"[{""role"": ""user"", ""content"": ""Q""}]",A\n')
    assert row["prompt"] == [{"role": "user", "content": "Q"}]
    ((_, row),) = rows("prompt,answer\nplain,[1]\n")
    assert row == {"prompt": "plain", "answer": "[1]"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"question,answer\na,b,c\n", "line 2 has 3 cells, and the table 2 columns"),
        (b"question,answer\na,\xe9\n", "the table is no UTF-8 at line 2: save it in UTF-8"),
        (b'question,answer\na,"b\n', "the table cannot be read at line 2: unexpected end"),
    ],
)
def test_tables_that_cannot_be_read(text: bytes, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        list(table_rows(text.splitlines(keepends=True), FieldNames()))


def test_tables_are_told_by_their_heads() -> None:
    assert is_table(b"\xef\xbb\xbfid;answer;question\r\n", FieldNames())
    assert not is_table(b"answer, or question?\n", FieldNames())
    assert not is_table(b"\xff\n", FieldNames())
    named = FieldNames({"question": "query"})
    assert is_table(b"query,answer\n", named)
    assert not is_table(b"question,answer\n", named)
    assert list(table_rows([], FieldNames())) == []
