"""Pages in HTML."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.html_pages import page_blocks
from attribot_integrations.context.formats.markdown_blocks import Heading


def found(text: str) -> list[str | tuple[int, str]]:
    return [
        (node.level, text[slice(*span)]) if isinstance(node, Heading) else text[slice(*span)]
        for span, node in page_blocks(text)
    ]


def test_headings_and_tags() -> None:
    text = "<!DOCTYPE html>\n<body>\n<h1 id='a'>A <b>b</b></h1><P class=x>One &lt;p>.</P>\n</body>"
    assert found(text) == [
        *("<!DOCTYPE html>", "<body>", (1, "<h1 id='a'>A <b>b</b></h1>"), "<P class=x>", "</P>"),
        "</body>",
    ]
    assert found("One.</p><p>Two.</p>\n<h2>B</h2> Three.</div>") == [
        *("</p>", "<p>", "</p>", (2, "<h2>B</h2>"), "</div>"),
    ]
    assert found("<h1>A<h2>B</h2></h1>") == ["<h1>", (2, "<h2>B</h2>"), "</h1>"]


@pytest.mark.parametrize(
    "text",
    ["Write <p> and </p> around it.", "<p>One.", "a < b </ c", "<b>One.</b> Two.", "", "</"],
)
def test_what_is_no_page(text: str) -> None:
    assert page_blocks(text) == []


def test_hostile_text_takes_little_time() -> None:
    for text in ("<h1>" * 30_000, "<p " * 30_000, f"<p>{'<h1>a</h2>' * 10_000}", "</p" * 30_000):
        page_blocks(text)
