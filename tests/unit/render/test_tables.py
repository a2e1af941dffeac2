"""Scores as a table."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.render.tables import scores_table
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample, weighed


def test_columns_and_values() -> None:
    pytest.importorskip("pandas")
    table = scores_table(sample())
    assert list(table.columns) == [
        *("source_id", "level", "chunk", "sentence", "text", "score", "exact", "basis"),
        *(f"statement_{index}" for index in range(4)),
    ]
    assert list(table["score"]) == [0.25, 0.0, 6.0, 0.0, 0.125, -1.0]
    assert list(table["statement_1"]) == [0.0, 0.0, 6.0, 0.0, 0.0, 0.0]
    assert list(table["exact"]) == [True, True, False, True, True, True]
    assert list(table["chunk"]) == [0, 0, 1, 1, 2, 3]
    assert table["text"][2] == "It measures 900 metres."
    assert table["basis"].dropna().to_dict() == dict.fromkeys((0, 2, 4), "depends")


def test_what_a_verifier_says_stands_beside_the_scores() -> None:
    pytest.importorskip("pandas")
    table = scores_table(weighed())
    assert list(table.columns)[-4:] == [f"stated_{index}" for index in range(4)]
    assert table["stated_3"][5] == 0.875
    assert table["statement_3"][5] == -1.0
    cited = {0: "both", 2: "depends", 4: "both", 5: "states"}
    assert table["basis"].dropna().to_dict() == cited


def test_whole_chunks_have_no_sentence() -> None:
    pandas = pytest.importorskip("pandas")
    made = make_attribution("Who?", ["One. Two."], "Yes.")
    whole = replace(made.sources[0], level="chunk", sentence_index=None, text="One. Two.")
    table = scores_table(replace(made, sources=(whole, made.sources[1]), citations=()))
    assert table["sentence"][0] is pandas.NA
    assert table["sentence"][1] == 1
    assert str(table["sentence"].dtype) == "Int64"


def test_no_sources() -> None:
    pytest.importorskip("pandas")
    made = make_attribution("Who?", ["One."], "Yes.")
    empty = np.zeros((0, len(made.answer)), dtype=np.float32)
    bare = replace(
        made,
        sources=(),
        scores=empty,
        exact=np.zeros(0, dtype=np.bool_),
        citations=(),
        estimands=(),
    )
    assert scores_table(bare).empty
    assert "statement_0" in scores_table(bare).columns


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"Attribution\.to_pandas needs .*\[pandas\]"):
        scores_table(sample())
