"""The element in a real browser, under a content security policy without inline anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.render import answer_data, answer_element
from attribot_integrations.render.text import visible
from attribot_integrations.results import Attribution
from tests.integrations.front_ends.browsing import serve_element, show
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import ANSWER, HOSTILE, hostile, many, sample, weighed

pytestmark = pytest.mark.slow

ELEMENT = "attribot-answer"


def opened(page: Any, attribution: Attribution) -> list[str]:
    wrong = serve_element(page)
    show(page, attribution.to_dict(offsets="utf-16"))
    return wrong


def focused(page: Any) -> str:
    """The text of what has the focus in the element."""
    code = "document.querySelector('attribot-answer').shadowRoot.activeElement?.textContent ?? ''"
    return str(page.evaluate(code))


def eventually(page: Any, seen: Callable[[], bool]) -> None:
    """Wait for what takes a moment, such as scrolling; a strict policy keeps the page's own waiting
    from being used."""
    for _ in range(300):
        if seen():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never was")


def inside(box: dict[str, float]) -> bool:
    return box["y"] >= 0 and box["y"] + box["height"] <= 700


def test_answer_marks_labels_and_sources(page: Any) -> None:
    wrong = opened(page, weighed())
    answer = page.locator(".answer")
    assert answer.inner_text() == (
        "The pier opened in 1962. [1] or [2] It is long. [3] depends on [3], which does not seem "
        "to state it It was painted by Ada. not supported Water is wet. [4] known to the "
        "model anyway; stated in [4]"
    )
    assert page.locator(".source .name").all_inner_texts() == [
        "1\nPier history",
        "2\nGuide",
        "3\nsurvey.pdf",
        "4\nchunk 4",
    ]
    assert page.locator("mark").first.inner_text() == "The pier opened in 1962."
    link = page.locator(".source a")
    assert link.get_attribute("href") == "https://example.org/pier?a=1&b=2"
    assert link.get_attribute("rel") == "noopener noreferrer nofollow"
    unsupported = page.locator(".answer .label").get_attribute("title")
    assert unsupported == "unlikely even with the sources at hand; supported with 13 %"
    assert page.locator(".footer").inner_text().startswith("Nats: how much less likely")
    assert wrong == []


def test_what_the_page_needs_is_enough(page: Any) -> None:
    serve_element(page)
    shown = []
    for data in (weighed().to_dict(offsets="utf-16"), answer_data(weighed())):
        show(page, data)
        shown.append(page.locator(".page").inner_text())
    assert shown[0] == shown[1]


def test_pointing_at_a_mark_shows_what_it_cites_and_escape_closes_it(page: Any) -> None:
    wrong = opened(page, weighed())
    card = page.locator(".card")
    assert not card.is_visible()
    page.get_by_label("Citation 1").hover()
    assert card.inner_text().splitlines() == [
        "Pier history",
        "The pier opened in 1962.",
        "depends and states · 0.25 nats lost without it (exact) · stated .94 · either [1] or [2] "
        "is enough · 9.00 nats from it alone · these 2 sources together carry 96 % of it",
    ]
    box, mark = card.bounding_box(), page.get_by_label("Citation 1").bounding_box()
    assert 0 <= box["y"] - (mark["y"] + mark["height"]) < 12
    card.hover()  # it stays while the pointer is on it
    page.wait_for_timeout(400)
    assert card.is_visible()
    page.mouse.move(5, 600)
    card.wait_for(state="hidden")
    page.get_by_label("Citation 3").focus()
    assert card.is_visible()
    page.keyboard.press("Escape")
    assert not card.is_visible()
    page.get_by_label("Citation 4").focus()
    assert "states · +0.02 nats lost without it (exact) · stated .88" in card.inner_text()
    assert wrong == []


def test_a_click_shows_the_passage_and_escape_leads_back(page: Any) -> None:
    chunk = Chunk(f"{'Nothing here. ' * 200}It measures 900 metres. {'Nothing. ' * 200}")
    made = make_attribution("How long?", [chunk], "It is 900 metres long.")
    source = next(each for each in made.sources if each.text == "It measures 900 metres.")
    cited = replace(
        made.citations[0],
        source_id=source.id,
        chunk_start=source.start,
        chunk_end=source.end,
        text=source.text,
    )
    wrong = opened(page, replace(made, citations=(cited,)))
    whole = page.locator(".source details")
    assert whole.get_attribute("open") is None
    page.get_by_label("Citation 1").click()
    assert whole.get_attribute("open") is not None
    passage = page.locator("mark.chosen")
    assert passage.inner_text() == "It measures 900 metres."
    eventually(page, lambda: inside(passage.bounding_box()))
    assert "It measures 900 metres." in focused(page)
    page.keyboard.press("Escape")
    assert focused(page) == "[1]"
    assert wrong == []


def test_the_keyboard_reaches_all(page: Any) -> None:
    opened(page, weighed())
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached == ["[1]", "[2]", "[3]", "[4]", "Pier history"]
    page.get_by_label("Citation 3").focus()
    page.keyboard.press("Enter")
    assert page.locator("mark.chosen").inner_text() == "It measures 900 metres."


def test_a_page_can_show_the_passage_itself(page: Any) -> None:
    opened(page, sample())
    page.evaluate(
        "document.addEventListener('attribot-source', (event) => {"
        " event.preventDefault(); window.told = event.detail })"
    )
    page.get_by_label("Citation 3").click()
    told = page.evaluate("window.told")
    assert told["citation"]["text"] == "It measures 900 metres."
    assert told["chunk"]["metadata"] == {"source": "survey.pdf"}
    assert page.locator(".chosen").count() == 0


def test_text_is_shown_while_it_is_written(page: Any) -> None:
    wrong = serve_element(page)
    page.evaluate(
        "for (const piece of ['The pier ', '<b>opened</b>'])"
        " document.querySelector('attribot-answer').answer += piece"
    )
    answer = page.locator(".answer")
    assert answer.inner_text() == "The pier <b>opened</b>"
    assert answer.get_attribute("aria-busy") == "true"
    show(page, sample().to_dict(offsets="utf-16"))
    assert answer.get_attribute("aria-busy") is None
    assert page.evaluate("document.querySelector('attribot-answer').answer") == ANSWER
    assert wrong == []


def test_all_is_printed(page: Any) -> None:
    opened(page, sample())
    others = page.locator(".others, .others details")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert {each.get_attribute("open") for each in others.all()} == {""}
    page.emulate_media(media="print")
    page.get_by_label("Citation 1").hover()
    assert not page.locator(".card").is_visible()
    page.evaluate("document.querySelector('attribot-answer').setAttribute('theme', 'dark')")
    ink = page.locator(".page").evaluate("node => getComputedStyle(node).color")
    assert ink == "rgb(27, 31, 35)"  # paper is white
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert {each.get_attribute("open") for each in others.all()} == {None}


def test_colours_follow_the_text_around(page: Any) -> None:
    """Many pages are dark without telling the browser."""
    serve_element(page)
    seen = []
    for colour in ("white", "black"):
        page.evaluate("colour => document.querySelector('main').style.color = colour", colour)
        show(page, sample().to_dict(offsets="utf-16"))
        seen.append(page.locator(".page").evaluate("node => getComputedStyle(node).color"))
    assert seen == ["rgb(232, 234, 237)", "rgb(27, 31, 35)"]
    page.evaluate("document.querySelector('attribot-answer').setAttribute('theme', 'dark')")
    assert page.locator(".page").evaluate("node => getComputedStyle(node).color") == seen[0]


def test_it_takes_json_in_its_html(page: Any) -> None:
    wrong = serve_element(page)
    page.evaluate(
        "html => document.querySelector('main').innerHTML = html", answer_element(sample())
    )
    assert page.locator(".chip").all_inner_texts() == ["[1]", "[2]", "[3]"]
    assert wrong == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(page: Any, text: str) -> None:
    wrong = opened(page, hostile(text))
    seen = page.locator(".answer").evaluate("node => node.textContent")
    characters = iter(seen)  # with marks between statements
    assert all(each in characters for each in "".join(visible(text).replace("\ufffd", "").split()))
    found = page.evaluate(
        "[...document.querySelector('attribot-answer').shadowRoot.querySelectorAll('*')]"
        ".map((each) => each.localName)"
    )
    assert not {"script", "style", "img", "svg", "b", "i", "iframe"} & {*found}
    links = page.locator("a").evaluate_all("all => all.map((each) => each.protocol)")
    assert {*links} <= {"https:", "http:"}
    assert wrong == []


def test_offsets_in_characters_are_refused(page: Any) -> None:
    serve_element(page)
    with pytest.raises(Exception, match="offsets must count UTF-16 units"):
        show(page, sample().to_dict())


def test_many_sources_stay_usable(page: Any) -> None:
    opened(page, many(500))
    assert (
        page.locator(".others summary").first.inner_text().startswith("Also retrieved, not cited")
    )
    page.locator(".others > summary").click()
    assert page.locator(".others .source").count() == 499
