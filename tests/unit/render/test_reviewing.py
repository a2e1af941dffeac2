"""The review page as a file; `tests/integrations/test_pages.py` runs it in a browser."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render import review_page
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed


class Reading(HTMLParser):
    """Elements, and what stands in scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[str] = []
        self._inside = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag in ("script", "style")
        if self._inside:
            self.raw.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[-1] += data


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_the_policy_names_the_one_style_and_the_one_script() -> None:
    page = Reading(review_page([weighed()], title="Night"))
    style, data, script = page.raw
    policies = [each["content"] for tag, each in page.tags if each.get("http-equiv")]
    assert policies == [
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert json.loads(data)["answers"][0]["question"] == "When did the pier open?"


def test_the_script_puts_texts_in_as_text() -> None:
    script = Reading(review_page([sample()])).raw[-1]
    unsafe = r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp"
    assert not re.search(unsafe, script)
    assert not re.search(r"url\(|@import", Reading(review_page([sample()])).raw[0])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_make_no_elements(text: str) -> None:
    plain = [tag for tag, _ in Reading(review_page([sample()])).tags]
    page = Reading(review_page([hostile(text)], title=text))
    assert [tag for tag, _ in page.tags] == plain


def test_themes_and_metadata() -> None:
    assert 'class="theme-dark"' in review_page([sample()], theme="dark")
    assert "<title>Review of answers</title>" in review_page([])
    with pytest.raises(ConfigurationError, match="theme must be one of"):
        review_page([], theme="pink")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="metadata must be a list"):
        review_page([], metadata="page")
