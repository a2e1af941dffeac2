"""Which sources are cited, and what a citation says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk, Level, Source, SourceSet
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Alternatives, Citation, FloatArray, Statement
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.parts import citable_rows
from attribot_integrations.results.policies import CiteDependence, CiteEvidence

CHUNKS = [Chunk("A one. A two.", id="a"), Chunk("B one.", id="b"), Chunk("C one.")]
SOURCES = SourceSet.build(CHUNKS)
STATEMENTS = (Statement(0, 0, 4, "One.", (0, 2)), Statement(1, 5, 9, "Two.", (2, 4)))


def cite(
    scores: Sequence[Sequence[float]],
    *,
    levels: Sequence[Level] = ("sentence",),
    policy: CiteDependence | None = None,
) -> tuple[Citation, ...]:
    sources = SOURCES.at(levels)
    exact = np.array([source.id != 1 for source in sources])
    return make_citations(
        policy or CiteDependence(),
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
    citations = make_citations(CiteDependence(), STATEMENTS, CHUNKS, sources, scores, exact)
    assert [(one.source_id, one.score, one.exact) for one in citations] == [
        (1, 2.0, True),
        (3, 3.0, False),
    ]


def test_any_callable_is_a_policy() -> None:
    def last(
        statement: Statement,
        sources: Sequence[Source],
        scores: FloatArray,
        stated: FloatArray | None,
    ) -> list[int]:
        assert len(sources) == len(scores) == 4
        assert stated is None
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
            lambda statement, sources, scores, stated: [0, place],
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
        CiteDependence(),
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


# What they rest on


def test_the_basis_of_each_citation() -> None:
    scores = np.array([[9, 0], [9, 0], [0.1, 0], [0, 0]], dtype=np.float32)
    stated = np.array([[0.95, 0], [0.2, 0], [0.97, 0], [0.6, 0]], dtype=np.float32)
    cited = make_citations(
        CiteEvidence(),
        STATEMENTS,
        CHUNKS,
        SOURCES.sentences,
        scores,
        np.ones(4, np.bool_),
        stated=stated,
    )
    assert [(each.source_id, each.basis) for each in cited] == [
        (0, "both"),
        (2, "states"),
        (1, "depends"),
    ]
    assert [each.states for each in cited] == pytest.approx([0.95, 0.97, 0.2])
    assert [each.score for each in cited] == pytest.approx([9.0, 0.1, 9.0])


def test_without_a_verifier_all_citations_are_of_dependence() -> None:
    assert {(each.basis, each.states) for each in cite([[9, 9]] * 4)} == {("depends", None)}


def test_alternatives_depend_together() -> None:
    stated = np.full((4, 2), 0.95, dtype=np.float32)
    cited = make_citations(
        CiteDependence(),
        STATEMENTS,
        CHUNKS,
        SOURCES.sentences,
        np.zeros((4, 2), dtype=np.float32),
        np.ones(4, dtype=np.bool_),
        [SAME],
        stated,
    )
    assert [(each.source_id, each.basis) for each in cited] == [(0, "both"), (3, "both")]
