"""What a page needs of a result."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.render.front_ends.answer_data import KEPT_FIELDS, answer_data
from attribot_integrations.results import Cost, ModelCost
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile, weighed


def test_it_is_a_part_of_the_whole() -> None:
    made = weighed()
    found, whole = answer_data(made), made.to_dict(offsets="utf-16")
    for name in set(KEPT_FIELDS) - {"cost"}:
        assert found[name] == json.loads(json.dumps(whole[name])), name
    assert found["schema"] == "2-utf-16"
    assert "scores" not in found


def test_metadata_stay_on_the_server() -> None:
    metadata = {
        "file_path": "/srv/reports/annual.pdf",
        "page_label": "iv",
        "section": "Sizes",
        "url": "https://example.org/a",
        "acl": ["board"],
    }
    made = make_attribution("Q", [Chunk("It is.", id="c", metadata=metadata)], "It is.")
    made = replace(made, cost=Cost(0.5, (ModelCost("/srv/models/small.gguf", 1, 2, 3, 4),)))
    found = answer_data(made)
    assert found["chunks"] == [
        {
            "text": "It is.",
            "id": "c",
            "title": "annual.pdf",
            "section": "Sizes",
            "page": "iv",
            "url": "https://example.org/a",
        }
    ]
    assert found["cost"]["models"][0]["model"] == "small.gguf"
    assert "/srv" not in json.dumps(found)


@pytest.mark.parametrize("text", HOSTILE)
def test_it_can_be_sent(text: str) -> None:
    found = answer_data(hostile(text))
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    safe = ("http://", "https://")
    assert all(each["url"] is None or each["url"].startswith(safe) for each in found["chunks"])


def test_offsets_are_javascripts() -> None:
    found = answer_data(make_attribution("Q", ["👍 It is 900."], "👍 It is 900."))
    assert found["statements"][0]["end"] == 13
