"""Which sources a policy chooses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Statement
from attribot_integrations.results.policies import CiteDependence, CiteEvidence, CiteSupport

SOURCES = SourceSet.build(
    [Chunk("A one. A two.", id="a"), Chunk("B one.", id="b"), Chunk("C one.")]
).sentences
STATEMENT = Statement(0, 0, 4, "One.", (0, 2))


# What a statement depends on


def chosen(policy: CiteDependence, *scores: float) -> list[int]:
    return policy(STATEMENT, SOURCES, np.array(scores, dtype=np.float32))


def test_strongest_first() -> None:
    assert chosen(CiteDependence(min_share=0), 1.5, 3.0, 0.1, 2.0) == [1, 3, 0]


def test_thresholds_are_included() -> None:
    assert chosen(CiteDependence(min_score=2.0), 2.0, 1.99) == [0]
    assert chosen(CiteDependence(min_share=0.25), 3.0, 1.0, -9.0) == [0, 1]
    assert chosen(CiteDependence(min_share=0.26), 3.0, 1.0, -9.0) == [0]


def test_a_score_that_is_enough_needs_no_share() -> None:
    assert chosen(CiteDependence(min_share=0.25), 96.0, 8.0, 7.9) == [0, 1]
    assert chosen(CiteDependence(min_share=0.25, enough_score=9.0), 96.0, 8.0) == [0]


def test_most_citations() -> None:
    assert chosen(CiteDependence(max_citations=2), 2.0, 3.0, 4.0) == [2, 1]
    assert len(chosen(CiteDependence(), *[8.0] * 6)) == 5


def test_ties_go_to_the_earlier_source() -> None:
    assert chosen(CiteDependence(max_citations=64, min_share=0), *[2.0, 3.0] * 32) == [
        *range(1, 64, 2),
        *range(0, 64, 2),
    ]


def test_negative_and_undefined_scores_are_never_cited() -> None:
    assert chosen(CiteDependence(), -5.0, float("nan"), float("-inf"), 0.0) == []


def test_no_sources() -> None:
    assert chosen(CiteDependence()) == []


@pytest.mark.parametrize("min_score", [0.0, -1.0, float("nan")])
def test_min_score_is_checked(min_score: float) -> None:
    with pytest.raises(
        ConfigurationError, match=f"min_score must be above 0 nats, got {min_score}"
    ):
        CiteDependence(min_score=min_score)


@pytest.mark.parametrize("min_share", [-0.1, 1.1, float("nan")])
def test_min_share_is_checked(min_share: float) -> None:
    with pytest.raises(ConfigurationError, match=f"min_share must be from 0 to 1, got {min_share}"):
        CiteDependence(min_share=min_share)


@pytest.mark.parametrize("max_citations", [0, -1])
def test_max_citations_is_checked(max_citations: int) -> None:
    message = f"max_citations must be at least 1, got {max_citations}"
    with pytest.raises(ConfigurationError, match=message):
        CiteDependence(max_citations=max_citations)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_score": "1"}, "min_score must be a number of nats, not str"),
        ({"min_score": None}, "min_score must be a number of nats, not NoneType"),
        ({"min_score": True}, "min_score must be a number of nats, not bool"),
        ({"max_citations": "1"}, "max_citations must be an int, not str"),
        ({"max_citations": 1.5}, "max_citations must be an int, not float"),
        ({"max_citations": True}, "max_citations must be an int, not bool"),
    ],
)
def test_types_of_the_policys_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CiteDependence(**settings)


def test_numbers_of_numpy_are_numbers() -> None:
    settings: Any = {"min_score": np.float32(2.0), "max_citations": np.int64(1)}
    assert chosen(CiteDependence(**settings), 2.0, 3.0) == [1]


# What states it


def by_support(policy: CiteSupport | CiteEvidence, *stated: float, scores: Any = None) -> list[int]:
    nats = np.zeros(len(stated)) if scores is None else np.array(scores)
    return policy(STATEMENT, SOURCES, nats.astype(np.float32), np.array(stated, dtype=np.float32))


def test_what_states_it_is_cited_whatever_depends_on_it() -> None:
    assert by_support(CiteSupport(), 0.91, 0.2, 0.99, 0.89, scores=[0, 50, -9, 0]) == [2, 0]


def test_what_states_it_far_less_clearly_than_the_best_is_not_cited() -> None:
    assert by_support(CiteSupport(min_stated=0.3), 0.5, 0.44, 0.46, 0.1) == [0, 2]
    assert by_support(CiteSupport(min_stated=0.3, near_best=0.0), 0.5, 0.44, 0.3, 0.29) == [0, 1, 2]


def test_nothing_is_cited_that_no_verifier_has_seen() -> None:
    nothing = np.zeros(4, dtype=np.float32)
    assert CiteSupport()(STATEMENT, SOURCES, nothing, None) == []
    assert by_support(CiteSupport(min_stated=0.0), 0.0, 0.0) == []


def test_most_citations_of_what_states_it() -> None:
    assert by_support(CiteSupport(max_citations=1), 0.95, 0.99) == [1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_stated": 1.5}, "min_stated must be from 0 to 1, got 1.5"),
        ({"near_best": -1}, "near_best must be from 0 to 1, got -1"),
        ({"min_stated": "x"}, "min_stated must be a number, not str"),
        ({"max_citations": 0}, "max_citations must be at least 1, got 0"),
    ],
)
def test_settings_of_support_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CiteSupport(**settings)


# Both


def test_both_kinds_of_evidence_are_cited() -> None:
    policy = CiteEvidence()
    assert by_support(policy, 0.1, 0.2, 0.95, 0.0, scores=[6, 0, 0, 2]) == [2, 0, 3]
    assert by_support(policy, 0.1, 0.2, 0.95, 0.0, scores=[0, 0, 0, 0]) == [2]
    assert by_support(policy, 0.1, 0.2, 0.3, 0.0, scores=[0, 6, 0, 0]) == [1]


def test_both_together_cite_no_more_than_either() -> None:
    both = ([3, 2, 0, 0], (0, 0, 0.9, 0.9))
    for most_used, most_stated, count in ((2, 2, 2), (2, 3, 3), (5, 5, 4)):
        policy = CiteEvidence(CiteDependence(0.2, most_used), CiteSupport(0.5, 0.9, most_stated))
        assert len(by_support(policy, *both[1], scores=both[0])) == count


def test_without_a_verifier_it_is_dependence_alone() -> None:
    scores = np.array([0.0, 6, 3, 0], dtype=np.float32)
    assert CiteEvidence()(STATEMENT, SOURCES, scores, None) == chosen(CiteDependence(), *scores)
