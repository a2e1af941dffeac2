"""Faults planted among right citations."""

from __future__ import annotations

from pathlib import Path

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.marked import MarkedStatement
from attribot_integrations.evaluation.planted import (
    PLANTED_FAULTS,
    CitedExample,
    Planted,
    cited_example,
    planted_answers,
    planted_outcome,
)
from tests.unit.auditing.hand_made import CHUNKS, hand_made
from tests.unit.evaluation.data import write_data

EXAMPLE = CitedExample(
    "a",
    "What happened?",
    tuple(Chunk(text) for text in (*CHUNKS, "More.", "Less.")),
    "It opened. It shut.",
    (((0, 10), (0,)), ((11, 19), (1, 4))),
)
RIGHT = {(0, 0): 5.0, (1, 1): 5.0, (4, 1): 5.0}


def by_fault(seed: int = 0) -> dict[str | None, Planted]:
    return {each.fault: each for each in planted_answers(EXAMPLE, seed)}


def test_what_rows_should_cite(tmp_path: Path) -> None:
    tea, mill, ferry = read_set(write_data(tmp_path / "data.jsonl")).examples
    found = cited_example(tea)
    assert found is not None
    assert (found.chunks, found.units) == (tea.chunks, (((0, 31), (0,)),))
    found = cited_example(mill)
    assert found is not None
    assert [chunk.text for chunk in found.chunks] == [
        "The mill is old.",
        "Hob Tarn built it.",
        "It has stood since 1871.",
    ]
    assert found.units == (((0, 18), (1,)), ((19, 43), (2,)))
    assert cited_example(ferry) is None


def test_what_is_not_known_is_left_out() -> None:
    chunks = tuple(Chunk(f"Text {place}.") for place in range(6))
    gold = (((0, 0),), ((1, 0),))
    whole = EvaluationExample("a", "Q?", chunks, "It opened. It shut.", gold)
    assert cited_example(whole) is None  # which sentence is what?
    many = tuple(((place, 0),) for place in range(4))
    assert cited_example(EvaluationExample("a", "Q?", chunks, "It opened.", many)) is None
    marked = (MarkedStatement((0, 10)), MarkedStatement((10, 19), gold_chunks=(2,)))
    found = cited_example(
        EvaluationExample("a", "Q?", chunks, "It opened. It shut.", statements=marked)
    )
    assert found is not None
    assert found.units == (((11, 19), (2,)),)


@pytest.mark.parametrize("seed", range(12))
def test_the_words_stay_and_marks_are_read(seed: int) -> None:
    planted = by_fault(seed)
    assert list(planted) == [None, *PLANTED_FAULTS]
    for each in planted.values():
        plain, done = "", 0
        for start, end in each.inserted:
            plain += each.text[done:start]
            done = end
        assert plain + each.text[done:] == EXAMPLE.answer
    right = [(each.start, each.end, each.chunk_index) for each in planted[None].citations()]
    assert [(start, chunk) for start, _, chunk in right] == [(0, 0), (11, 1), (11, 4)]
    assert all(end in (9, 10, 18, 19) for _, end, _ in right)
    assert [len(planted[fault].citations()) for fault in PLANTED_FAULTS] == [3, 2, 4]
    for fault in ("exchanged", "added"):
        chunk = planted[fault].chunk
        assert chunk is not None
        assert chunk not in EXAMPLE.units[planted[fault].unit or 0][1]
    assert by_fault(seed) == planted


def test_seeds_plant_other_faults() -> None:
    assert len({by_fault(seed)["exchanged"].text for seed in range(12)}) > 5


def test_a_chunk_with_the_very_words_is_not_beside_the_point() -> None:
    example = CitedExample(
        "a",
        "Q?",
        (Chunk("It opened."), Chunk("So they say: it opened!"), Chunk("Rain.")),
        "It opened.",
        (((0, 10), (0,)),),
    )
    for seed in range(8):
        found = {each.fault: each.chunk for each in planted_answers(example, seed)}
        assert found["exchanged"] == found["added"] == 2
    alone = CitedExample("a", "Q?", example.chunks[:2], "It opened.", example.units)
    assert [each.fault for each in planted_answers(alone)] == [None, "dropped"]


@pytest.mark.parametrize("seed", range(6))
def test_faults_are_found_where_the_evidence_is_clear(seed: int) -> None:
    attribution = hand_made(EXAMPLE.answer, RIGHT, EXAMPLE.chunks)
    planted = by_fault(seed)
    fine = planted_outcome(planted[None], attribution)
    assert fine.found is None
    assert (fine.citations, fine.alarms, fine.missing, fine.statements) == (3, 0, 0, 2)
    for fault in PLANTED_FAULTS:
        found = planted_outcome(planted[fault], attribution)
        assert found.found is True
        assert found.located is (None if fault == "added" else True)
        assert (found.alarms, found.missing, found.unknown) == (0, 0, 0)
        assert found.citations == (3 if fault == "added" else 2)


def test_false_alarms_and_what_is_overlooked_are_counted() -> None:
    nothing = hand_made(EXAMPLE.answer, {}, EXAMPLE.chunks)
    planted = by_fault()
    assert planted_outcome(planted[None], nothing).alarms == 3
    assert planted_outcome(planted["dropped"], nothing).found is False
    doubtful = hand_made(EXAMPLE.answer, {}, EXAMPLE.chunks, labels={0: "parametric"})
    assert planted_outcome(planted[None], doubtful).unknown == 1
    other = hand_made(EXAMPLE.answer, {**RIGHT, (2, 0): 5}, EXAMPLE.chunks)
    assert planted_outcome(planted[None], other).missing == 1
    every = {(chunk, unit): 9.0 for chunk in range(6) for unit in range(2)}
    blind = hand_made(EXAMPLE.answer, every, EXAMPLE.chunks)
    assert planted_outcome(planted["added"], blind).found is False
    assert planted_outcome(planted["exchanged"], blind).located is False
