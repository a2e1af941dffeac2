"""Attributions as HTML: what is there, what must never be, colours, size."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import replace
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.html import html_fragment, html_page
from attribot_integrations.render.html_sources import LEVELS
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.text import visible
from attribot_integrations.results import Attribution, Support
from tests.properties.strategies import attributions
from tests.unit.attributions import make_attribution
from tests.unit.render.reading import Page
from tests.unit.render.samples import ANSWER, HOSTILE, hostile, many, sample, weighed
from tests.unit.results.test_remarks import KNOWN, NOT_STATED

CSS = files("attribot_integrations.render").joinpath("templates/citations.css").read_text("utf-8")


def check_addresses(page: Page) -> None:
    """Links lead to web addresses or to a place in the page that exists; ids are unique."""
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids
        else:
            assert re.match(r"https?://\w", link["href"], re.IGNORECASE)
            assert link["rel"] == "noopener noreferrer nofollow"
    for button in page.all("button"):
        assert button["popovertarget"] == button["interestfor"]
        assert button["popovertarget"] in ids


def words(text: str) -> list[str]:
    """The words of a text; numbers of lists and marks of Markdown are none."""
    return re.findall(r"[^\W\d_]+", text)


# What is there


def test_page() -> None:
    page = Page(sample().to_html())
    assert page.declarations == ["DOCTYPE html"]
    assert page.texts["title"] == ["When did the pier open?"]
    (policy,) = (one["content"] for one in page.all("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert page.all("html")[0]["lang"] == "en"
    check_addresses(page)


def test_fragment_is_what_notebooks_show() -> None:
    html = sample()._repr_html_()
    assert html == sample().to_html(page=False) == html_fragment(sample())
    page = Page(html)
    assert [tag for tag, _ in page.elements][:2] == ["style", "article"]
    check_addresses(page)


def test_answer_has_its_citations_and_labels() -> None:
    page = Page(html_fragment(sample()))
    (answer,) = page.texts["ab-answer"]
    for card in page.texts["ab-card"]:
        answer = answer.replace(card, "")
    assert answer.strip() == (
        "The pier opened in 1962. [1] or [2] It is long. [3] "
        "It was painted by Ada. not supported by what is cited · 12 % Water is wet. parametric"
    )
    assert page.texts["ab-statement"] == [statement.text for statement in sample().statements]
    (legend,) = page.texts["ab-legend"]
    assert re.findall(r"^\w+", legend, re.MULTILINE) == ["not", "parametric"]


def test_cards_say_what_a_citation_is_worth() -> None:
    page = Page(html_fragment(sample()))
    cards = [" ".join(card.split()) for card in page.texts["ab-card"]]
    assert cards[0] == (
        "Pier history The pier opened in 1962. 0.25 nats lost without it (exact) · 50% of the "
        "statement · either [1] or [2] is enough · 9.00 nats from it alone · in the sources"
    )
    assert cards[2].endswith(
        "6.00 nats lost without it (approximate) · 100% of the statement · in the sources"
    )
    assert [chip["aria-label"] for chip in page.classes("ab-chip")] == [
        "Citation 1",
        "Citation 2",
        "Citation 3",
    ]


def test_both_kinds_of_evidence() -> None:
    page = Page(html_fragment(weighed()))
    cards = [" ".join(card.split()) for card in page.texts["ab-card"]]
    assert cards[0].endswith(
        "depends and states · 0.25 nats lost without it (exact) · 50% of the statement · stated "
        ".94 · either [1] or [2] is enough · 9.00 nats from it alone · these 2 sources together "
        "carry 96 % of it · in the sources"
    )
    assert cards[3].endswith(
        "states · +0.02 nats lost without it (exact) · stated .88 · in the sources"
    )
    marks = page.all("button")
    assert [(chip["class"], chip["aria-label"]) for chip in marks] == [
        ("ab-chip", "Citation 1: depends and states"),
        ("ab-chip", "Citation 2: depends and states"),
        ("ab-chip ab-only-depends", "Citation 3: depends"),
        ("ab-chip ab-only-states", "Citation 4: states"),
    ]
    assert page.texts["ab-remark"] == [NOT_STATED, KNOWN]
    assert page.texts["ab-score"] == [
        "9.00 nats alone; stated .94",
        "8.00 nats alone; stated .91",
        "6.00 nats; stated .06",
        "0.02 nats; stated .88",
    ]
    labels, bases = page.texts["ab-legend"]
    assert re.findall(r"^\w+", labels, re.MULTILINE) == ["not"]
    assert re.findall(r"^\w+", bases, re.MULTILINE) == ["depends", "states"]
    assert "the verifier “lexical” finds the statement" in bases
    (together,) = page.texts["ab-together"]
    assert "Statement 1: these 2 sources together carry 96 % of it." in together
    check_addresses(page)


def test_a_hostile_verifier_is_inert() -> None:
    page = Page(replace(weighed(), verifier="<script>x</script>\x1b").to_html())
    assert not page.all("script")
    assert "<script>x</script>" in page.texts["ab-legend"][1]


def test_cards_are_popovers_which_browsers_hide_and_escape_closes() -> None:
    page = Page(html_fragment(sample()))
    assert [card["id"] for card in page.classes("ab-card") if card["popover"] == ""] == [
        button["popovertarget"] for button in page.all("button")
    ]
    assert not any("hidden" in attributes for _, attributes in page.elements)


def test_sources_are_shown_whole_with_their_sentences_highlighted() -> None:
    page = Page(html_fragment(sample()))
    assert page.texts["ab-text"][:3] == [
        "The pier opened in 1962. It is blue.",
        "Since 1962 people use the pier.",
        "It measures 900 metres. Bring a coat.",
    ]
    assert page.texts["ab-cited"] == [
        "The pier opened in 1962.",
        "Since 1962 people use the pier.",
        "It measures 900 metres.",
    ]
    levels = [mark["class"].split()[1] for mark in page.all("mark")]
    assert levels == ["ab-level-5", "ab-level-5", "ab-level-4"]
    assert page.texts["ab-score"] == [
        "9.00 nats alone",
        "8.00 nats alone",
        "6.00 nats",
        "0.00 nats",
    ]
    assert len(page.texts["ab-key"]) == len(LEVELS)


def test_links_of_sources() -> None:
    links = [one for one in Page(html_fragment(sample())).all("a") if one.get("target")]
    address = "https://example.org/pier?a=1&b=2"
    cited = f"{address}#:~:text=The%20pier%20opened%20in%201962."
    assert {link["href"] for link in links} == {address, cited}


def test_uncited_chunks_are_folded() -> None:
    page = Page(html_fragment(sample()))
    assert len(page.all("details")) == 2
    assert page.texts["summary"][0] == "Also retrieved, not cited · 1"


def test_what_was_said_and_is_not_cited_was_not_retrieved() -> None:
    made = sample()
    cited = {each.chunk_index for each in made.shown_citations}
    said = ConversationPart("user", 1, "user")
    chunks = [
        chunk if index in cited else replace(chunk, said=said)
        for index, chunk in enumerate(made.chunks)
    ]
    page = Page(html_fragment(replace(made, chunks=tuple(chunks))))
    assert page.texts["summary"][0] == "Also at hand, not cited · 1"


def test_chunks_of_the_same_text_are_shown_once() -> None:
    twins = [Chunk("One.", metadata={"title": title}) for title in ("First", "Second")]
    made = make_attribution("Q", twins, "A.")
    (first,) = made.citations
    cited = (first, replace(first, source_id=1, chunk_index=1))
    page = Page(html_fragment(replace(made, citations=cited)))
    assert page.texts["ab-same"] == ["the same text as Second"]
    assert page.texts["ab-text"] == ["One."]


def test_long_chunks_are_folded_around_the_cited_sentence() -> None:
    page = Page(html_fragment(make_attribution("Q", ["Cited. " + "Other text here. " * 60], "A.")))
    assert page.texts["ab-text"][0] == "Cited."
    assert page.texts["summary"] == ["Whole text (1,027 characters)"]
    assert page.texts["ab-text"][1].startswith("Cited. Other text here.")


def test_nothing_cited_nothing_labelled_and_not_located() -> None:
    made = replace(
        make_attribution("", ["A."], "B.", score=0.0),
        locations=(ChunkLocation(0, "not_found"),),
    )
    html = html_fragment(made)
    assert "No source is cited" in html
    assert "chunk 1 (not_found)." in html
    assert not {"ab-legend", "ab-question", "ab-label"} & set(Page(html).texts)


def test_several_results_on_one_page() -> None:
    page = Page(html_page([sample(), sample()], title="Two"))
    assert page.texts["title"] == ["Two"]
    assert len(page.all("article")) == 2
    assert len(page.all("style")) == 1
    check_addresses(page)


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_themes(theme: str) -> None:
    page = Page(html_page([sample()], theme=theme))  # type: ignore[arg-type]
    assert page.all("article")[0]["class"] == f"attribot attribot-{theme}"


def test_unknown_theme() -> None:
    with pytest.raises(ConfigurationError, match=r"theme must be one of .*, got 'pink'"):
        sample().to_html(theme="pink")  # type: ignore[arg-type]


# What must never be


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    html = hostile(text).to_html()
    page = Page(html)
    check_addresses(page)
    assert not {c for c in html if not c.isprintable()} - set("\n\t")
    html.encode()
    plain = replace(hostile(text), citations=(), support=())
    (answer,) = Page(plain.to_html()).texts["ab-answer"]
    assert words(answer) == words(visible(plain.answer))
    assert " ".join(visible(text).split()) in page.texts["ab-name"][0]
    assert len(page.all("style")) == 1


@settings(max_examples=25, deadline=None, derandomize=True)
@given(attributions())
def test_any_result_is_well_formed(attribution: Attribution) -> None:
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that no model gives
        page = Page(attribution.to_html())
    check_addresses(page)
    marks = [mark for each in marked_answer(attribution).passages for mark in each.marks]
    assert len(page.all("button")) == sum(len(mark.numbers) for mark in marks)
    cited = {citation.chunk_index for citation in attribution.citations}
    texts = {visible(attribution.chunks[index].text) for index in cited}
    assert texts <= set(page.texts["ab-text"])


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert not re.search(r"url\(|@import|expression\(", CSS)
    assert not re.search(r"\ssrc=|<link|<iframe|<object|<form", sample().to_html())


def test_the_answer_can_be_copied_as_it_is() -> None:
    unmarked = replace(sample(), citations=(), support=())
    (answer,) = Page(html_fragment(unmarked)).texts["ab-answer"]
    assert answer.strip() == ANSWER


# Colours and size


def luminance(color: str) -> float:
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


COLORS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--ab-([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", CSS)
}
ON = [
    *product(("ink", "quiet", "accent"), ("paper", "panel")),
    *product(("ink",), [f"level-{level}" for level in range(1, 6)]),
    *product(("doubt", "unclear"), ("paper",)),
    ("ink", "glow"),
    ("accent", "chip"),
]


@pytest.mark.parametrize(("ink", "paper"), ON)
@pytest.mark.parametrize("theme", [0, 1])
def test_contrast_is_readable(ink: str, paper: str, theme: int) -> None:
    assert contrast(COLORS[ink][theme], COLORS[paper][theme]) >= 4.5


def test_a_thousand_chunks() -> None:
    made = many(1000)
    start = time.thread_time()
    html = made.to_html()
    assert time.thread_time() - start < 10
    assert len(html) < 1_000_000
    page = Page(html)
    assert len(page.classes("ab-source")) == 1000
    # Everything that is not cited is behind one fold.
    assert page.texts["summary"][0] == "Also retrieved, not cited · 999"


def test_what_is_not_used_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from attribot_integrations.render import chunks, highlights, html, html_view, markdown\n"
        "from attribot_integrations.render import marks, plots, tracing, utf16\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "matplotlib", "opentelemetry", "jinja2", "pandas", "rich"}
    assert not set(run.stdout.split()) & heavy


# Markdown, parts and languages

MARKDOWN = """## Piers

It is **long** [1]. It was [painted](https://evil.example) by Ada.

- one
- two

| year |
| --- |
| 1963 |

```
<script>alert(1)</script>
```
"""


def labelled(answer: str) -> Attribution:
    made = make_attribution("Who?", ["Ada.", "Eve."], answer)
    support = [Support(each.index, "unsupported", -9.0, -9.0) for each in made.statements]
    return replace(made, support=tuple(support))


def test_markdown_is_shown_as_such_and_shape_has_no_label() -> None:
    page = Page(html_fragment(labelled(MARKDOWN)))
    tags = [tag for tag, _ in page.elements]
    for tag in ("h4", "strong", "ul", "table", "th", "td", "pre"):
        assert tag in tags
    assert page.texts["pre"] == ["<script>alert(1)</script>"]
    assert page.texts["ab-own"] == ["[1]"]
    assert "[painted](https://evil.example)" in page.texts["ab-answer"][0]
    assert not [link for link in page.all("a") if "evil" in link["href"]]
    behind = [text for unit in page.texts["ab-unit"] for text in [unit] if "not supported" in text]
    assert [text.split("not supported")[0].strip() for text in behind] == [
        "It is long [1].",
        "It was [painted](https://evil.example) by Ada.",
        "one",
        "two",
        "1963",
    ]


def test_an_app_that_shows_the_answer_itself_leaves_it_out() -> None:
    html = sample().to_html(page=False, parts=["sources"])
    page = Page(html)
    assert "ab-answer" not in page.texts
    assert "ab-question" not in page.texts
    assert "ab-footer" not in page.texts
    assert len(page.classes("ab-source")) == 4
    answer = Page(sample().to_html(page=False, parts=["answer"]))
    assert "ab-source" not in answer.texts
    assert answer.all("button")
    assert not [link for link in answer.all("a") if link["href"].startswith("#")]
    assert not set(page.ids()) & set(answer.ids())


def test_the_language_is_that_of_the_texts_and_ours_is_english() -> None:
    page = Page(weighed().to_html(lang="pt-BR"))
    assert page.all("html")[0]["lang"] == page.all("article")[0]["lang"] == "pt-BR"
    for name in ("ab-label", "ab-legend", "ab-heading", "ab-footer", "ab-score"):
        assert all(each["lang"] == "en" for each in page.classes(name) if "lang" in each)
        assert any("lang" in each for each in page.classes(name))
    assert "lang" not in Page(weighed().to_html()).classes("ab-footer")[0]


def test_chosen_metadata_is_shown_and_nothing_else_of_it() -> None:
    chunk = Chunk("One.", metadata={"source": "/srv/data/report.pdf", "author": "Ada"})
    made = make_attribution("Q", [chunk], "A.")
    assert "/srv/data" not in made.to_html()
    page = Page(made.to_html(metadata=["author", "source"]))
    assert page.texts["ab-metadata"] == ["author: Ada · source: /srv/data/report.pdf"] * 2


def test_print_opens_what_is_folded() -> None:
    rules = CSS.partition("@media print")[2]
    assert "details::details-content { content-visibility: visible" in rules
    assert CSS.count("content-visibility") == 1
