"""Verifiers are measured and fitted, rehearsed on a few made-up rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from attribot_integrations.results import FloatArray
from attribot_integrations.verifying.agreement import AGREEMENT, measure_agreement
from attribot_integrations.verifying.lexical_fit import LEXICAL_WEIGHTS
from benchmarks.__main__ import app
from benchmarks.verifier import verifier_figures
from benchmarks.verifier_cases import VerifierCase, read_cases
from benchmarks.verifier_fit import fit_lexical
from tests.unit.evaluation.data import ROWS, write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = tuple({**row, "id": f"{row['id']} {number}"} for number in range(2) for row in ROWS)
    write_data(tmp_path / "squad2_dev.jsonl", rows)
    write_data(tmp_path / "expertqa_dev.jsonl", ROWS)
    return tmp_path


def test_cases_are_answers_and_what_is_made_of_them(data: Path) -> None:
    cases = list(read_cases(data))
    assert {case.data for case in cases} == {"squad2", "expertqa"}
    tea = next(case for case in cases if case.question == "What does Vela like?")
    assert tea.passages == ("Vela Sarn likes tea since 1962.", "It rains.", "Oro is a town.")
    assert tea.places == ((0, 0), (0, 1), (1, 0))
    assert tea.gold[0].sentences == {(0, 0)}
    assert tea.supported == (True,)
    removed = next(case for case in cases if case.kind == "removed")
    assert (removed.passages, removed.gold) == (("It rains.", "Oro is a town."), ())
    assert removed.supported == (False,)
    ferry = [case for case in cases if case.question.startswith("When") and case.kind == "answer"]
    assert ferry[-1].supported == (True, False)
    assert {case.kind for case in cases if case.data == "expertqa"} == {"answer"}
    assert len(list(read_cases(data, 0.4))) < len(cases)


def test_figures_of_a_perfect_and_of_a_blind_verifier(data: Path) -> None:
    cases = list(read_cases(data))

    def perfect(case: VerifierCase) -> FloatArray:
        found = np.zeros((len(case.passages), len(case.statements)), dtype=np.float32)
        for unit in case.gold:
            for place in unit.sentences:
                found[case.places.index(place), list(unit.statements)] = 1
        return found

    figures = verifier_figures([case for case in cases if case.data == "squad2"], perfect)
    assert figures["map"] == figures["f1"] == {"squad2": 1}
    blind = verifier_figures(cases, lambda case: np.zeros_like(perfect(case)))
    assert blind["auroc"]["all"] == 0.5
    assert blind["f1"]["squad2"] == 0


def test_the_fit_keeps_the_signs(data: Path) -> None:
    cases = list(read_cases(data))
    values = [measure_agreement(c.question, c.statements, c.passages, "english") for c in cases]
    fit = fit_lexical(cases, values)
    assert all(a * b >= 0 for a, b in zip(fit.weights, LEXICAL_WEIGHTS, strict=True))
    assert fit.weights[AGREEMENT.index("exchanged")] <= -3
    supported, others = [], []
    for case, each in zip(cases, values, strict=True):
        best = fit.logits(each).max(axis=0)
        supported += [one for one, known in zip(best, case.supported, strict=True) if known]
        others += [one for one, known in zip(best, case.supported, strict=True) if known is False]
    assert np.mean(supported) > np.mean(others) + 3


def test_the_command(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "verifier.json"
    result = CliRunner().invoke(app, ["verifier", "--data", str(data), "--json", str(target)])
    assert result.exit_code == 0, result.output
    figures = json.loads(target.read_text())
    assert figures["rows"] == {"squad2": 6, "expertqa": 3}
    assert figures["fit"]["measures"] == list(AGREEMENT)
    assert figures["verifiers"]["words"]["map"]["squad2"] == 1
    assert figures["verifiers"]["words"]["auroc"]["all"] > 0.9
