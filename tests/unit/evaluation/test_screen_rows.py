"""Attention beside exact scores, kept so that a run can go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation import screen_rows
from attribot_integrations.evaluation.examples import ExampleSet
from attribot_integrations.evaluation.screen_rows import (
    ScreenRow,
    ScreenRows,
    request_of,
    screen_row,
)
from attribot_integrations.requests.options import EngineOptions
from tests.unit.evaluation.tiny import EXAMPLE, tiny_engine

ENGINE = tiny_engine()
EXAMPLES = (EXAMPLE, replace(EXAMPLE, id="blank", answer=" "), replace(EXAMPLE, id="second"))
WORK = ScreenRows(ENGINE, [ExampleSet("tiny", "abc", EXAMPLES)], "tiny")


def test_rows_hold_shares_of_attention_and_exact_scores() -> None:
    options = EngineOptions(method="exact", splitter=EXAMPLE.splitter)
    request = request_of(EXAMPLE)
    attribution = ENGINE.attribute_request(request, options=options)
    row = screen_row(ENGINE, request, options, attribution)
    assert row.attention.shape == (16, 3, 1)
    assert (row.attention >= 0).all()
    assert row.attention.sum(axis=1).max() <= len(attribution.token_spans)
    np.testing.assert_allclose(row.scores, attribution.statement_scores)
    with pytest.raises(ConfigurationError, match="other sources than the request has"):
        screen_row(ENGINE, request, replace(options, levels=("chunk",)), attribution)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def stop(count: int) -> None:
        told.append(count)
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WORK.run(tmp_path, progress=stop)
    whole, failed = WORK.run(tmp_path, progress=told.append)
    assert told == [0, 1, 2, 2, 3]
    assert len(whole) == 2
    assert [each.partition(":")[0] for each in failed] == ["blank"]
    monkeypatch.setattr(screen_rows, "screen_row", None)  # nothing is run again
    again, _ = WORK.run(tmp_path)
    np.testing.assert_array_equal(again[0].attention, whole[0].attention)
    np.testing.assert_array_equal(again[1].scores, whole[1].scores)


def test_rows_of_other_settings_are_refused(tmp_path: Path) -> None:
    ScreenRows(ENGINE, [], "tiny").run(tmp_path)
    with pytest.raises(ConfigurationError, match=r"made with other settings .*model: 'tiny'"):
        ScreenRows(ENGINE, [], "another").run(tmp_path)


@pytest.mark.parametrize(
    "change", [{}, {"attention": 3}, {"scores": {"shape": [1], "float32": ""}}]
)
def test_damaged_rows_are_refused(change: dict[str, object]) -> None:
    row = ScreenRow(np.zeros((2, 3, 1), np.float32), np.ones((3, 1), np.float32))
    data = row.to_dict()
    np.testing.assert_array_equal(ScreenRow.from_dict(data).scores, row.scores)
    with pytest.raises(DataFileError, match="a row of attention and scores cannot be read"):
        ScreenRow.from_dict({**data, **change} if change else {})
    with pytest.raises(DataFileError, match="do not go together"):
        ScreenRow.from_dict({**data, "scores": data["attention"]})
