"""Escaped text is text in every Markdown reader, and on sites that look for addresses and names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.render.escaping import escape_inline, escape_markdown
from attribot_integrations.render.text import visible
from tests.properties.strategies import texts
from tests.unit.render.readers import JOINER, OBSIDIAN, READERS, SITES, Shown
from tests.unit.render.samples import HOSTILE

LIVE = {
    "markdown-it with linkify": ("see example.com", "git@github.com", "//evil.com/x", "<b>x</b>"),
    "markdown-it with plugins": ("Term\n: x", "a[^1]\n\n[^1]: x", "- [ ] x", "$x$", "\\[x\\]"),
    "MyST": ("(x)=\n\ny", "% hidden", "{role}`x`", "+++"),
    "GitHub's cmark-gfm": ("www.1.example.com", "a\\@example.com", "mailto:a@example.com", "~x~"),
    "mistune": ("==x==", "^^x^^", "H~2~O", ">!x!<", "Term\n: x", "https://evil.com", "$x$"),
    "Python-Markdown": ("[[x]]", "!!! note\n    x", "x\n{: #i}", "Term\n: x", "*[A]: b\n\nA"),
    "PyMdown": ("==x==", "++ctrl+c++", "{++x++}", "a@example.com", "??? x\n    y", ":smile:"),
}
"""What means something to a reader, as long as it is not escaped."""
LIVE_ON_SITES = {
    "linkify": "example.com //8.8.8.8 a@example.com http://localhost évil.рф",
    "mention": "(@user)",
    "emoji": "x:smile:",
    "issue": "GH-12 #12",
    "tag": "#a/b",
}
LIVE_IN_OBSIDIAN = {
    "wikilink": "![[x]]",
    "highlight": "==x==",
    "comment": "%%x%%",
    "block id": "x ^id",
    "tag": "#x",
    "math": "$x$",
}
PIECES = (
    *[piece for pieces in LIVE.values() for piece in pieces],
    *LIVE_ON_SITES.values(),
    *LIVE_IN_OBSIDIAN.values(),
    *("\\", "\\(", "\\)", "&#64;", "&amp;", "a. x", "(1) x", "i) x", "\n---\n", "\n===\n", "|---|"),
    *("www.", ".com", "http:", "mailto:", "@", "#", ":", "/", "//", "e\u0301", "👩‍👩‍👧", "8.8.8.8"),
)
MARKS = st.text("`*_{}[]()<>#+-.!|~^=%$&:;/@?,\\\"'109abciwxé \n\t", max_size=12)


def problems(text: str) -> Iterator[str]:
    """Say what is live in an escaped text, or shown otherwise than it is."""
    escaped = escape_markdown(text)
    for name, reader in READERS.items():
        shown = Shown(reader(escaped))
        if shown.tags - {"p", "br"}:
            yield f"{name} makes {sorted(shown.tags)}"
        if shown.words != visible(text).split():
            yield f"{name} shows {shown.words}"
        lines = shown.text.split("\n")
        yield from (f"{site} in {name}" for site, find in SITES.items() if any(map(find, lines)))
    yield from (f"{name} in Obsidian" for name, live in OBSIDIAN.items() if live.search(escaped))


@pytest.mark.parametrize(
    ("reader", "text"), [(reader, text) for reader, texts in LIVE.items() for text in texts]
)
def test_readers_see_markup_in_text_that_is_not_escaped(reader: str, text: str) -> None:
    shown = Shown(READERS[reader](text))
    assert shown.tags - {"p", "br"} or shown.words != text.split()


def test_sites_see_addresses_in_text_that_is_not_escaped() -> None:
    assert SITES.keys() == LIVE_ON_SITES.keys()
    assert all(SITES[name](text) for name, text in LIVE_ON_SITES.items())
    assert OBSIDIAN.keys() == LIVE_IN_OBSIDIAN.keys()
    assert all(OBSIDIAN[name].search(text) for name, text in LIVE_IN_OBSIDIAN.items())


@pytest.mark.parametrize("text", [*PIECES, *HOSTILE])
def test_nothing_is_live_in_escaped_text(text: str) -> None:
    assert not [*problems(text)]
    assert not [*problems(f"before {text} behind\n{text}")]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES) | MARKS | texts(max_pieces=3), max_size=5).map("".join))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert not [*problems(text)]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("It costs 3.50, or 50 %. Why not?", "It costs 3.50, or 50 %. Why not?"),
        ("At 12:30 (sharp), e-mail + chat = fine!", "At 12:30 (sharp), e-mail + chat = fine!"),
        ("snake_case", r"snake\_case"),
        ("a@b.com", f"a&#64;{JOINER}b\\.{JOINER}com"),
    ],
)
def test_plain_text_stays_readable_in_the_source(text: str, escaped: str) -> None:
    assert escape_inline(text) == escaped


def test_lines_and_indents_are_kept() -> None:
    assert escape_markdown("\n a\n\tb\n\n- c  \n1. d") == (
        "\u00a0a  \n\u00a0\u00a0\u00a0\u00a0b\n\n\\- c  \n1\\. d"
    )
