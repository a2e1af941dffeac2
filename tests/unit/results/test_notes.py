"""What readers are told beside the citations, and that every output tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.render.highlights import gradio_highlights, streamlit_html
from attribot_integrations.render.terminal import terminal_view
from attribot_integrations.render.tracing import evaluation_events
from attribot_integrations.results import Attribution
from attribot_integrations.results.support import Support
from tests.unit.render.readers import JOINER, READERS, Shown
from tests.unit.render.samples import sample
from tests.unit.render.test_terminal import show

UNLOCATED = (
    "Not scored, no place of their own in the prompt: chunk 2 (not_found), chunk 4 (overlapping)."
)
STOPPED = "Ended early: max_seconds=2 reached after 1 of 4 sources were rescored."
UNJUDGED = "Not judged, statement 1, statement 3: too short."


def told() -> Attribution:
    made = sample()
    first, third = (Support(place, "unknown", 0.0, 0.0, reason="too short") for place in (0, 2))
    return replace(
        made,
        stopped="max_seconds=2 reached after 1 of 4 sources were rescored",
        support=(first, made.support[1], third),
        locations=(
            ChunkLocation(0, "found", ((0, 0, 5),)),
            ChunkLocation(1, "not_found"),
            ChunkLocation(2, "repeated", ((0, 5, 9),)),
            ChunkLocation(3, "overlapping"),
        ),
    )


def test_notes() -> None:
    assert told().notes == (STOPPED, UNLOCATED, UNJUDGED)
    assert sample().notes == ()


OUTPUTS: dict[str, Callable[[Attribution], str]] = {
    "text": Attribution.to_text,
    "print": str,
    "markdown": lambda made: Shown(READERS["CommonMark"](made.to_markdown())).text,
    "html": lambda made: Shown(made.to_html()).text,
    "notebook": lambda made: Shown(made._repr_html_()).text,
    "terminal": lambda made: show(terminal_view(made), width=200),
    "gradio": lambda made: "{text} {entities}".format(**gradio_highlights(made)),
    "streamlit": lambda made: Shown(streamlit_html(made)).text,
    "json": Attribution.to_json,
    "utf-16": lambda made: json.dumps(made.to_dict(offsets="utf-16")),
    "openinference": lambda made: str(made.to_openinference()),
    "events": lambda made: str(evaluation_events(made)),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_every_output_tells_them(output: Callable[[Attribution], str]) -> None:
    seen = output(told()).replace(JOINER, "")
    for note in told().notes:
        assert note in seen
    assert "unknown" in seen
    plain = output(sample()).replace(JOINER, "")
    assert "Not scored" not in plain
    assert "Not judged" not in plain
    assert "Ended early" not in plain


def test_old_json_has_no_reasons() -> None:
    data = sample().to_dict()
    del data["notes"]
    for support in data["support"]:
        del support["reason"]
    again = Attribution.from_json(json.dumps(data))
    assert again.support == sample().support
    assert Attribution.from_json(told().to_json()).notes == told().notes
