"""Which citations are shown, and their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attribot_integrations.results import Basis
from attribot_integrations.results.showing import is_shown, numbered_as_shown, shown_citations
from attribot_integrations.results.support import Support, SupportLabel
from tests.unit.results.test_citations import cite


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("supported", True),
        ("uncertain", True),
        ("unknown", True),
        ("unsupported", False),
        ("parametric", False),
    ],
)
def test_statements_without_support_show_no_citation(label: SupportLabel, shown: bool) -> None:
    citations = cite([[2, 0], [0, 0], [0, 0], [0, 2]])
    support = (Support(0, label, -1.0, -9.0), Support(1, "supported", -1.0, -9.0))
    assert [each.statement_index for each in shown_citations(citations, support)] == [0, 1][
        not shown :
    ]
    assert shown_citations(citations, ()) == citations


@pytest.mark.parametrize("basis", ["depends", "states", "both"])
def test_what_the_model_knows_shows_who_states_it(basis: Basis) -> None:
    citations = [replace(each, basis=basis) for each in cite([[2, 0], [0, 0], [0, 0], [0, 0]])]
    for label, shown in (
        ("supported", True),
        ("unsupported", False),
        ("parametric", basis != "depends"),
    ):
        support = (Support(0, label, -1.0, -9.0),)  # type: ignore[arg-type]
        assert bool(shown_citations(citations, support)) is shown
        assert is_shown(support[0].label, basis) is shown


def test_shown_citations_are_numbered_first() -> None:
    citations = cite([[2, 0], [0, 0], [1.5, 0], [0, 2]])
    assert [each.number for each in citations] == [1, 2, 3]
    support = (Support(0, "unsupported", -9.0, -9.0), Support(1, "supported", -1.0, -9.0))
    again = numbered_as_shown(citations, support)
    assert [each.number for each in again] == [2, 3, 1]
    assert [each.chunk_index for each in again] == [each.chunk_index for each in citations]
    assert numbered_as_shown(citations, ()) == citations
