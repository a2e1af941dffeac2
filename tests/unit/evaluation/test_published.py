"""Published files are recognised by their fields, and read as examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.published import OWN, PUBLISHED, find_format
from attribot_integrations.evaluation.suite import read_suite
from tests.unit.evaluation.data import ROWS, write_data
from tests.unit.evaluation.test_published_answers import ALCE, ALIGNED, EXPERTQA, MTRAG, RAGTRUTH
from tests.unit.evaluation.test_published_questions import CLAPNQ, HOTPOT, QASPER, QUOTESUM, SQUAD

RESPONSE = {name: value for name, value in RAGTRUTH.items() if name != "source"}
SOURCE = {"source_id": "9", **RAGTRUTH["source"]}
FILES: dict[str, tuple[str, Any]] = {
    "hotpotqa": ("document", [HOTPOT]),
    "squad2": ("document", {"version": "v2.0", "data": [{"title": "M", "paragraphs": [SQUAD]}]}),
    "clapnq": ("lines", [CLAPNQ]),
    "qasper": ("document", {"1909.1": QASPER}),
    "quotesum": ("lines", [QUOTESUM]),
    "attribute-first": ("lines", [ALIGNED, {**ALIGNED, "unique_id": "a2"}]),
    "expertqa": ("lines", [EXPERTQA, EXPERTQA]),
    "mtrag": ("lines", [MTRAG]),
    "alce": ("document", {"args": {}, "data": [ALCE]}),
    "ragtruth": ("lines", [RESPONSE]),
}
EXAMPLES = {"qasper": 2, "attribute-first": 2, "expertqa": 2}
"""How many there are in a file, where it is not one."""


def write(path: Path, kind: str, content: Any) -> Path:
    texts = content if kind == "lines" else [content]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in texts), encoding="utf-8")
    return path


@pytest.fixture(params=FILES)
def published(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    kind, content = FILES[request.param]
    write(tmp_path / "source_info.jsonl", "lines", [SOURCE])
    return request.param, write(tmp_path / "file.jsonl", kind, content)


def test_every_format_is_tried() -> None:
    assert {*FILES} == {*PUBLISHED}


def test_recognised_by_its_fields(published: tuple[str, Path]) -> None:
    name, path = published
    assert find_format(path.read_bytes(), None) == name
    found = read_set(path)
    assert len(found.examples) == EXAMPLES.get(name, 1)
    assert found == read_set(path, format=name)
    for example in found.examples:
        assert all(chunk.text for chunk in example.chunks)
        for places in example.gold or ():
            for chunk, sentence in places:
                assert sentence < len(example.splitter(example.chunks[chunk].text))


def test_an_indented_document_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text("\ufeff" + json.dumps([HOTPOT], indent=1), encoding="utf-8")
    assert read_set(path).examples[0].id == "h1"


def test_gold_and_statements_arrive(tmp_path: Path) -> None:
    (hotpot,) = read_set(write(tmp_path / "h.json", "document", [HOTPOT])).examples
    assert hotpot.gold == (((0, 1),), ((1, 0),))
    first, _ = read_set(write(tmp_path / "a.jsonl", *FILES["attribute-first"])).examples
    assert [each.gold for each in first.statements or ()] == [((0, 1),), ((1, 1),)]
    (turn,) = read_set(write(tmp_path / "m.jsonl", "lines", [MTRAG])).examples
    assert turn.prompt == [
        {"role": "user", "content": "Is there a mill?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "The mill burned in 1871.\n\nWhen did it burn?"},
    ]


def test_our_own_format_stays_what_it_is(tmp_path: Path) -> None:
    path = write_data(tmp_path / "own.jsonl")
    assert find_format(path.read_bytes(), None) == OWN
    assert read_set(path) == read_set(path, format=OWN)
    both = write(tmp_path / "both.jsonl", "lines", [{**ROWS[0], "docs": [], "input": ""}])
    assert find_format(both.read_bytes(), None) == OWN


def test_what_is_ambiguous_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", "document", [{**HOTPOT, "qas": []}])
    assert find_format(path.read_bytes(), None) == OWN
    with pytest.raises(DataFileError, match=r"x\.json, line 1: the line must be a JSON object"):
        read_set(path)


def test_limits(tmp_path: Path) -> None:
    path = write(tmp_path / "q.json", "document", {"1909.1": QASPER})
    assert [each.id for each in read_set(path, 1).examples] == ["q1"]


def test_fingerprints_differ_by_format(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", "document", {"data": [{**ALCE, "chunks": []}]})
    assert (
        read_set(path, format="alce").digest
        != read_set(write(tmp_path / "b.json", "document", {"data": [ALCE]})).digest
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("clapnq", '{"input": ""}\n{"input"', 'line 1, read as clapnq: .*"output" is missing'),
        ("quotesum", '{"a": 1}\n\n{"a": ', 'line 1, read as quotesum: .*"summary" is missing'),
        ("expertqa", '{"question": "q", "answers": {}}\n{"x": \n', "line 2, column .*no JSON"),
        ("hotpotqa", "[\n{},\n{]", "line 3, column 2: no JSON"),
        ("hotpotqa", '[{"context": 3}]', 'record 1, read as hotpotqa: .*"context" must be a list'),
        ("hotpotqa", "[3]", "record 1, read as hotpotqa: the record must be an object, got 3"),
        (
            "squad2",
            '{"data": [{"paragraphs": [{"context": "x"}]}]}',
            'data 1, paragraph 1, read as squad2: the field "qas" is missing',
        ),
        ("qasper", '{"p": {"full_text": 3}}', 'record "p", read as qasper: .*must be a list'),
        ("clapnq", '{"output": [], "x": 1}\n', "holds no example"),
        ("mtrag", b'{"x": "\xff"}\n', "line 1: no UTF-8"),
        ("ragtruth", "{}\n", r"source_info\.jsonl must be in the same folder"),
    ],
)
def test_what_is_wrong_and_where(
    name: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataFileError, match=rf"data\.json.*{message}"):
        read_set(path, format=name)


def test_a_response_without_its_source(tmp_path: Path) -> None:
    write(tmp_path / "source_info.jsonl", "lines", [{**SOURCE, "source_id": "1"}])
    path = write(tmp_path / "response.jsonl", "lines", [RESPONSE])
    with pytest.raises(DataFileError, match=r"line 1, read as ragtruth: .* has no record '9'"):
        read_set(path)


def test_unknown_formats(tmp_path: Path) -> None:
    path = write_data(tmp_path / "own.jsonl")
    with pytest.raises(ConfigurationError, match=r"no format 'trec'; there are attribot, hotpotqa"):
        read_set(path, format="trec")


def test_a_folder_of_published_files(tmp_path: Path) -> None:
    write_data(tmp_path / "own.jsonl")
    write(tmp_path / "hotpot.json", "document", [HOTPOT])
    write(tmp_path / "results.json", "document", {"n": 3})  # of no known shape
    write(tmp_path / "response.jsonl", "lines", [RESPONSE])
    write(tmp_path / "source_info.jsonl", "lines", [SOURCE])  # goes with the responses
    names = [each.name for each in read_suite(tmp_path)]
    assert names == ["hotpot.json", "own.jsonl", "response.jsonl"]
