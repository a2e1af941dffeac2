"""Answers with their marks corrected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.rewriting import rewritten
from attribot_integrations.context.sources import Chunk
from tests.unit.auditing.hand_made import hand_made

TWO = {(0, 0): 5.0, (1, 1): 5.0}
NAMED = (
    Chunk("The harbour opened.", "p0", {"title": "Guide", "url": "https://e.org/h"}),
    Chunk("The bridge shut.", "p1", {"title": "bridge.pdf", "url": "https://e.org/b"}),
    Chunk("More.", "p2"),
)


@pytest.mark.parametrize(
    ("answer", "corrected"),
    [
        ("It opened [1]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [2]. It shut [1].", "It opened [1]. It shut [2]."),
        ("It opened.[4] It shut.[2]", "It opened.[1] It shut.[2]"),
        ("It opened [1][4]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [4][1]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [4], [1] and [3]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [1], [4]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [1, 4]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [3, 4]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [3-4]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened [9]. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened. It shut [2].", "It opened [1]. It shut [2]."),
        ("It opened. It shut. [2]", "It opened. [1] It shut. [2]"),
        ("It opened. It shut.[2]", "It opened.[1] It shut.[2]"),
        ("It opened. It shut.", "It opened [1]. It shut [2]."),
        ("It opened (doc 3). It shut.", "It opened (doc 1). It shut (doc 2)."),
        ("It opened [source: 3]. It shut.", "It opened [source: 1]. It shut [source: 2]."),
        ("It opened.【3†source】 It shut.", "It opened.【1†source】 It shut.【2†source】"),
        ("It opened.<sup>3</sup> It shut.", "It opened.<sup>1</sup> It shut.<sup>2</sup>"),
        ("It opened.³ It shut.", "It opened.¹ It shut.²"),
        ("It opened [^4]. It shut [^2].", "It opened [^1]. It shut [^2]."),
        ("It opened [[4]]. It shut [[2]].", "It opened [[1]]. It shut [[2]]."),
        (
            "**It opened** [4].\n\n- It shut `x[1]` [2].",
            "**It opened** [1].\n\n- It shut `x[1]` [2].",
        ),
    ],
)
def test_corrections(answer: str, corrected: str) -> None:
    found = audit_attribution(hand_made(answer, TWO))
    assert rewritten(found) == corrected
    again = audit_attribution(hand_made(corrected, TWO))
    assert again.faults == ()
    assert rewritten(again) == corrected


@pytest.mark.parametrize(
    ("answer", "corrected"),
    [
        ("It opened [p1]. It shut.", "It opened [p0]. It shut [p1]."),
        ("It opened [p2, p1]. It shut [p1].", "It opened [p0]. It shut [p1]."),
        ("It opened [2](https://e.org/b). It shut.", None),
        ("It opened ([3](https://e.org/zz)). It shut [2].", None),
    ],
)
def test_names_and_links(answer: str, corrected: str | None) -> None:
    found = rewritten(audit_attribution(hand_made(answer, TWO, NAMED)))
    if corrected is None:
        assert "(https://e.org/h)" in found
        corrected = found
    assert found == corrected
    assert audit_attribution(hand_made(corrected, TWO, NAMED)).faults == ()


def test_beside_the_point_marks_go_with_the_space_before_them() -> None:
    found = audit_attribution(hand_made("It opened  [4]. Really.", {}))
    assert rewritten(found) == "It opened. Really."


def test_what_could_not_be_judged_stays() -> None:
    found = audit_attribution(hand_made("It opened [4].", {}, labels={0: "parametric"}))
    assert rewritten(found) == "It opened [4]."


def test_citations_beside_the_text_change_nothing() -> None:
    found = audit_attribution(hand_made("It opened.", {(0, 0): 5}), [GivenCitation(0, 10, 3, "d")])
    assert found.faults
    assert rewritten(found) == "It opened."


PIECES = [
    "It opened",
    "It shut",
    ". ",
    " [1]",
    " [2]",
    "[4]",
    " [1, 3]",
    " (doc 9)",
    "\n\n",
    "`x[1]`",
]


@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=10).filter(
        lambda each: any("It" in one for one in each)
    )
)
def test_the_words_stay(pieces: list[str]) -> None:
    answer = "".join(pieces)
    attribution = hand_made(answer, {})
    if not attribution.statements:
        return
    found = audit_attribution(hand_made(answer, {(0, 0): 5.0}))
    words = "".join(character for character in rewritten(found) if character.isalpha())
    assert words.replace("doc", "") == "".join(
        character for character in answer if character.isalpha()
    ).replace("doc", "")
