"""The filter by words on real text, rehearsed with a data set of three answers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from attribot_integrations.context.sources import as_chunks
from attribot_integrations.filtering.worded import WordProbability
from benchmarks import relevance_rows, relevance_words
from benchmarks.__main__ import app
from benchmarks.relevance_fit import (
    JudgedWords,
    cross_validated,
    fit_words,
    kept_and_dropped,
    without_marked,
    word_evidence,
)
from benchmarks.relevance_rows import judged_questions
from tests.unit.evaluation.data import ROWS, write_data

OTHERS = ("Cod is dried on racks.", "The town lies in the north.", "Nine men were rescued.")


class Letters:
    """Encodes a text as the number of each of its letters."""

    calls = 0

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def encode(self, texts: Sequence[str], **_: object) -> np.ndarray[Any, Any]:
        Letters.calls += 1
        counts = [Counter(text.casefold()) for text in texts]
        table = np.array([[each[chr(97 + n)] for n in range(26)] for each in counts], float)
        return np.asarray(table / np.linalg.norm(table, axis=1, keepdims=True))


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(
        sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Letters)
    )
    sets = {"hotpotqa": None, "squad2": 2}
    for module in (relevance_rows, relevance_words):
        monkeypatch.setattr(module, "WORD_SETS", sets)
    for name in (*sets, "qasper"):
        write_data(tmp_path / f"{name}_dev.jsonl")
    return tmp_path


def judged(count: int = 12) -> list[JudgedWords]:
    rows = []
    for number in range(count):
        chunks = as_chunks([f"The keeper of lamp {number} was Ada.", *OTHERS])
        evidence = word_evidence(f"Who was the keeper of lamp {number}?", chunks)
        rows.append(JudgedWords(evidence, np.array([True, False, False, False])))
    return rows


def test_chunks_are_those_of_the_row_or_retrieved_from_all_rows(places: Path) -> None:
    own = judged_questions(places, "hotpotqa", places / "rows", places / "encoder")
    assert [one.id for one in own] == ["tea", "mill"], "nothing is marked for the third"
    assert [len(one.chunks) for one in own] == [2, 1]
    assert own[0].relevant.tolist() == [True, False]
    found = judged_questions(places, "squad2", places / "rows", places / "encoder")
    assert [len(one.chunks) for one in found] == [2, 2]
    assert found[1].relevant.tolist() == [False, True]
    assert found[1].chunks[1].text == " ".join(ROWS[1]["chunks"][0]["sentences"])
    calls = Letters.calls
    again = judged_questions(places, "squad2", places / "rows", places / "encoder")
    assert Letters.calls == calls
    assert [one.chunks for one in again] == [one.chunks for one in found]


def test_command(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {"hotpotqa": judged(), "squad2": judged()}
    monkeypatch.setattr(relevance_words, "fit_words", lambda _: fit_words(every))
    monkeypatch.setattr(
        relevance_words,
        "cross_validated",
        lambda sets: {
            name: ([WordProbability()(each.evidence) for each in rows],) * 2
            for name, rows in sets.items()
        },
    )
    file = places / "figures.json"
    arguments = ["relevance-words", "--data", str(places), "--rows", str(places / "rows")]
    arguments += ["--models", str(places), "--json", str(file)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    written = json.loads(file.read_text())
    assert written["fitted"]["matched"] > 0
    figures = written["word_relevance"]["hotpotqa"]
    assert figures["words"]["recall"] == 1.0
    assert figures["words"]["questions"] == 2
    assert figures["words, nothing relevant retrieved"]["recall"] is None
    assert figures["words, nothing relevant retrieved"]["questions"] == 1
    assert figures["bm25"]["map"] == 1.0
    whole = written["word_relevance"]["qasper, not fitted to"]
    assert whole["words"]["recall"] == 1.0
    assert "embeddings (MiniLM)" not in whole


def test_the_fit_keeps_what_is_marked_in_the_hardest_set() -> None:
    rows = judged()
    hard = [
        JudgedWords(word_evidence("Who kept the lamp?", as_chunks(["A keeper.", *OTHERS])), each)
        for each in [np.array([True, False, False, False])] * 12
    ]
    fitted = fit_words({"easy": rows, "hard": hard})
    for own in (rows, hard):
        assert kept_and_dropped([fitted(each.evidence) for each in own], own)["recall"] >= 0.97
    alone = fit_words({"easy": rows})
    dropped = [
        kept_and_dropped([fit(each.evidence) for each in rows], rows)["dropped"]
        for fit in (fitted, alone)
    ]
    assert dropped[0] < dropped[1] == 1.0


def test_predictions_are_by_fits_that_have_not_seen_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, seen = {"one": judged(), "two": judged(6)}, []

    def noted(sets: dict[str, list[JudgedWords]]) -> WordProbability:
        seen.append({name: [id(each) for each in own] for name, own in sets.items()})
        return WordProbability(bias=float(len(seen)))

    monkeypatch.setattr("benchmarks.relevance_fit.fit_words", noted)
    found = cross_validated(rows, folds=3)
    assert [[*sets] for sets in seen[3:]] == [["two"], ["one"]]
    for name, own in rows.items():
        left_out = [{*map(id, own)} - {*fold[name]} for fold in seen[:3]]
        assert set().union(*left_out) == {*map(id, own)}
        assert sum(map(len, left_out)) == len(own)
        by_question, by_set = found[name]
        for each, score in zip(own, by_question, strict=True):
            fold = next(number for number, ids in enumerate(left_out) if id(each) in ids)
            expected = WordProbability(bias=float(fold + 1))(each.evidence)
            np.testing.assert_array_equal(score, expected)
        assert len(by_set) == len(own)


def test_shares_are_of_chunks() -> None:
    (row,) = judged(1)
    scores = np.array([0.6, 0.5, 0.4, 0.1], np.float32)
    figures = kept_and_dropped([scores], [row])
    assert (figures["recall"], figures["dropped"]) == (1.0, pytest.approx(2 / 3))
    assert figures["dropped_ci"] == pytest.approx([2 / 3, 2 / 3])


def test_taking_the_marked_chunks_away() -> None:
    (row,) = judged(1)
    chunks = as_chunks(["The keeper of lamp 0 was Ada.", *OTHERS])
    left = without_marked(row, "Who was the keeper?", chunks)
    assert left is not None
    assert left.relevant.tolist() == [False] * 3
    assert len(left.evidence.matched) == 3
    every = JudgedWords(row.evidence, np.ones(4, np.bool_))
    assert without_marked(every, "Who?", chunks) is None
