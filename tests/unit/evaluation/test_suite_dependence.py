from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.recordings import Recorder, VariantPlan
from attribot_integrations.evaluation.suite_dependence import DependenceOptions, DependenceRuns
from attribot_integrations.evaluation.text_scorers import StringFirst
from attribot_integrations.methods import LeaveOneOut
from tests.unit.evaluation.data import write_data
from tests.unit.evaluation.tiny import tiny_engine


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> DependenceRuns:
    folder = tmp_path_factory.mktemp("ablated")
    engine = tiny_engine()
    data = read_set(write_data(folder / "data.jsonl"))
    recorder = Recorder(engine, data, LeaveOneOut(), VariantPlan(0))
    recorder.run(folder / "exact")
    return DependenceRuns(
        engine,
        {"exact": recorder},
        {"exact": folder / "exact"},
        {"string": StringFirst()},
        DependenceOptions(2, ablations=4),
    )


def test_methods_and_scorers_are_ablated(runs: DependenceRuns, tmp_path: Path) -> None:
    done: list[int] = []
    runs.run(tmp_path, progress=done.append)
    assert done == [0, 1, 2]
    rows = runs.read(tmp_path)
    assert [list(row) for row in rows] == [["exact", "string"]] * 2
    assert set(rows[0]["exact"]) == {"drop_1", "drop_3", "keep_1", "keep_3", "lds"}
    # Removing what costs most by itself costs at least as much as removing anything else.
    for row in rows:
        assert (row["exact"]["drop_1"] or 0) >= (row["string"]["drop_1"] or 0) - 1e-4
    again: list[int] = []
    replace(runs, options=replace(runs.options, answers=3)).run(tmp_path, progress=again.append)
    assert again == [2, 3]


def test_options_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="ablations at least 2 and counts at least 1"):
        DependenceOptions(1, ablations=1)
    with pytest.raises(ConfigurationError, match="answers must not be negative"):
        DependenceOptions(-1)
