"""Verdicts on citations, and what statements lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.auditing.audits import JudgedCitation, JudgedStatement
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.judgement import (
    KNOWN,
    NOT_SCORED,
    judge_citations,
    judge_statements,
)
from attribot_integrations.auditing.markers import find_citations
from attribot_integrations.auditing.witness import AuditOptions
from attribot_integrations.results import Attribution
from tests.unit.auditing.hand_made import hand_made


def judged(
    attribution: Attribution,
) -> tuple[tuple[JudgedCitation, ...], tuple[JudgedStatement, ...]]:
    given = find_citations(attribution.answer, attribution.chunks)
    citations = judge_citations(attribution, given, AuditOptions())
    return citations, judge_statements(attribution, citations, AuditOptions())


Case = tuple[str, Mapping[tuple[int, int], float], dict[str, Any], list[tuple[str, int | None]]]

CASES: list[Case] = [
    ("It opened [1].", {(0, 0): 5}, {}, [("depends", None)]),
    ("It opened [1].", {(0, 0): 5}, {"stated": {(0, 0): 0.9}}, [("both", None)]),
    ("It opened [1].", {(0, 0): 5}, {"stated": {}}, [("depends", None)]),
    ("It opened [3].", {(0, 0): 5}, {"stated": {(0, 0): 0.9, (2, 0): 0.9}}, [("states", None)]),
    ("It opened [1].", {}, {"equal": [(0, (0, 2))]}, [("redundant", None)]),
    ("It opened [2].", {(0, 0): 5}, {}, [("neither", 0)]),
    ("It opened [2].", {}, {"stated": {(0, 0): 0.9}}, [("neither", 0)]),
    ("It opened [2].", {}, {}, [("neither", None)]),
    ("It opened [1][4].", {(0, 0): 5}, {}, [("depends", None), ("neither", None)]),
    ("It opened [1][4].", {(0, 0): 5, (1, 0): 5}, {}, [("depends", None), ("neither", 1)]),
    ("It opened [4][4].", {(0, 0): 5}, {}, [("neither", 0), ("neither", None)]),
    ("It opened [9].", {(0, 0): 5}, {}, [("unresolved", 0)]),
    ("It opened [9].", {}, {}, [("unresolved", None)]),
    ("It opened [1].", {}, {"labels": {0: "parametric"}}, [("unknown", None)]),
    ("It opened [1].", {}, {"labels": {0: "unknown"}}, [("unknown", None)]),
    ("It opened [1].", {}, {"labels": {0: "parametric"}, "stated": {}}, [("neither", None)]),
    ("It opened [1].", {}, {"labels": {0: "unsupported"}}, [("neither", None)]),
    (
        "It opened in May [2] and it shut in June [1].",
        {},
        {"words": {(0, "opened"): 5, (1, "shut"): 5}},
        [("neither", 0), ("neither", 1)],
    ),
]


@pytest.mark.parametrize(("answer", "scores", "more", "expected"), CASES)
def test_verdicts(
    answer: str,
    scores: Mapping[tuple[int, int], float],
    more: dict[str, Any],
    expected: list[tuple[str, int | None]],
) -> None:
    citations, _ = judged(hand_made(answer, scores, **more))
    assert [(each.verdict, each.instead) for each in citations] == expected
    right = {"neither": False, "unresolved": False, "unknown": None}
    for each in citations:
        assert each.right is right.get(each.verdict, True)
        assert (each.reason is None) == (each.verdict != "unknown")


def test_what_is_known_anyway_is_not_called_wrong() -> None:
    citations, statements = judged(hand_made("It opened [1].", {}, labels={0: "parametric"}))
    assert citations[0].reason == KNOWN
    assert statements[0].enough is None
    _, bare = judged(hand_made("It opened.", {}, labels={0: "parametric"}))
    assert bare[0].enough is None
    assert bare[0].missing == ()


def test_what_is_known_anyway_lacks_no_citation_but_of_what_states_it() -> None:
    _, (statement,) = judged(hand_made("It opened.", {(0, 0): 5}, labels={0: "parametric"}))
    assert (statement.missing, statement.enough) == ((), None)
    attribution = hand_made(
        "It opened.", {(1, 0): 5}, labels={0: "parametric"}, stated={(0, 0): 0.9, (1, 0): 0.9}
    )
    assert judged(attribution)[1][0].missing == (1,)


def test_a_source_without_a_score_is_not_judged() -> None:
    attribution = hand_made("It opened [4].", {(0, 0): 5})
    fewer = replace(
        attribution,
        sources=attribution.sources[:2],
        scores=attribution.scores[:2],
        exact=attribution.exact[:2],
        estimands=attribution.estimands[:2],
    )
    citations, statements = judged(fewer)
    assert (citations[0].verdict, citations[0].reason) == ("unknown", NOT_SCORED)
    assert statements[0].missing == (0,)


@pytest.mark.parametrize(
    ("answer", "scores", "more", "missing", "enough"),
    [
        ("It opened.", {(0, 0): 5}, {}, (0,), False),
        ("It opened.", {}, {}, (), False),
        ("It opened.", {}, {"stated": {(2, 0): 0.9}}, (2,), False),
        ("It opened.", {}, {"equal": [(0, (0, 2))]}, (0,), False),
        ("It opened [1].", {(0, 0): 5}, {}, (), True),
        ("It opened [1].", {(0, 0): 5, (1, 0): 4}, {}, (1,), False),
        ("It opened [1].", {(0, 0): 5, (1, 0): 4}, {"equal": [(0, (0, 1))]}, (), True),
        ("It opened [1].", {(0, 0): 5, (1, 0): 4}, {"stated": {(0, 0): 0.9}}, (), True),
        ("It opened [3].", {}, {"equal": [(0, (0, 2))]}, (), True),
        ("It opened [2].", {(0, 0): 5}, {}, (), False),
        ("It opened [9].", {(0, 0): 5}, {}, (), False),
        ("It opened [4].", {}, {}, (), False),
    ],
)
def test_what_a_statement_lacks(
    answer: str,
    scores: Mapping[tuple[int, int], float],
    more: dict[str, Any],
    missing: tuple[int, ...],
    enough: bool,
) -> None:
    _, (statement,) = judged(hand_made(answer, scores, **more))
    assert statement.missing == missing
    assert statement.enough is enough


def test_citations_for_several_statements_count_for_each() -> None:
    attribution = hand_made("It opened. It shut.", {(0, 0): 5, (1, 1): 5})
    given = [
        GivenCitation(0, 19, 0, "0"),
        GivenCitation(0, 19, 1, "1"),
        GivenCitation(0, 19, 3, "3"),
    ]
    citations = judge_citations(attribution, given, AuditOptions())
    assert [each.verdict for each in citations] == ["depends", "depends", "neither"]
    assert [each.statement_index for each in citations] == [1, 1, 1]
    statements = judge_statements(attribution, citations, AuditOptions())
    assert [each.citations for each in statements] == [(0, 1, 2), (0, 1, 2)]
    assert [each.enough for each in statements] == [True, True]


def test_a_mark_without_words_is_not_judged() -> None:
    attribution = hand_made("It opened.", {(0, 0): 5})
    citations = judge_citations(attribution, [GivenCitation(10, 10, 0, "1")], AuditOptions())
    assert [(each.verdict, each.statement_index) for each in citations] == [("unknown", None)]


def test_headings_need_no_citation_unless_they_have_one() -> None:
    scores = {(0, 0): 5.0, (0, 1): 5.0}
    _, (heading, text) = judged(hand_made("## Opening\n\nIt opened.", scores))
    assert (heading.missing, heading.enough) == ((), None)
    assert (text.missing, text.enough) == ((0,), False)
    _, (heading, _) = judged(hand_made("## Opening [1]\n\nIt opened.", scores))
    assert heading.enough is True


def test_ignored_stretches_need_no_citation() -> None:
    attribution = hand_made("It opened [1]. It shut.", {(0, 0): 5, (1, 1): 5})
    found = judge_statements(attribution, (), AuditOptions(), ignored=[(14, 23)])
    assert [each.index for each in found] == [0]
