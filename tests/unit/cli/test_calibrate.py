"""`attribot calibrate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from attribot_integrations import LabelSupport
from attribot_integrations.cli import calibrate
from attribot_integrations.render.review_data import answer_key
from attribot_integrations.results import SupportProbability
from tests.unit.cli.running import run
from tests.unit.render.samples import weighed


def test_what_is_printed_is_python_for_the_options(tmp_path: Path) -> None:
    answers = [replace(weighed(), question=f"Question {place}?") for place in range(4)]
    results, labels = tmp_path / "results.jsonl", tmp_path / "labels.jsonl"
    results.write_text("".join(f"{each.to_json()}\n" for each in answers), encoding="utf-8")
    judged = [{"key": answer_key(each), "labels": [True, True, False, None]} for each in answers]
    labels.write_text("".join(f"{json.dumps(each)}\n" for each in judged), encoding="utf-8")
    result = run("calibrate", results, labels, "--folds", "2")
    assert result.exit_code == 0
    assert "statements         12\n" in result.stdout
    assert "AUROC              1.000\n" in result.stdout
    made = eval(
        result.stdout.splitlines()[-1],
        {"LabelSupport": LabelSupport, "SupportProbability": SupportProbability},
    )
    assert isinstance(made, LabelSupport)
    assert made.probability is not None
    assert made.probability.verifier == "lexical"


def test_labels_of_other_answers_are_refused(tmp_path: Path) -> None:
    results, labels = tmp_path / "results.jsonl", tmp_path / "labels.jsonl"
    results.write_text(f"{weighed().to_json()}\n", encoding="utf-8")
    labels.write_text('{"key": "x", "labels": [true]}\n', encoding="utf-8")
    result = run("calibrate", results, labels)
    assert result.exit_code == 1
    assert "1 answers labelled in" in result.stderr
    assert calibrate.calibrate.__doc__
