"""Which addresses in metadata are links."""

from __future__ import annotations

import pytest

from attribot_integrations.context.links import web_link


@pytest.mark.parametrize(
    "link",
    [
        "http://example.org",
        "https://example.org:8080/a?b=c&d=[e]#f",
        "HTTPS://example.org/ü",
        "https://[::1]/",
    ],
)
def test_web_addresses_are_links(link: str) -> None:
    assert web_link({"url": link}) == link
    assert web_link({"url": 3, "link": "no", "source": link}) == link


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "https:alert(1)",
        "https://",
        "https:///path",
        "https:\\\\evil.example",
        "https://a\\@evil.example",
        "//evil.example",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://example.org",
        "vbscript:x",
        " https://example.org",
        "https://example.org/a b",
        "https://example.org/\u202e",
        "https://example.org/\x00",
        "https://[broken",
        "https://x\n](javascript:alert(1))",
        "",
    ],
)
def test_other_addresses_are_none(link: str) -> None:
    assert web_link({"url": link}) is None


def test_the_first_safe_address_counts() -> None:
    assert web_link({}) is None
    metadata = {"source": "https://c.org", "link": "https://b.org", "url": "https://a b.org"}
    assert web_link(metadata) == "https://b.org"
