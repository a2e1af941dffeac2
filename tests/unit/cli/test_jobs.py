"""`attribot attribute` as a batch job, and on Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.cli import attribute
from attribot_integrations.results import Attribution
from tests.unit.batch.rows import lines_of, records
from tests.unit.cli.running import StubEngine, run

GOOD: dict[str, Any] = {"question": "Who?", "chunks": ["Ada wrote it."], "answer": "Ada."}
BAD: dict[str, Any] = {**GOOD, "answer": "too long"}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_a_job_sets_failed_lines_apart(engine: StubEngine, data: Path, output: Path) -> None:
    write(data, GOOD, BAD, GOOD)
    result = run("attribute", data, "--output", output, "--resume")
    assert result.exit_code == 1
    assert lines_of(records(output)) == [1, 3]
    (failure,) = records(output.with_name("out.errors.jsonl"))
    assert (failure["line"], failure["error"]["type"]) == (2, "PromptTooLongError")
    assert "1 of 3 lines failed: see " in result.stderr
    assert "3/3" in result.stderr
    again = run("attribute", data, "--output", output, "--resume")
    assert again.exit_code == 1
    assert "is finished already" in again.stderr
    assert len(engine.requests) == 3


def test_an_interrupted_job_goes_on(engine: StubEngine, data: Path, output: Path) -> None:
    write(data, GOOD, {**GOOD, "answer": "interrupt"}, GOOD)
    command = ("attribute", data, "--output", output, "--resume")
    for count in (2, 3):
        result = run(*command)
        assert result.exit_code == 130
        assert "interrupted; --resume goes on from here" in result.stderr
        assert len(engine.requests) == count
        assert not output.exists()
    engine.attribute_request = lambda request: Attribution.from_dict(  # type: ignore[method-assign]
        StubEngine().attribute_request(type(request)("Q", ["A."], "B.")).to_dict()
    )
    result = run(*command)
    assert result.exit_code == 0
    assert "3 lines written to" in result.stderr
    assert lines_of(records(output)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [(("--level", "chunk"), "level: 'sentence', now 'chunk'"), (("--limit", "1"), "limit: None, ")],
)
def test_other_options_are_refused(
    engine: StubEngine, data: Path, output: Path, change: tuple[str, ...], message: str
) -> None:
    write(data, {**GOOD, "answer": "interrupt"})
    run("attribute", data, "--output", output, "--resume")
    result = run("attribute", data, "--output", output, "--resume", *change)
    assert result.exit_code == 1
    assert f"was made with other settings ({message}" in result.stderr
    result = run("attribute", write(data, GOOD), "--output", output, "--overwrite", *change)
    assert result.exit_code == 0


@pytest.mark.parametrize("options", [("--resume",), ("--output", "{parquet}")])
def test_parquet_in_and_out(
    engine: StubEngine, data: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_pylist([GOOD, BAD, GOOD]), tmp_path / "in.parquet")
    output = tmp_path / "out.parquet"
    options = tuple(each.format(parquet=output) for each in options)
    result = run("attribute", tmp_path / "in.parquet", *options, "--output", output)
    assert result.exit_code == 1
    table = pq.read_table(output)
    assert table["line"].to_pylist() == [1, 3]
    assert Attribution.from_json(table["result"][0].as_py()).answer == "Ada."
    again = run("attribute", tmp_path / "in.parquet", "--output", output)
    assert again.exit_code == 2
    assert "pass --overwrite" in again.stderr


def test_parquet_in_and_lines_out(engine: StubEngine, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.Table.from_pylist([GOOD, BAD, GOOD]), tmp_path / "in.parquet")
    result = run("attribute", tmp_path / "in.parquet", "--limit", "2")
    assert [("error" in record) for record in records_of(result.stdout)] == [False, True]
    assert "2/2" in result.stderr


def test_parquet_without_pyarrow(
    engine: StubEngine, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    result = run("attribute", write(data, GOOD), "--output", tmp_path / "out.parquet")
    assert result.exit_code == 1
    assert 'pip install "attribot-integrations[parquet]"' in result.stderr
    assert not engine.loaded_with


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_shards(engine: StubEngine, data: Path, tmp_path: Path, resume: tuple[str, ...]) -> None:
    write(data, *[GOOD] * 8)
    found = []
    for index in (1, 2, 3):
        output = tmp_path / f"out-{index}.jsonl"
        shard = ("--shard", f"{index}/3", "--limit", "7")
        result = run("attribute", data, *shard, "--output", output, *resume)
        assert result.exit_code == 0
        found.append(lines_of(records(output)))
    assert found == [[1, 4, 7], [2, 5], [3, 6]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resume",), "needs a file to write"),
        (("--resume", "--output", "{output}", "--overwrite"), "give one of them"),
        (("--resume", "--output", "{output}", "--format", "text"), "and --format says text"),
        (("--shard", "3/2"), "a shard is i/n"),
    ],
)
def test_wrong_usage(
    engine: StubEngine, data: Path, output: Path, options: tuple[str, ...], message: str
) -> None:
    write(data, GOOD)
    result = run("attribute", data, *(option.format(output=output) for option in options))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not engine.loaded_with


def test_an_input_that_can_be_read_only_once(engine: StubEngine, output: Path) -> None:
    result = run("attribute", "/dev/null", "--output", output, "--resume")
    assert result.exit_code == 1
    assert "a batch job reads its input again: /dev/null is no file" in result.stderr


def test_models_are_not_loaded_for_parts_that_are_there(
    engine: StubEngine, monkeypatch: pytest.MonkeyPatch, data: Path, output: Path
) -> None:
    command = ("attribute", write(data, GOOD), "--output", output, "--resume")
    with monkeypatch.context() as patch:
        patch.setattr("attribot_integrations.batch.job.merge_parts", lambda *_: exit(9))
        assert run(*command).exit_code == 9

    def load(*_: object) -> None:
        raise AssertionError("the engine is loaded")

    monkeypatch.setattr(attribute, "load_engine", load)
    assert run(*command).exit_code == 0
    assert lines_of(records(output)) == [1]


def test_several_processes_need_a_file(
    engine: StubEngine, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = run("attribute", write(data, GOOD))
    assert result.exit_code == 2
    assert "or several processes) needs a file to write" in result.stderr


def records_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
