"""Records of files in several shapes, each a request."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations.batch.datafiles import read_requests
from attribot_integrations.batch.records import records
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest

GOOD: dict[str, Any] = {"question": "Wér?", "chunks": ["Ada."], "answer": "A."}
ONE = json.dumps(GOOD, ensure_ascii=False)
TABLE = "question,chunks,answer\nWér?,Ada.,A.\nWér?,Ada.,A.\n"


@pytest.mark.parametrize(
    ("name", "content", "numbers"),
    [
        ("in.jsonl", f"{ONE}\n{ONE}\n".encode("utf-16"), [1, 2]),
        ("in.jsonl.gz", gzip.compress(f"{ONE}\n{ONE}\n".encode(), mtime=0), [1, 2]),
        ("in.json", json.dumps([GOOD, GOOD]).encode(), [1, 2]),
        ("in.json", f"\ufeff\n {json.dumps([GOOD, GOOD], indent=1)}\n".encode(), [1, 2]),
        ("in.json", (json.dumps(GOOD, indent=2) * 2).encode(), [1, 2]),
        ("in.csv", TABLE.encode("utf-8-sig"), [2, 3]),
        ("in.txt", TABLE.encode("utf-16"), [2, 3]),
        ("in.csv.gz", gzip.compress(TABLE.encode(), mtime=0), [2, 3]),
        ("in.tsv", TABLE.replace(",", "\t").encode(), [2, 3]),
    ],
)
def test_shapes_are_recognised(
    tmp_path: Path, name: str, content: bytes, numbers: list[int]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    lines = list(read_requests(path))
    assert [line.number for line in lines] == numbers
    for line in lines:
        assert isinstance(line.content, AttributionRequest)
        assert (line.content.question, line.content.answer) == ("Wér?", "A.")


def test_fields_have_other_names(tmp_path: Path) -> None:
    fields = {"question": "q", "chunks": "docs", "answer": "out.text"}
    row = {"q": "Wér?", "docs": ["Ada."], "out": {"text": "A."}, "answer": "no"}
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    ((line),) = read_requests(path, fields=fields)
    assert isinstance(line.content, AttributionRequest)
    assert line.content.answer == "A."
    path.write_text("q;docs;out.text\nWér?;Ada.;A.\n", encoding="utf-8")
    ((line),) = read_requests(path, fields=fields)
    assert isinstance(line.content, AttributionRequest)
    assert line.content.answer == "A."


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.BufferedReader(io.BytesIO(TABLE.encode()))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=piped))
    assert len(list(read_requests("-"))) == 2


def test_members_of_a_list_fail_by_themselves(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps([GOOD, 3, {"id": "x"}]), encoding="utf-8")
    _, number, missing = read_requests(path)
    assert "must be a JSON object, not a number" in str(number.content)
    assert (missing.number, missing.id) == (3, "x")


@pytest.mark.parametrize("text", ["", "\n \n", "[]", "question,answer\n"])
def test_nothing_in_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "in"
    path.write_text(text, encoding="utf-8")
    assert list(records(path)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A plain text.\nOf two lines.\n", "begins with 'A plain text.': it is neither JSON Lines"),
        ("null\n", "begins with 'null'"),
        ("['Python']", "in is no JSON: "),
        ('["a"]\n["b"] c', "in is no JSON: "),
        ("[NaN]", "NaN is not a JSON number"),
        ("[" * 100_000, "in is no JSON: "),
        ("question,answer\na,b,c\n", "in: line 2 has 3 cells"),
    ],
)
def test_other_files_are_named_once(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "in"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        list(records(path))


def test_a_first_line_that_is_broken_is_its_own_problem(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    for begin in ("broken", "{", '{"question": "Who?",'):
        path.write_text(f"{begin}\n\n{ONE}\n", encoding="utf-8")
        broken, good = read_requests(path)
        assert "the line is no JSON at column " in str(broken.content)
        assert good.number == 3
