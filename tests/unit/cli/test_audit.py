"""`attribot audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.auditing import AnswerAudit
from attribot_integrations.cli import audit
from attribot_integrations.errors import ModelError
from tests.unit.attributions import make_attribution
from tests.unit.cli.running import StubEngine, run

CHUNKS = ["Ada wrote it.", "Bob read it."]
GOOD: dict[str, Any] = {"question": "Who?", "chunks": CHUNKS, "answer": "Ada wrote it [1]."}
WRONG = {**GOOD, "answer": "Ada wrote it [2].", "id": "b"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_faults_are_shown_and_counted(engine: StubEngine, data: Path) -> None:
    result = run("audit", write(data, GOOD, WRONG), "--model", "m")
    assert result.exit_code == 0
    assert "line 2 (b)" in result.stdout
    assert "line 1" not in result.stdout
    assert "[2] is the wrong one: the text is in [1] (chunk 1)" in result.stdout
    assert "citation precision  0.50" in result.stdout
    assert "2/2" in result.stderr
    assert "demonstration" not in result.stderr


@pytest.mark.parametrize(("least", "code"), [("0.4", 0), ("0.5", 0), ("0.6", 1)])
def test_a_bar_fails_the_command(engine: StubEngine, data: Path, least: str, code: int) -> None:
    result = run("audit", write(data, GOOD, WRONG), "--fail-under", least)
    assert result.exit_code == code
    assert ("citation precision or recall is below 0.6" in result.stderr) == (code == 1)
    assert "demonstration" in result.stderr


def test_audits_are_written(engine: StubEngine, data: Path, tmp_path: Path) -> None:
    output, page = tmp_path / "out.jsonl", tmp_path / "out.html"
    result = run("audit", write(data, GOOD, WRONG), "--output", output, "--html", page)
    assert result.exit_code == 0
    first, second = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert (first["line"], second["line"]) == (1, 2)
    assert second["corrected"] == "Ada wrote it [1]."
    assert AnswerAudit.from_dict(second).citations[0].verdict == "neither"
    assert "<title>in.jsonl</title>" in page.read_text("utf-8")


def test_a_bad_line_does_not_end_the_run(engine: StubEngine, data: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    lines = ["{", {**GOOD, "answer": "too long"}, GOOD]
    result = run("audit", write(data, *lines), "--output", output)
    assert result.exit_code == 1
    assert "line 1: DataFileError" in result.stderr
    assert "line 2: PromptTooLongError" in result.stderr
    assert "2 of 3 lines failed" in result.stderr
    assert [("error" in json.loads(line)) for line in output.read_text().splitlines()] == [
        True,
        True,
        False,
    ]


def test_a_model_that_cannot_be_loaded_ends_the_run(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: Any) -> None:
        raise ModelError("there is no such model")

    monkeypatch.setattr(audit, "load_engine", load)
    result = run("audit", write(data, GOOD, GOOD))
    assert result.exit_code == 1
    assert result.stderr.endswith("attribot: error: there is no such model\n")
    assert "line" not in result.stderr


def test_attributions_need_no_model(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "load_engine", None)
    attribution = make_attribution("Who?", CHUNKS, "Ada wrote it [2].")
    result = run("audit", write(data, {"line": 1, **attribution.to_dict()}))
    assert result.exit_code == 0
    assert "is the wrong one" in result.stdout


def test_options_reach_engine_and_audit(engine: StubEngine, data: Path) -> None:
    result = run(
        *("audit", write(data, GOOD, GOOD, GOOD), "--limit", "2", "--min-score", "9"),
        *("--model", "m", "--proxy", "p", "--method", "exact"),
    )
    assert result.exit_code == 0
    assert len(engine.requests) == 2
    assert engine.loaded_with["model"] == "m"
    assert engine.loaded_with["proxy"] == "p"
    assert engine.loaded_with["options"].method.name == "exact"
    assert "beside the point    2" in result.stdout


def test_an_interrupted_run_keeps_what_it_has(
    engine: StubEngine, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    result = run("audit", write(data, GOOD, {**GOOD, "answer": "interrupt"}), "-o", output)
    assert result.exit_code == 130
    assert "answers audited: 1" in result.stderr
    assert len(output.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "none"), "none"),
        (("--min-score", "0"), "min_score must be above 0 nats"),
        (("--fail-under", "2"), "--fail-under"),
        (("--output", "in.jsonl"), "the output must not be the input file"),
        (("--html", "there.html"), "exists; pass --overwrite"),
        (("--html", "no/such/folder.html"), "is not a file in a folder that exists"),
    ],
)
def test_wrong_usage(
    engine: StubEngine,
    data: Path,
    arguments: tuple[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(data.parent)
    (data.parent / "there.html").write_text("x")
    result = run("audit", write(data, GOOD), *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not engine.requests
    assert run("audit", data, "--html", "there.html", "--overwrite").exit_code == 0


def test_help_documents_exit_codes() -> None:
    text = " ".join(run("audit", "--help").stdout.split())
    assert "1 if a line failed or a figure is below --fail-under" in text
