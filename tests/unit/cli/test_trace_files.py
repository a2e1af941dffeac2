"""`attribot attribute --from`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.results import Attribution
from tests.unit.cli.running import StubEngine, run
from tests.unit.traces.made import ANSWER, ASKED, SAMPLES, TEXTS

SAMPLE = SAMPLES / "langfuse-5.0.4.jsonl"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(shutil.copy(SAMPLE, tmp_path / "rows.jsonl"))


def add(path: Path, *rows: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)


def test_an_answer_of_a_trace(engine: StubEngine, data: Path) -> None:
    result = run("attribute", data, "--from", "langfuse", "--model", "some/model")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    attribution = Attribution.from_dict(json.loads(line))
    assert (attribution.question, attribution.answer) == (ASKED, ANSWER)
    assert [chunk.text for chunk in attribution.chunks] == TEXTS
    assert "answers found: 1" in result.stderr
    (request,) = engine.requests
    assert request.prompt


def test_what_could_not_be_read_is_said(engine: StubEngine, data: Path) -> None:
    add(data, {"id": "a"}, {"id": "a", "trace_id": "chat", "output": "Hello.\x1b[31m"})
    result = run("attribute", data, "--from", "langfuse", "--model", "some/model")
    assert result.exit_code == 1
    failed, done = map(json.loads, result.stdout.splitlines())
    assert failed["line"] == 13
    assert failed["error"]["message"] == "an id is missing: trace_id or traceId"
    assert done["answer"] == ANSWER
    assert "no answer to attribute, 1: nothing was retrieved (chat)" in result.stderr
    assert "1 of 2 lines failed" in result.stderr


def test_traces_without_an_answer_are_no_failure(engine: StubEngine, data: Path) -> None:
    add(data, {"id": "a", "trace_id": "chat", "output": "Hello."})
    result = run("attribute", data, "--from", "langfuse", "--model", "some/model")
    assert result.exit_code == 0


def test_a_job_of_traces(engine: StubEngine, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "cited.jsonl"
    command = ("attribute", data, "--output", output, "--resume", "--from", "langfuse")
    assert run(*command).exit_code == 0
    assert json.loads(output.read_text())["answer"] == ANSWER
    other = run(*command[:-1], "otlp")
    assert other.exit_code == 1
    assert "from: 'langfuse', now 'otlp'" in other.stderr


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("weave", "traces are read from langsmith, langfuse, phoenix, mlflow, otlp; got 'weave'"),
        ("langfuse", "holds no answer to attribute"),
    ],
)
def test_nothing_is_loaded_for_what_cannot_be_read(
    engine: StubEngine, tmp_path: Path, tool: str, message: str
) -> None:
    (tmp_path / "empty").write_text("")
    result = run("attribute", tmp_path / "empty", "--from", tool, "--model", "some/model")
    assert result.exit_code == 1
    assert message in result.stderr
    assert engine.loaded_with == {}


def test_exports_have_their_own_fields(data: Path) -> None:
    result = run("attribute", data, "--from", "langfuse", "--field", "question=query")
    assert result.exit_code == 2
    assert "cannot be used with --from" in result.stderr
