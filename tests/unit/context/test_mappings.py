"""Metadata that belongs to the caller can be read and not changed."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from attribot_integrations.context.mappings import ReadOnlyMapping


def test_it_reads_as_a_dict() -> None:
    items = {"title": "Town", "page": 3}
    mapping = ReadOnlyMapping(items)
    assert mapping == items
    assert dict(mapping) == items
    assert (mapping["page"], len(mapping), [*mapping], repr(mapping)) == (
        3,
        2,
        ["title", "page"],
        "{'title': 'Town', 'page': 3}",
    )
    assert mapping.get("author") is None
    with pytest.raises(KeyError, match="author"):
        mapping["author"]


def test_it_keeps_what_it_was_given() -> None:
    items = {"page": 3}
    mapping: Any = ReadOnlyMapping(items)
    items["page"] = 4
    assert mapping["page"] == 3
    with pytest.raises(TypeError, match="does not support item assignment"):
        mapping["page"] = 5
    with pytest.raises(TypeError, match="does not support item deletion"):
        del mapping["page"]


@pytest.mark.parametrize(
    "remake", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_is_the_callers_own_dict(remake: Any) -> None:
    mapping = ReadOnlyMapping({"page": 3})
    again = remake(mapping)
    assert type(again) is dict
    again["page"] = 4
    assert mapping["page"] == 3
