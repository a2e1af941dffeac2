from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation.marked import MarkedStatement, read_refs, read_statements

ANSWER = "It rains. It rains. Oro is far."


def test_statements_are_found_in_their_order() -> None:
    found = read_statements(
        [
            {"text": " It rains. ", "gold_sentences": [[0, 1], [3, 0]], "gold": [0, 0]},
            {"text": "It rains.", "support": "Missing"},
            {"text": "It snows."},
            {"text": "Oro is far.", "support": 3},
        ],
        ANSWER,
        {(0, 1): 0},  # a blank sentence before it has no number
    )
    assert found == (
        MarkedStatement((0, 9), ((0, 0),), (0,)),
        MarkedStatement((10, 19), support="Missing"),
        MarkedStatement((20, 31)),
    )


def test_no_statements() -> None:
    assert read_statements(None, ANSWER, {}) is None
    assert read_refs(None, "gold") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("It rains.", r'"statements" must be a list of objects with a "text"'),
        ([{"gold": [0]}], r'"statements" must be a list of objects with a "text"'),
        ([{"text": "It rains.", "gold": [True]}], "must be a list of chunk indexes"),
        ([{"text": "It rains.", "gold_sentences": [[1]]}], r'"gold_sentences" must be a list of'),
    ],
)
def test_other_forms_are_refused(value: Any, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        read_statements(value, ANSWER, {})
