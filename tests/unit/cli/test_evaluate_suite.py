"""`attribot evaluate --suite`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import run
from tests.unit.evaluation.data import write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    write_data(folder / "made_up.jsonl")
    return folder


def test_a_suite_end_to_end(data: Path, tmp_path: Path) -> None:
    command = ("evaluate", "--suite", data, "-m", "exact,string", "--limit", "2", "-o")
    result = run(*command, tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "made_up.jsonl" in result.stdout
    assert "all sets" in result.stdout
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["sets"]["made_up.jsonl"]["examples"] == {"exact": 2}
    assert results["all"]["scorers"]["string"]["gold_map"] == 1.0
    assert (tmp_path / "out" / "made_up" / "exact" / "examples.jsonl").is_file()
    again = run(*command, tmp_path / "out")
    assert again.stdout == result.stdout


def test_what_a_suite_needs(data: Path, tmp_path: Path) -> None:
    without = run("evaluate", "--suite", data)
    assert without.exit_code == 2
    assert "--suite needs --output DIR" in without.output
    both = run("evaluate", "--suite", data, "--demo", "1", "-o", tmp_path / "out")
    assert both.exit_code == 2
    assert "give a data file, --demo N or --suite DIR" in both.output


def test_baselines_that_are_not_recorded(data: Path, tmp_path: Path) -> None:
    result = run("evaluate", "--suite", data, "-m", "attention", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "a suite compares methods and text scorers, not 'attention'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "{data}", "--correct-only"), "cannot be used with --suite"),
        (("--suite", "{data}", "--min-score", "2"), "cannot be used with --suite"),
        (("--demo", "1", "--negatives", "2"), "needs --suite"),
        (("--demo", "1", "--ablated", "2"), "needs --suite"),
    ],
)
def test_no_option_is_ignored(
    arguments: tuple[str, ...], message: str, data: Path, tmp_path: Path
) -> None:
    given = [each.format(data=data) for each in arguments]
    result = run("evaluate", *given, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
