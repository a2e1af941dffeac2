"""Which sources are cited, and what a citation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from attribot_integrations.context.sources import Chunk, Level, Source, SourceSet
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Alternatives, Citation, Statement
from attribot_integrations.results.citations import (
    ThresholdPolicy,
    make_citations,
)
from attribot_integrations.results.parts import citable_rows

CHUNKS = [Chunk("A one. A two.", id="a"), Chunk("B one.", id="b"), Chunk("C one.")]
SOURCES = SourceSet.build(CHUNKS)
STATEMENTS = (Statement(0, 0, 4, "One.", (0, 2)), Statement(1, 5, 9, "Two.", (2, 4)))


def cite(
    scores: Sequence[Sequence[float]],
    *,
    levels: Sequence[Level] = ("sentence",),
    policy: ThresholdPolicy | None = None,
) -> tuple[Citation, ...]:
    sources = SOURCES.at(levels)
    exact = np.array([source.id != 1 for source in sources])
    return make_citations(
        policy or ThresholdPolicy(),
        STATEMENTS,
        CHUNKS,
        sources,
        np.array(scores, dtype=np.float32),
        exact,
    )


# What may be cited


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (("sentence",), [0, 1, 2, 3]),
        (("chunk",), [0, 1, 2]),
        (("sentence", "chunk"), [0, 1, 2, 3]),
    ],
)
def test_sentences_are_cited_and_chunks_where_there_are_none(
    levels: Sequence[Level], expected: list[int]
) -> None:
    assert citable_rows(SOURCES.at(levels)) == expected


def test_sentences_are_found_wherever_they_stand() -> None:
    assert citable_rows(SOURCES.at(("sentence", "chunk"))[::-1]) == [3, 4, 5, 6]
    assert citable_rows(()) == []


# The policy


def chosen(policy: ThresholdPolicy, *scores: float) -> list[int]:
    return policy(STATEMENTS[0], SOURCES.sentences, np.array(scores, dtype=np.float32))


def test_strongest_first() -> None:
    assert chosen(ThresholdPolicy(min_share=0), 1.5, 3.0, 0.1, 2.0) == [1, 3, 0]


def test_thresholds_are_included() -> None:
    assert chosen(ThresholdPolicy(min_score=2.0), 2.0, 1.99) == [0]
    assert chosen(ThresholdPolicy(min_share=0.25), 3.0, 1.0, -9.0) == [0, 1]
    assert chosen(ThresholdPolicy(min_share=0.26), 3.0, 1.0, -9.0) == [0]


def test_a_score_that_is_enough_needs_no_share() -> None:
    assert chosen(ThresholdPolicy(min_share=0.25), 96.0, 8.0, 7.9) == [0, 1]
    assert chosen(ThresholdPolicy(min_share=0.25, enough_score=9.0), 96.0, 8.0) == [0]


def test_most_citations() -> None:
    assert chosen(ThresholdPolicy(max_citations=2), 2.0, 3.0, 4.0) == [2, 1]
    assert len(chosen(ThresholdPolicy(), *[8.0] * 6)) == 5


def test_ties_go_to_the_earlier_source() -> None:
    assert chosen(ThresholdPolicy(max_citations=64, min_share=0), *[2.0, 3.0] * 32) == [
        *range(1, 64, 2),
        *range(0, 64, 2),
    ]


def test_negative_and_undefined_scores_are_never_cited() -> None:
    assert chosen(ThresholdPolicy(), -5.0, float("nan"), float("-inf"), 0.0) == []


def test_no_sources() -> None:
    assert chosen(ThresholdPolicy()) == []


@pytest.mark.parametrize("min_score", [0.0, -1.0, float("nan")])
def test_min_score_is_checked(min_score: float) -> None:
    with pytest.raises(
        ConfigurationError, match=f"min_score must be above 0 nats, got {min_score}"
    ):
        ThresholdPolicy(min_score=min_score)


@pytest.mark.parametrize("min_share", [-0.1, 1.1, float("nan")])
def test_min_share_is_checked(min_share: float) -> None:
    with pytest.raises(ConfigurationError, match=f"min_share must be from 0 to 1, got {min_share}"):
        ThresholdPolicy(min_share=min_share)


@pytest.mark.parametrize("max_citations", [0, -1])
def test_max_citations_is_checked(max_citations: int) -> None:
    message = f"max_citations must be at least 1, got {max_citations}"
    with pytest.raises(ConfigurationError, match=message):
        ThresholdPolicy(max_citations=max_citations)


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
        ThresholdPolicy(**settings)


def test_numbers_of_numpy_are_numbers() -> None:
    settings: Any = {"min_score": np.float32(2.0), "max_citations": np.int64(1)}
    assert chosen(ThresholdPolicy(**settings), 2.0, 3.0) == [1]


# Citations


def test_citation_fields() -> None:
    (citation,) = cite([[0, 0], [0, 2.5], [0, 0], [0, 0]])
    assert citation == Citation(
        number=1,
        statement_index=1,
        source_id=1,
        chunk_index=0,
        chunk_id="a",
        answer_start=5,
        answer_end=9,
        chunk_start=7,
        chunk_end=13,
        text="A two.",
        score=2.5,
        exact=False,
    )


def test_chunks_are_numbered_by_first_appearance() -> None:
    citations = cite([[0, 8], [0, 8], [0, 8], [2, 0]])
    assert [(one.statement_index, one.source_id, one.number) for one in citations] == [
        (0, 3, 1),
        (1, 0, 2),
        (1, 1, 2),
        (1, 2, 3),
    ]
    assert [one.chunk_id for one in citations] == [None, "a", "a", "b"]
    assert [one.exact for one in citations] == [True, True, False, True]


def test_whole_chunks_are_cited_where_there_are_no_sentences() -> None:
    citations = cite([[2, 0], [0, 0], [0, 3]], levels=["chunk"])
    assert [(one.source_id, one.text) for one in citations] == [
        (4, "A one. A two."),
        (6, "C one."),
    ]


def test_sentences_come_before_whole_chunks() -> None:
    scores = [[0, 0], [2, 0], [0, 0], [0, 0], [9, 9], [9, 9], [9, 9]]
    citations = cite(scores, levels=["chunk", "sentence"])
    assert [one.source_id for one in citations] == [1]


def test_order_of_the_sources_does_not_matter() -> None:
    sources = SOURCES.whole_chunks + SOURCES.sentences
    scores = np.array([[9, 9]] * 3 + [[0, 0], [2, 0], [0, 0], [0, 3]], dtype=np.float32)
    exact = np.array([False] * 4 + [True, False, False])
    citations = make_citations(ThresholdPolicy(), STATEMENTS, CHUNKS, sources, scores, exact)
    assert [(one.source_id, one.score, one.exact) for one in citations] == [
        (1, 2.0, True),
        (3, 3.0, False),
    ]


def test_any_callable_is_a_policy() -> None:
    def last(
        statement: Statement, sources: Sequence[Source], scores: npt.NDArray[np.float32]
    ) -> list[int]:
        assert len(sources) == len(scores) == 4
        return [3] if statement.index == 0 else []

    citations = make_citations(
        last,
        STATEMENTS,
        CHUNKS,
        SOURCES.sentences,
        np.zeros((4, 2), np.float32),
        np.ones(4, np.bool_),
    )
    assert [(one.text, one.score) for one in citations] == [("C one.", 0.0)]


@pytest.mark.parametrize("place", [-1, 4])
def test_positions_that_a_policy_makes_up_are_refused(place: int) -> None:
    message = f"a citation policy must return positions from 0 to 3, got {place}"
    with pytest.raises(ConfigurationError, match=message):
        make_citations(
            lambda statement, sources, scores: [0, place],
            STATEMENTS,
            CHUNKS,
            SOURCES.sentences,
            np.zeros((4, 2), np.float32),
            np.ones(4, np.bool_),
        )


# Alternatives


SAME = Alternatives(0, source_ids=(0, 3), sufficiency=(9.0, 8.0), joint_score=6.0)
"""The first sentences of A and C say the same for the first statement."""


def cite_with(
    group: Alternatives, scores: Sequence[Sequence[float]], chunks: Sequence[Chunk] = CHUNKS
) -> tuple[Citation, ...]:
    sources = SourceSet.build(chunks).sentences
    return make_citations(
        ThresholdPolicy(),
        STATEMENTS,
        chunks,
        sources,
        np.array(scores, dtype=np.float32),
        np.ones(len(sources), dtype=np.bool_),
        [group],
    )


def test_alternatives_are_cited_and_name_each_other() -> None:
    first, second, third = cite_with(SAME, [[0.1, 0], [0, 0], [2, 0], [0.2, 0]])
    assert [each.source_id for each in (first, second, third)] == [0, 3, 2]
    assert [each.number for each in (first, second, third)] == [1, 2, 3]
    assert (first.alternatives, second.alternatives, third.alternatives) == ((3,), (0,), ())
    assert (first.sufficiency, second.sufficiency, third.sufficiency) == (9.0, 8.0, None)
    assert first.score == pytest.approx(0.1)


def test_shares() -> None:
    shares = [each.share for each in cite_with(SAME, [[0.1, 0], [-5, 0], [2, 0], [0.2, 0]])]
    assert shares == pytest.approx([3 / 8, 3 / 8, 2 / 8])
    plain = cite([[3, 0], [1, 0], [-2, 0], [0, 0]])
    assert [each.share for each in plain] == pytest.approx([3 / 4, 1 / 4])


def test_an_alternative_that_is_also_necessary_is_cited_once() -> None:
    cited = cite_with(SAME, [[4, 0], [0, 0], [0, 0], [0.2, 0]])
    assert [each.source_id for each in cited] == [0, 3]


def test_alternatives_belong_to_their_statement_only() -> None:
    assert not [each for each in cite_with(SAME, [[0, 0]] * 4) if each.statement_index == 1]


def test_chunks_of_the_same_text_share_a_number() -> None:
    twice = [Chunk("A one. A two.", id="a"), Chunk("B one.", id="b"), Chunk(" A one.\nA two. ")]
    group = Alternatives(0, source_ids=(0, 3), sufficiency=(9.0, 9.0), joint_score=6.0)
    cited = cite_with(group, [[0, 0], [0, 0], [2, 0], [0, 0], [0, 0]], twice)
    assert [(each.chunk_index, each.number) for each in cited] == [(0, 1), (2, 1), (1, 2)]
