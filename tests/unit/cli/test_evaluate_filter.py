"""`attribot evaluate-filter`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.evaluation import filter_runs
from tests.unit.cli.running import run


def test_demo_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    result = run(
        "evaluate-filter", "--demo", "2", "--chunks", "4-5, 6", "--filters", "none,tfidf,draft",
        "-o", path,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "4/4" in result.stderr
    assert "demo questions, 4-5 chunks, single, two_hop, double, repeated" in result.stdout
    assert "Recall: chunks with a needed fact" in result.stdout
    text = path.read_text()
    results = json.loads(text)
    assert [context["n"] for context in results["contexts"]] == [2, 2]
    assert results["settings"]["target"] == "the bundled target"
    assert str(Path(filter_runs.__file__).parent.parent) not in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--chunks", ","), 2, "must be like 8-12, got ','"),
        (("--chunks", "many"), 2, "must be like 8-12, got 'many'"),
        (("--kinds", "odd"), 2, "must be among single, two_hop"),
        (("--demo", "0"), 2, "greater than or equal to 1"),
        (("--threshold", "2"), 2, "--threshold"),
        (("--filters", "drft"), 1, "no filter is called 'drft'; there are none, tfidf-top"),
        (("--chunks", "5-4"), 1, "cannot draw 100 examples with 5-4 chunks"),
    ],
)
def test_what_cannot_be_done(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run("evaluate-filter", *arguments)
    assert result.exit_code == code
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(filter_runs, "measure_filters", interrupt)
    result = run("evaluate-filter", "--demo", "1", "--chunks", "3", "--filters", "none")
    assert result.exit_code == 130
    assert "interrupted; examples done: 0" in result.stderr
