"""`attribot evaluate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.evaluation import method_runs
from tests.unit.cli.running import run

CHEAP = ("--chunks", "3-4", "--methods", "exact,proxy,tfidf,attention,contextcite-32")


def test_demo_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    result = run("evaluate", "--demo", "2", *CHEAP, "-o", folder)
    assert result.exit_code == 0, result.stderr
    assert "2/2" in result.stderr
    assert "demo questions, 3-4 chunks, mixed kinds" in result.stdout
    assert {path.name for path in folder.iterdir()} == {
        "examples.jsonl",
        "fidelity.png",
        "results.json",
    }
    text = (folder / "results.json").read_text()
    results = json.loads(text)
    assert (results["schema"], results["n"]) == (1, 2)
    assert results["methods"]["exact"]["map"] == 1.0
    assert results["settings"]["target"] == "the bundled target"
    assert str(Path(method_runs.__file__).parent.parent) not in text
    # The same command again has nothing left to do.
    monkeypatch.setattr(method_runs, "measure", None)
    again = run("evaluate", "--demo", "2", *CHEAP, "-o", folder)
    assert again.exit_code == 0, again.stderr
    assert again.stdout == result.stdout


def test_other_settings_in_the_same_folder(tmp_path: Path) -> None:
    first = run("evaluate", "--demo", "1", "--chunks", "3", "-m", "tfidf", "-o", tmp_path)
    assert first.exit_code == 0, first.stderr
    other = ("evaluate", "--demo", "1", "--chunks", "4", "-m", "tfidf", "-o", tmp_path)
    refused = run(*other)
    assert refused.exit_code == 1
    assert "was made with other settings" in refused.stderr
    assert "Traceback" not in refused.output
    assert run(*other, "--overwrite").exit_code == 0


def test_data_file(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    line = {
        "id": "q",
        "question": "What does Vela like?",
        "answer": "Vela likes tea.",
        "chunks": [{"sentences": ["Vela likes tea.", "It rains."]}, {"text": "Oro is a town."}],
        "gold": [[0, 0]],
    }
    path.write_text("".join(json.dumps({**line, "id": f"q{n}"}) + "\n" for n in range(3)))
    result = run("evaluate", path, "-m", "exact,tfidf", "--limit", "2")
    assert result.exit_code == 0, result.stderr
    assert "data.jsonl: 2 examples" in result.stdout
    assert "the bundled one knows nothing" in result.stderr


def test_published_data(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    record = {
        "_id": "h1",
        "question": "What does Vela like?",
        "answer": "Vela likes tea.",
        "supporting_facts": [["Vela", 0]],
        "context": [["Vela", ["Vela likes tea.", "It rains."]], ["Oro", ["Oro is a town."]]],
    }
    path.write_text(json.dumps([record]))
    for extra in ((), ("--format", "hotpotqa")):
        result = run("evaluate", path, "-m", "words", *extra)
        assert result.exit_code == 0, result.stderr
        assert "dev.json: 1 example" in result.stdout
    other = run("evaluate", path, "-m", "words", "--format", "qasper")
    assert other.exit_code == 1
    assert 'record 1, read as qasper: the field "full_text" is missing' in other.stderr
    unknown = run("evaluate", path, "--format", "trec")
    assert unknown.exit_code == 1
    assert "there is no format 'trec'" in unknown.stderr


def test_nothing_that_can_be_measured(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    line = {"question": "Who?", "answer": "Ada.", "chunks": ["word " * 30_000]}
    path.write_text(json.dumps(line) + "\n")
    result = run("evaluate", path, "-m", "tfidf", "-o", tmp_path)
    assert result.exit_code == 1
    assert "no example could be measured" in result.stderr
    assert "PromptTooLongError: " in result.stdout
    text = (tmp_path / "results.json").read_text()
    assert "of target: pass fewer" in text
    assert str(bundled_model_path()) not in text
    assert json.loads(text)["methods"]["tfidf"]["map"] is None


def test_kinds(tmp_path: Path) -> None:
    result = run(
        "evaluate", "--demo", "2", "--chunks", "4-5", "--kinds", "single,absent", "-m", "tfidf",
        "-o", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert set(json.loads((tmp_path / "results.json").read_text())["kinds"]) == {"single", "absent"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a data file, --demo N or --suite DIR"),
        (("--demo", "1", "--chunks", "many"), "must be like 8-12, got 'many'"),
        (("--demo", "1", "--kinds", "odd"), "must be among single, two_hop"),
        (("--demo", "0"), "greater than or equal to 1"),
        (("--demo", "1", "--format", "squad2"), "--format: cannot be used with --demo"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    result = run("evaluate", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--demo", "1", "--chunks", "5-4"), "cannot draw 1 examples with 5-4 chunks"),
        (("--demo", "1", "-m", "exct"), "no method is called 'exct'"),
        (("--demo", "1", "-m", "proxy", "--model", "m"), "runs a proxy model, and there is none"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_model_is_loaded(
    arguments: tuple[str, ...], message: str
) -> None:
    result = run("evaluate", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    result = run("evaluate", "--demo", "1", "-m", "contextcite-32")
    assert result.exit_code == 1
    assert 'pip install "attribot-integrations[evaluation]"' in result.stderr


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("evaluate", "--demo", "1", "--chunks", "3", "-m", "tfidf", "-o", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert 'pip install "attribot-integrations[plots]"' in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"examples.jsonl", "results.json"}


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(method_runs, "measure", interrupt)
    result = run("evaluate", "--demo", "1", "--chunks", "3", "-m", "tfidf", "-o", tmp_path)
    assert result.exit_code == 130
    assert "interrupted; examples done: 0" in result.stderr
