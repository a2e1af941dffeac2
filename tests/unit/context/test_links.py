"""Which addresses in metadata are links."""

from __future__ import annotations

import pytest

from attribot_integrations.context.links import cited_link, text_link, web_link


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


@pytest.mark.parametrize(
    ("address", "text", "expected"),
    [
        ("https://a.org/x", "One two.", "https://a.org/x#:~:text=One%20two."),
        ("https://a.org/#s", "One", "https://a.org/#s:~:text=One"),
        ("https://a.org/#:~:text=old", "One", "https://a.org/#:~:text=old"),
        ("https://a.org", "a-b, c & d#é", "https://a.org#:~:text=a%2Db%2C%20c%20%26%20d%23%C3%A9"),
        ("https://a.org", "\ud800", "https://a.org#:~:text=%3F"),
        ("https://a.org", " \n", "https://a.org"),
        (
            "https://a.org",
            "a b c d e f g h i j k",
            "https://a.org#:~:text=a%20b%20c%20d%20e,g%20h%20i%20j%20k",
        ),
        (
            "https://a.org",
            "| North \\| x | 9 | a b |",
            "https://a.org#:~:text=North%20%7C%20x,a%20b",
        ),
        (
            "https://a.org",
            "<tr><td>A &amp; B</td><td></td><td>9</td></tr>",
            "https://a.org#:~:text=A%20%26%20B,9",
        ),
        ("https://a.org", "- **Old** [pier](/p)", "https://a.org#:~:text=Old%20pier"),
        ("https://a.org", "## One `x`", "https://a.org#:~:text=One%20x"),
        (
            "https://a.org",
            "2 < 3, 5 * 4 - 1 __",
            "https://a.org#:~:text=2%20%3C%203%2C%205%20%2A%204%20%2D%201",
        ),
        ("https://a.org", "1962. It is.", "https://a.org#:~:text=1962.%20It%20is."),
        (
            "https://a.org",
            "\u0e01\u0e32 \u0e21\u0e32",
            "https://a.org#:~:text=%E0%B8%81%E0%B8%B2%20%E0%B8%A1%E0%B8%B2",
        ),
    ],
)
def test_links_to_a_text(address: str, text: str, expected: str) -> None:
    assert text_link(address, text) == expected
    assert web_link({"url": expected}) == expected


def test_links_to_what_is_cited() -> None:
    metadata = {"url": "https://a.org"}
    assert cited_link(metadata, "One.") == "https://a.org#:~:text=One."
    assert cited_link(metadata, "title: One", "metadata") == "https://a.org"
    assert cited_link({"url": "javascript:x"}, "One.") is None
