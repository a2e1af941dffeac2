"""The forms that Gradio and Streamlit take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from attribot_integrations.render.evidence import carried_lines
from attribot_integrations.render.highlights import gradio_colors, gradio_highlights, streamlit_html
from attribot_integrations.render.text import visible
from attribot_integrations.results import Attribution
from tests.properties.strategies import attributions
from tests.unit.render.reading import Page
from tests.unit.render.samples import ANSWER, HOSTILE, hostile, sample, weighed
from tests.unit.results.test_remarks import NOT_STATED


def test_statements_are_gradios_entities() -> None:
    shown = gradio_highlights(sample())
    assert shown["text"] == ANSWER
    named = [(one["entity"], ANSWER[one["start"] : one["end"]]) for one in shown["entities"]]
    assert named == [
        ("[1|2]", "The pier opened in 1962."),
        ("[3] ≈", "It is long."),
        ("unsupported", "It was painted by Ada."),
        ("parametric", "Water is wet."),
    ]


def test_colours_tell_what_is_cited_from_what_is_doubted() -> None:
    colors = gradio_colors(gradio_highlights(sample()))
    assert colors["[1|2]"] == colors["[3] ≈"] == "green"
    assert len({colors["[1|2]"], colors["unsupported"], colors["parametric"]}) == 3
    doubted = gradio_colors(gradio_highlights(weighed()))
    assert [name for name, color in doubted.items() if color == colors["unsupported"]] == [
        f"[3] ≈ depends, stated .06 ({NOT_STATED})",
        "unsupported",
    ]


def test_statements_without_citation_and_label_are_none() -> None:
    assert gradio_highlights(replace(sample(), citations=(), support=()))["entities"] == []


@settings(max_examples=25, deadline=None, derandomize=True)
@given(attributions())
def test_offsets_are_those_of_the_statements(attribution: Attribution) -> None:
    shown = gradio_highlights(attribution)
    named = [entity for entity in shown["entities"] if entity["entity"] != "note"]
    spans = {(entity["start"], entity["end"]) for entity in named}
    assert spans <= {(each.start, each.end) for each in attribution.statements}
    assert len(attribution.notes) == 1
    marked = [*(each.text for each in attribution.statements if named), *carried_lines(attribution)]
    marked += attribution.notes
    for entity, text in zip(shown["entities"], marked, strict=True):
        assert shown["text"][entity["start"] : entity["end"]] == visible(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_streamlit_gets_a_fragment(text: str) -> None:
    html = streamlit_html(hostile(text), theme="dark")
    assert Page(html).all("article")[0]["class"] == "attribot attribot-dark"
    assert html.startswith("<style>")
