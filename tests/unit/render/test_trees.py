"""Traces as trees."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render import terminal_view
from attribot_integrations.render.trees import NOTHING_BELOW, led_through
from attribot_integrations.results import Attribution
from attribot_integrations.results.composing import led_on
from tests.unit.render.reading import Page
from tests.unit.render.samples import HOSTILE
from tests.unit.results.test_hops import CHUNKS, attribute, three_hops, two_hops


def test_text_of_one_hop() -> None:
    made = attribute("Ada is 90, Cleo 8.", *CHUNKS)
    assert str(made.trace(0)).splitlines() == [
        "Ada is 90, Cleo 8.",
        "├─ 50 % [1] chunk 1: Ada is 90.",
        "└─ 50 % [2] chunk 2: Cleo is 8.",
    ]


def test_text_of_several_hops() -> None:
    assert three_hops().trace(0).to_text().splitlines() == [
        "Cleo is 8, Dora 5.",
        "├─ 67 % intermediate answer 2: Say Cleo 8, Dora 5.",
        "│  ├─ 50 % [2] chunk 3: Dora is 5. (≈ 33 % of the statement)",
        "│  └─ 50 % intermediate answer 1: Cleo has 8.",
        "│     └─ 100 % [1] chunk 2: Cleo is 8. (≈ 33 % of the statement)",
        "└─ 33 % intermediate answer 1: Cleo has 8.",
        "   └─ 100 % [1] chunk 2: Cleo is 8. (≈ 33 % of the statement)",
        "The strongest way to a passage carries ≈ 33 % of the statement; its weakest link, 50 %, "
        "is [2] chunk 3.",
        "≈: shares of up to 3 hops multiplied, which is an approximation.",
    ]


def ended() -> Attribution:
    inner = attribute("Zoe: 3.", *CHUNKS)
    last = attribute("Zoe is 3, Ada 90.", CHUNKS[0], Chunk("Zoe: 3."))
    return led_on(last, CHUNKS, [0, None], {1: inner})


def test_ends_copies_and_what_is_left_out_are_told() -> None:
    lines = ended().trace(0).to_text().splitlines()
    end = f"intermediate answer 1: Zoe: 3. (unsupported; {NOTHING_BELOW})"
    assert any(line.endswith(end) for line in lines)
    made = attribute("Ada 90 and 90, Cleo 8.", *CHUNKS)
    assert made.trace(0, least=0.5).to_text().splitlines()[1:] == [
        "├─ 60 % [1] chunk 1: Ada is 90.",
        "└─ 1 more, of small shares",
    ]
    assert made.trace(0, least=0.9).to_text().endswith("No source carries enough of it.")
    copied = replace(two_hops(), hops=(replace(two_hops().hops[0], basis="copied"),))
    assert "100 % copied from intermediate answer 1: Cleo: 8." in str(copied.trace(0))
    denied = attribute("Zoe is 3.", *CHUNKS).trace(0)
    assert str(denied) == "Zoe is 3. (unsupported)\nNo source is cited."


def test_html_opens_and_closes_without_a_script() -> None:
    page = Page(three_hops().trace(0).to_html())
    assert len(page.all("details")) == 4  # the statement, and each place of a step
    assert all("open" in each for each in page.all("details"))
    assert not page.all("script")
    assert "intermediate answer 2" in page.texts["strong"]
    assert "Dora is 5." in page.texts["q"]


def test_answers_that_steps_led_to_show_their_trees() -> None:
    made = two_hops()
    assert [trace.text for trace in led_through(made)] == ["Cleo is 8."]
    shown = io.StringIO()
    Console(file=shown, width=100).print(terminal_view(made))
    assert "└─ 100 % intermediate answer 1: Cleo: 8." in shown.getvalue()
    assert "The way to the sources, through what models wrote before" in made.to_html()
    plain = attribute("Ada is 90.", *CHUNKS)
    assert led_through(plain) == []
    assert "The way to the sources" not in plain.to_html()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    made = two_hops()
    step = replace(made.steps[0], hops=tuple(replace(e, text=text) for e in made.steps[0].hops))
    chunks = tuple(replace(each, metadata={"title": text}) for each in made.chunks)
    hops = tuple(replace(each, text=text) for each in made.hops)
    trace = replace(made, chunks=chunks, steps=(step,), hops=hops).trace(0)
    page, plain = Page(trace.to_html()), Page(made.trace(0).to_html())
    assert page.elements == plain.elements
    lines = trace.to_text().splitlines()
    assert len(lines) == len(made.trace(0).to_text().splitlines())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", trace.to_text())


def test_a_theme_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match="theme must be one of"):
        two_hops().trace(0).to_html(theme="blue")  # type: ignore[arg-type]
