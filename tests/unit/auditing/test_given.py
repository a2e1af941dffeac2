"""The common form of given citations."""

from __future__ import annotations

import dataclasses

import pytest

from attribot_integrations.auditing.given import GivenAnswer, GivenCitation


def test_they_are_frozen_and_compare_by_content() -> None:
    one = GivenCitation(0, 5, 1, "2", (6, 9), {"a": 1})
    assert one == GivenCitation(0, 5, 1, "2", (6, 9), {"a": 1})
    assert one != dataclasses.replace(one, chunk_index=None)
    assert hash(one) == hash(dataclasses.replace(one))
    assert "raw" not in repr(one)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.start = 3  # type: ignore[misc]
    assert GivenAnswer("a", (one,)).citations == (one,)
