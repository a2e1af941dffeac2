"""Attributions as Markdown; what comes from texts must stay text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.markdown import MarkdownStyle
from attribot_integrations.render.text import visible
from attribot_integrations.results.support import Support
from tests.unit.attributions import make_attribution
from tests.unit.render.readers import READERS, SITES, Shown
from tests.unit.render.samples import HOSTILE, hostile, sample

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXT = {"text", "text_special", "softbreak", "hardbreak", "paragraph_open", "paragraph_close"}
OURS = {
    "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
    "strong_open", "strong_close", "em_open", "em_close", "link_open", "link_close",
}  # fmt: skip


def tokens(markdown: str) -> Iterator[Token]:
    for token in READER.parse(markdown):
        if token.type == "inline":
            yield from token.children or ()
        else:
            yield token


def links(markdown: str) -> list[str]:
    return [
        str(token.attrs["href"]) for token in tokens(markdown) if token.type == "link_open"
    ]  # fmt: skip


def test_list_of_sources() -> None:
    assert sample().to_markdown().split("\n\n") == [
        r"The pier opened in 1962. \[1] or \[2] It is long. \[3] It was painted by Ada. "
        "*(unsupported)* Water is wet. *(parametric)*",
        "**Sources**",
        "- \\[1] [Pier history](<https://example.org/pier?a=1&amp;b=2"
        "#:~:text=The%20pier%20opened%20in%201962.>): "
        "“The pier opened in 1962.”\n"
        "- \\[2] Guide: “Since 1962 people use the pier.”\n"
        "- \\[3] survey\\.\u2060pdf: “It measures 900 metres.” (approximate)",
    ]
    assert links(sample().to_markdown()) == [
        "https://example.org/pier?a=1&b=2#:~:text=The%20pier%20opened%20in%201962."
    ]


def test_footnotes() -> None:
    answer, *notes = sample().to_markdown(style="footnotes").split("\n\n")
    assert answer.startswith("The pier opened in 1962. [^1] or [^2] It is long. [^3] It was")
    assert [note[:6] for note in notes] == ["[^1]: ", "[^2]: ", "[^3]: "]


def test_sentences_of_one_chunk_are_quoted_together_and_once() -> None:
    made = make_attribution("Q", ["First one. Second one."], "B. C.")
    (first,) = made.citations
    cited = (first, replace(first, source_id=1), replace(first, statement_index=1))
    markdown = replace(made, citations=cited).to_markdown()
    assert "chunk 1: “First one.” … “Second one.”" in markdown
    assert markdown.count("First one.") == 1


def test_answer_without_citations_has_no_sources() -> None:
    assert make_attribution("Q", ["A."], "B.", score=0.0).to_markdown() == "B."


def test_unknown_style() -> None:
    with pytest.raises(ConfigurationError, match=r"one of \['list', 'footnotes'\], got 'html'"):
        sample().to_markdown(style="html")  # type: ignore[arg-type]


@pytest.mark.parametrize("style", ["list", "footnotes"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, style: MarkdownStyle) -> None:
    markdown = hostile(text).to_markdown(style=style)
    assert {token.type for token in tokens(markdown)} <= TEXT | OURS
    assert all(link.startswith("https://example.org/") for link in links(markdown))
    assert not {c for c in markdown if not c.isprintable()} - set("\n\t\u00a0\u2060")
    markdown.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_addresses_of_hostile_chunks_are_the_only_links(text: str) -> None:
    chunk = Chunk("A.", metadata={"url": f"https://example.org/{text}", "title": text})
    for link in links(make_attribution("Q", [chunk], "B.").to_markdown()):
        assert link.startswith("https://example.org/")
        assert not set('<>"`\\ ') & set(link)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_reader_makes_more_than_our_own_elements(text: str, reader: str) -> None:
    shown = Shown(READERS[reader](hostile(text).to_markdown()))
    assert shown.tags <= {"p", "br", "ul", "li", "strong", "em", "a"}
    assert all(address.startswith("https://example.org/") for address in shown.addresses)
    characters = iter("".join(shown.words))  # with marks between statements
    assert all(each in characters for each in "".join(f"Answer {visible(text)}".split()))
    for line in shown.text.split("\n"):
        assert not [site for site, find in SITES.items() if find(line)]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_reader_makes_more_than_footnotes(text: str, reader: str) -> None:
    shown = Shown(READERS[reader](hostile(text).to_markdown(style="footnotes")))
    assert shown.tags <= {"p", "br", "em", "a", "sup", "section", "div", "ol", "li", "hr"}
    outside = [address for address in shown.addresses if not address.startswith("#")]
    assert all(address.startswith("https://example.org/") for address in outside)


def test_labels_are_emphasis_where_no_space_parts_statements() -> None:
    made = make_attribution("Q", ["A."], "对。是。")
    first, second = made.statements
    support = (Support(0, "parametric", -1.0, -1.0), Support(1, "unsupported", -9.0, -9.0))
    shown = Shown(READERS["CommonMark"](replace(made, support=support).to_markdown()))
    assert first.end == second.start
    assert [tag for tag, _ in shown.elements] == ["p", "em", "em"]


def test_an_address_over_a_border_of_statements_is_no_link() -> None:
    made = make_attribution("Q", ["A."], "example.com")
    whole = made.statements[0]
    parts = (
        replace(whole, end=8, text="example."),
        replace(whole, index=1, start=8, text="com"),
    )
    markdown = replace(made, statements=parts, citations=()).to_markdown()
    for reader in READERS.values():
        assert Shown(reader(markdown)).tags == {"p"}


MARKUP = "A **bold** word.\n\n```python\nprint(1)\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_markup_of_the_answer_can_be_kept() -> None:
    made = make_attribution("Q", ["C."], MARKUP)
    (first,) = made.citations
    cited = tuple(replace(first, statement_index=each.index) for each in made.statements)
    markdown = replace(made, citations=cited).to_markdown(keep_markup=True)
    kinds = {token.type for token in tokens(markdown)}
    assert {"strong_open", "fence", "table_open"} <= kinds
    (fence,) = (token for token in tokens(markdown) if token.type == "fence")
    assert fence.content == "print(1)\n"
    assert r"| 1 | 2 \[1] |" in markdown
    assert r"word. \[1]" in markdown


def test_code_that_was_cut_off_does_not_swallow_the_sources() -> None:
    markdown = make_attribution("Q", ["C."], "```\ncode").to_markdown(keep_markup=True)
    assert markdown.startswith("```\ncode\n```\n\n\\[1]\n\n**Sources**")


@pytest.mark.parametrize("text", HOSTILE)
def test_chunks_are_escaped_beside_kept_markup(text: str) -> None:
    chunk = Chunk(f"A {text}", metadata={"title": text})
    markdown = make_attribution("Q", [chunk], "B.").to_markdown(keep_markup=True)
    assert {token.type for token in tokens(markdown)} <= TEXT | OURS - {"link_open"}
