"""What an attribution says of chunks, for a stretch of the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attribot_integrations.auditing.witness import AuditOptions, Witness
from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.policies import CiteDependence
from tests.unit.auditing.hand_made import CHUNKS, hand_made

ANSWER = "It opened in 1962. It shut in 1990."
FIRST, SECOND = (0, 18), (19, 35)


def test_the_chunk_that_is_needed() -> None:
    witness = Witness(hand_made(ANSWER, {(0, 0): 5, (1, 1): 3, (3, 0): 0.1}), AuditOptions())
    first = witness.asked(FIRST, [0])
    assert first.scores.tolist() == pytest.approx([5, 0, 0, 0.1])
    assert [first.depends(chunk) for chunk in range(4)] == [True, False, False, False]
    assert first.needed == (0,)
    assert first.best() == 0
    assert first.best(without=[0]) is None
    assert witness.asked(SECOND, [1]).needed == (1,)
    assert witness.asked((0, 35), [0, 1]).needed == (0, 1)


def test_options_say_what_is_enough() -> None:
    attribution = hand_made(ANSWER, {(0, 0): 5, (1, 0): 1})
    for options, needed in (
        (AuditOptions(), (0,)),
        (AuditOptions(CiteDependence(min_share=0.1)), (0, 1)),
        (AuditOptions(CiteDependence(min_score=9)), ()),
        (AuditOptions(CiteDependence(min_share=1, enough_score=0.5)), (0, 1)),
    ):
        assert Witness(attribution, options).asked(FIRST, [0]).needed == needed


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("depends", 0.2, "depends must be a CiteDependence, not float"),
        ("min_states", 2, "min_states must be from 0 to 1, got 2"),
        ("min_states", -0.1, "min_states must be from 0 to 1, got -0.1"),
    ],
)
def test_bad_options_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        replace(AuditOptions(), **{name: value})


def test_a_verifier_is_a_second_kind_of_evidence() -> None:
    attribution = hand_made(
        ANSWER, {(0, 0): 5, (3, 0): 5}, stated={(0, 0): 0.9, (2, 0): 0.8, (1, 1): 0.75}
    )
    first = Witness(attribution, AuditOptions()).asked(FIRST, [0])
    assert first.needed == (0,)  # the other does not state it
    assert [first.is_stated(chunk) for chunk in range(4)] == [True, False, True, False]
    second = Witness(attribution, AuditOptions()).asked(SECOND, [1])
    assert second.needed == ()
    assert second.best() == 1
    strict = Witness(attribution, AuditOptions(min_states=0.8)).asked(SECOND, [1])
    assert strict.best() is None
    plain = Witness(hand_made(ANSWER, {}), AuditOptions()).asked(FIRST, [0])
    assert plain.is_stated(0) is None


def test_a_clause_has_its_own_evidence() -> None:
    answer = "It opened in 1962 and shut in 1990."
    attribution = hand_made(answer, {}, words={(0, "opened"): 5, (1, "shut"): 5})
    witness = Witness(attribution, AuditOptions())
    assert witness.asked((0, 17), [0]).needed == (0,)
    assert witness.asked((18, 34), [0]).needed == (1,)
    assert witness.asked((0, 35), [0]).needed == (0, 1)


def test_chunks_that_say_the_same() -> None:
    attribution = hand_made(ANSWER, {}, equal=[(0, (0, 2))])
    first = Witness(attribution, AuditOptions()).asked(FIRST, [0])
    assert first.equal_to(0) == (2,)
    assert first.equal_to(1) == ()
    assert first.carries(0)
    assert not first.carries(1)
    assert Witness(attribution, AuditOptions()).asked(SECOND, [1]).equal == ()


def test_chunks_without_a_score_are_told_apart() -> None:
    attribution = hand_made(ANSWER, {(0, 0): 5})
    fewer = replace(
        attribution,
        sources=attribution.sources[:2],
        scores=attribution.scores[:2],
        exact=attribution.exact[:2],
        estimands=attribution.estimands[:2],
    )
    first = Witness(fewer, AuditOptions()).asked(FIRST, [0])
    assert [first.scored(chunk) for chunk in range(4)] == [True, True, False, False]
    assert not first.depends(3)


def test_the_best_sentence_of_a_chunk_counts() -> None:
    chunks = [Chunk("One. Two. Three."), Chunk("Four.")]
    attribution = hand_made(ANSWER, {(1, 0): 4, (2, 0): 1}, chunks)
    assert len(SourceSet.build(chunks).sentences) == 4
    first = Witness(attribution, AuditOptions()).asked(FIRST, [0])
    assert first.scores.tolist() == [4, 0]
    assert np.isnan(first.scores).sum() == 0
    assert len(CHUNKS) == 4
