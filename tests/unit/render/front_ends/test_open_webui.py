"""Events for Open WebUI."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.render.front_ends.open_webui import open_webui_events
from attribot_integrations.results import Attribution
from tests.unit.attributions import make_attribution
from tests.unit.render.readers import READERS, Shown
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed


def content(attribution: Attribution) -> str:
    return str(open_webui_events(attribution)[0]["data"]["content"])


def test_marks_and_a_citation_for_each_number() -> None:
    replaced, first, second, third = open_webui_events(sample())
    assert replaced == {
        "type": "replace",
        "data": {
            "content": "The pier opened in 1962. [1][2] It is long. [3] It was painted by Ada. "
            "Water is wet."
        },
    }
    link = "https://example.org/pier?a=1&b=2"
    assert first == {
        "type": "citation",
        "data": {
            "source": {"name": "Pier history", "url": link},
            "document": ["The pier opened in 1962."],
            "metadata": [{"source": "attribot-1", "name": "Pier history", "source_url": link}],
        },
    }
    assert second["data"]["source"] == {"name": "Guide"}
    assert third["data"]["metadata"] == [{"source": "attribot-3", "name": "survey.pdf"}]


def test_relevance_is_what_a_verifier_says() -> None:
    found = [event["data"]["distances"] for event in open_webui_events(weighed())[1:]]
    assert found == [[0.94], [0.91], [0.0625], [0.875]]
    assert not [event for event in open_webui_events(sample()) if "distances" in event["data"]]
    unasked = tuple(replace(each, states=None) for each in weighed().citations[:1])
    mixed = replace(weighed(), citations=(*unasked, *weighed().citations[1:]))
    assert not [event for event in open_webui_events(mixed) if "distances" in event["data"]]


def test_passages_of_one_chunk_are_one_citation() -> None:
    made = make_attribution("Q", ["It is 900. It is old."], "It is 900 and old.")
    other = replace(made.citations[0], source_id=1, chunk_start=11, chunk_end=21, text="It is old.")
    _, event = open_webui_events(replace(made, citations=(*made.citations, other)))
    assert event["data"]["document"] == ["It is 900.", "It is old."]
    assert [each["source"] for each in event["data"]["metadata"]] == ["attribot-1"] * 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It is 900.[2] Yes.", r"It is 900. [1]\[2] Yes."),
        ("See `a[0]`: it is 900. Yes.", "See `a[0]`: it is 900. [1] Yes."),
        ("```\nx[1] = 900\n```\nYes.", "```\nx[1] = 900\n``` [1]\nYes."),
        ("It is 👍 900. Yes.", "It is 👍 900. [1] Yes."),
        ("It is \ud800 900. Yes.", "It is \ufffd 900. [1] Yes."),
    ],
)
def test_only_our_marks_are_marks(answer: str, expected: str) -> None:
    assert content(make_attribution("Q", ["It is 900."], answer)) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_retrieved_text_is_shown_as_it_is(text: str) -> None:
    for event in open_webui_events(hostile(text))[1:]:
        known: dict[str, Any] = event["data"]["metadata"][0]
        assert set(known) <= {"source", "name", "source_url"}
        assert known["source"].startswith("attribot-")
        for document in event["data"]["document"]:
            shown = Shown(READERS["GitHub's cmark-gfm"](document))
            assert shown.tags <= {"p", "br"}
