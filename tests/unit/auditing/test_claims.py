"""What marks are for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.auditing.claims import (
    answer_statements,
    claims_of,
    statement_at,
    states_nothing,
)
from attribot_integrations.results.citation_marks import find_marks


def claimed(answer: str) -> list[str]:
    spans = [(mark.start, mark.end) for mark in find_marks(answer)]
    found = claims_of(answer, spans, answer_statements(answer))
    return [answer[start:end] for start, end in found]


@pytest.mark.parametrize(
    ("answer", "claims"),
    [
        ("It opened [1]. It shut [2].", ["It opened", "It shut"]),
        ("It opened. [1] It shut. [2]", ["It opened.", "It shut."]),
        ("It opened.[1] It shut.[2]", ["It opened.", "It shut."]),
        ("It opened.[1][2] It shut.", ["It opened.", "It opened."]),
        (
            "It opened in May [1], and it shut in June [2].",
            ["It opened in May", "and it shut in June"],
        ),
        ("It opened in May [1] and shut.", ["It opened in May"]),
        ("According to [1], it opened in May.", ["According to [1], it opened in May."]),
        ("As shown in [2] it shut [3].", ["As shown in [2] it shut", "it shut"]),
        ("[1] It opened. [2] It shut.", ["It opened.", "It shut."]),
        ("[1]: It opened. It shut.", []),
        ("- It opened. [1]\n- It shut. [2]", ["It opened.", "It shut."]),
        ("It opened.\n[1]", ["It opened."]),
        ("It opened.\n\n[2] It shut.", ["It shut."]),
        ("| It opened | [1] |\n| --- | --- |\n| It shut | [2] |", None),
        ("[1]", [""]),
        ("", []),
    ],
)
def test_claims(answer: str, claims: list[str] | None) -> None:
    found = claimed(answer)
    if claims is None:
        assert ["opened" in found[0], "shut" in found[1]] == [True, True]
    else:
        assert found == claims


def test_statements_are_found_by_place() -> None:
    statements = [(0, 5), (8, 12)]
    assert [statement_at(statements, place) for place in (0, 6, 8, 90)] == [0, 0, 1, 1]
    assert statement_at([], 3) is None


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [
        ("## History\n\nIt opened.", [True, False]),
        ("**History:**\n\n- It opened.", [True, False]),
        ("These are known:\n- It opened.", [True, False]),
        ("It opened. Do you want more?", [False, True]),
        ("It opened.\n\n```\nx = 1\n```", [False, True]),
        ("It opened [1].", [False]),
    ],
)
def test_some_statements_state_nothing(answer: str, nothing: list[bool]) -> None:
    found = [states_nothing(answer, span) for span in answer_statements(answer)]
    assert found == nothing


@given(
    st.lists(
        st.sampled_from(
            ["It opened", " in May", ".", " ", "[1]", "[2, 3]", "\n", "\n\n- ", ", and"]
        ),
        max_size=14,
    )
)
def test_claims_lie_in_the_answer_and_hold_no_mark_s_end(pieces: list[str]) -> None:
    answer = "".join(pieces)
    spans = [(mark.start, mark.end) for mark in find_marks(answer)]
    found = claims_of(answer, spans, answer_statements(answer))
    assert len(found) == len(spans)
    for start, end in found:
        assert 0 <= start <= end <= len(answer)
        assert answer[start:end] == answer[start:end].strip()
