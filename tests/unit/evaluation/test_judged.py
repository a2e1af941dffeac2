"""Labels of a review page, put to the answers that they are of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation import calibrate, read_judged
from attribot_integrations.render.review_data import answer_key
from tests.unit.render.samples import sample, weighed

OTHER = replace(sample(), question="Another?")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    lines = [sample().to_json(), '{"error": "x"}', OTHER.to_json()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write(folder: Path, *lines: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_judged_answers_and_their_labels(results: Path) -> None:
    line = {"key": answer_key(OTHER), "id": None, "labels": [True, None, False, None]}
    ((attribution, labels),) = read_judged(results, write(results.parent, line))
    assert attribution.question == "Another?"
    assert labels == [True, None, False, None]


def test_what_was_not_judged_is_left_out() -> None:
    judged = [(weighed(), [True, None, False, None])] * 4
    assert calibrate(judged, folds=2).statements == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"key": "x", "labels": [True]}, "1 answers labelled in .* are not in .*, .* 'x'"),
        ({"key": answer_key(OTHER), "labels": [True]}, "line 3 of .* has 4 statements, .* are 1"),
        ({"key": answer_key(OTHER), "labels": ["yes"]}, "line 1 of .* each true, false or null"),
        ({"key": 3, "labels": []}, "line 1 of .* each true, false or null"),
    ],
)
def test_labels_that_fit_nothing(results: Path, line: object, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        read_judged(results, write(results.parent, line))


def test_labels_that_are_no_json(results: Path) -> None:
    path = results.parent / "labels.jsonl"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"line 1 of .* is no JSON at column 2"):
        read_judged(results, path)
