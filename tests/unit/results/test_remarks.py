"""What readers are told of single statements, and of sets of citations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.results import Basis, Certificate, SupportLabel
from attribot_integrations.results.remarks import carried_words, remark_words
from tests.unit.render.samples import sample, weighed

KNOWN = "known to the model anyway; stated in [4]"
NOT_STATED = "depends on [3], which does not seem to state it"


@dataclass
class Cited:
    number: int
    basis: Basis = "depends"
    states: float | None = None
    kind: SourceKind = "retrieved"


USER, AGAIN = Cited(1, kind="user"), Cited(2, kind="user")
ANSWERED, FOUND = Cited(3, kind="assistant"), Cited(4, kind="tool")


@pytest.mark.parametrize(
    ("label", "shown", "expected"),
    [
        ("supported", [USER], "it rests only on the user's own words, [1]"),
        ("supported", [USER, AGAIN], "it rests only on the user's own words, [1] and [2]"),
        ("supported", [USER, FOUND], "[1] is the user's own words"),
        ("supported", [USER, AGAIN, FOUND], "[1] and [2] are the user's own words"),
        ("supported", [FOUND], None),
        ("uncertain", [ANSWERED], "it rests only on what was answered before, [3]"),
        (
            None,
            [USER, ANSWERED],
            "[1] is the user's own words; [3] is what was answered before",
        ),
        (
            "parametric",
            [Cited(1, "states", 0.9, "user")],
            "known to the model anyway; stated in [1]; [1] is the user's own words",
        ),
        (
            "supported",
            [Cited(1, "depends", 0.01, "user")],
            "depends on [1], which does not seem to state it; "
            "it rests only on the user's own words, [1]",
        ),
    ],
)
def test_what_is_no_evidence_from_outside(
    label: SupportLabel | None, shown: Sequence[Cited], expected: str | None
) -> None:
    assert remark_words(label, shown) == expected


@pytest.mark.parametrize(
    ("label", "shown", "expected"),
    [
        ("supported", [Cited(1)], None),
        ("supported", [Cited(1, "both", 0.9)], None),
        ("supported", [Cited(1, "both", 0.3)], None),
        ("supported", [Cited(1, "depends", 0.1)], None),
        ("supported", [], None),
        ("parametric", [], None),
        (None, [Cited(1, "depends", 0.05)], "depends on [1], which does not seem to state it"),
        ("unknown", [Cited(1, "depends", 0.05)], "depends on [1], which does not seem to state it"),
        (
            "supported",
            [Cited(1, "depends", 0.05), Cited(3, "depends", 0.0), Cited(1, "depends", 0.02)],
            "depends on [1] and [3], which do not seem to state it",
        ),
        ("supported", [Cited(1, "depends", 0.05), Cited(3, "both", 0.9)], None),
        ("supported", [Cited(1, "depends", 0.05), Cited(3, "states", 0.9)], None),
        ("supported", [Cited(1, "depends", 0.05), Cited(3, "depends", 0.7)], None),
        ("supported", [Cited(1, "depends", 0.05), Cited(3, "depends", None)], None),
        (
            "parametric",
            [Cited(2, "states", 0.9), Cited(5, "both", 0.9), Cited(7, "states", 0.9)],
            "known to the model anyway; stated in [2], [5] and [7]",
        ),
        ("uncertain", [Cited(2, "states", 0.9)], None),
    ],
)
def test_words(label: SupportLabel | None, shown: Sequence[Cited], expected: str | None) -> None:
    assert remark_words(label, shown) == expected


def test_statements_have_their_own_remark() -> None:
    assert weighed().remarks == (None, NOT_STATED, None, KNOWN)
    assert sample().remarks == (None,) * 4


def test_without_labels_nothing_is_known_anyway() -> None:
    assert replace(weighed(), support=()).remarks[3] is None


@pytest.mark.parametrize(
    ("sources", "gain", "hold", "expected"),
    [
        (3, 10.0, 9.6, "these 3 sources together carry 96 % of it"),
        (1, 10.0, 9.6, "this source alone carries 96 % of it"),
        (2, 10.0, 11.0, "these 2 sources together carry all of it"),
        (2, 10.0, 9.96, "these 2 sources together carry all of it"),
        (2, 10.0, -1.0, "these 2 sources together carry nothing of it"),
        (2, 0.9, 0.9, None),
        (2, -1.0, 0.5, None),
    ],
)
def test_what_a_set_carries(sources: int, gain: float, hold: float, expected: str | None) -> None:
    certificate = Certificate(0, tuple(range(sources)), gain, hold, 1.0)
    assert carried_words(certificate) == expected


def test_sets_of_statements_without_citations_are_not_spoken_of() -> None:
    made = weighed()
    assert made.carried == (
        "these 2 sources together carry 96 % of it",
        "this source alone carries all of it",
        None,
        None,
    )
    assert replace(made, citations=()).carried == (None,) * 4
