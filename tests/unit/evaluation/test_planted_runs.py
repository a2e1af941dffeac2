"""Figures of audits, from recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.planted import cited_example
from attribot_integrations.evaluation.planted_runs import planted_figures, recorded_pairs
from attribot_integrations.evaluation.recordings import Recorded
from attribot_integrations.evaluation.variants import make_variant
from attribot_integrations.verifying import LexicalVerifier
from tests.unit.auditing.hand_made import hand_made
from tests.unit.evaluation.data import write_data


@pytest.fixture
def recorded(tmp_path: Path) -> list[Recorded]:
    """The answers of three rows, the second of which has a single chunk of three sentences."""
    examples = read_set(write_data(tmp_path / "data.jsonl")).examples
    found = []
    for index, (example, scores) in enumerate(
        zip(examples, ({(0, 0): 5.0}, {(1, 0): 5.0, (2, 1): 5.0}, {}), strict=True)
    ):
        variant = make_variant("answer", examples, index)
        assert variant is not None
        attribution = hand_made(example.answer, scores, example.chunks)
        found.append(Recorded(variant, attribution, 100))
    other = make_variant("other", examples, 0)
    assert other is not None
    return [*found, Recorded(other, found[0].attribution, 100)]


def test_sentences_of_a_single_chunk_stand_for_chunks(recorded: list[Recorded]) -> None:
    (_, tea), (example, mill) = recorded_pairs(recorded)
    assert tea is recorded[0].attribution
    assert example == cited_example(recorded[1].variant.example)
    assert mill.chunks == example.chunks
    assert [source.chunk_index for source in mill.sources] == [0, 1, 2]
    for source in mill.sources:
        assert mill.chunks[source.chunk_index].text[source.start : source.end] == source.text
    np.testing.assert_array_equal(mill.scores, recorded[1].attribution.scores)


def test_figures(recorded: list[Recorded]) -> None:
    figures = planted_figures(recorded_pairs(recorded))
    assert figures["answers"] == 2
    assert figures["exchanged"] == figures["added"] == figures["dropped"] == 1.0
    assert (figures["alarms"], figures["alarms_n"]) == (0.0, 3)
    assert (figures["missing"], figures["missing_n"]) == (0.0, 3)
    assert figures["exchanged_ci"] == [1.0, 1.0]
    assert planted_figures([]) == {"answers": 0}


def test_a_verifier_speaks_for_what_the_model_did_not_need(recorded: list[Recorded]) -> None:
    pairs = [
        (example, hand_made(example.answer, {}, example.chunks))
        for example, _ in recorded_pairs(recorded)
    ]
    assert planted_figures(pairs)["alarms"] == 1.0
    figures = planted_figures(pairs, verifier=LexicalVerifier())
    assert figures["alarms"] == 0.0
    assert figures["exchanged_located"] == 1.0
