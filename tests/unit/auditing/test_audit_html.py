"""The page of a file's audits."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from attribot_integrations.auditing.audit_html import audit_page
from attribot_integrations.auditing.auditor import audit_attribution
from attribot_integrations.auditing.audits import AnswerAudit
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError
from tests.unit.auditing.hand_made import hand_made

TWO = {(0, 0): 5.0, (1, 1): 5.0}


def audits(*answers: str) -> list[AnswerAudit]:
    return [audit_attribution(hand_made(answer, TWO)) for answer in answers]


class Reader(HTMLParser):
    """Collects tags, and checks that they are nested."""

    VOID = ("meta", "input", "link", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_the_worst_stands_first() -> None:
    page = audit_page(
        audits(
            "It opened [1]. It shut [2].", "It opened [2]. It shut [1].", "It opened [1]. It shut."
        )
    )
    names = re.findall(r'<article id="(audit-\d)" class="([^"]*)"', page)
    assert [name for name, _ in names] == ["audit-2", "audit-3", "audit-1"]
    assert [classes.split() for _, classes in names] == [
        ["has-wrong_number"],
        ["has-missing"],
        ["has-none"],
    ]


def test_filters_need_no_script() -> None:
    page = audit_page(audits("It opened [4]. It shut [9]."))
    reader = read(page)
    tags = [tag for tag, _ in reader.tags]
    assert "script" not in tags
    assert not any(name.startswith("on") for _, attrs in reader.tags for name in attrs)
    ids = [attrs["id"] for tag, attrs in reader.tags if tag == "input"]
    assert len(ids) == 6
    for id_ in ids[1:]:
        assert (
            f"main:has(#{id_}:checked) article:not(.has-{str(id_).removeprefix('show-')})" in page
        )
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not any(attrs.get("src") for _, attrs in reader.tags)


def test_marks_faults_and_corrections_are_shown() -> None:
    words = read(audit_page(audits("It opened [4][1]. It shut."), title="log.jsonl")).words
    for part in (
        "log.jsonl",
        "It opened [4][1]. It shut.",
        "[4] is beside the point",
        "no citation of [2] (chunk 2)",
        "It opened [1]. It shut [2].",
        "The harbour opened in 1962.",
        "judged by target",
    ):
        assert part in words


def test_texts_are_only_texts() -> None:
    evil = "<img src=x onerror=alert(1)>\"'</style><script>"
    chunks: list[str | Chunk] = [
        Chunk(evil, metadata={"title": evil, "url": "javascript:alert(1)"}),
        "B.",
    ]
    found = audit_attribution(hand_made(f"{evil} It opened [2].", {(0, 0): 5}, chunks))
    reader = read(audit_page([found], title=evil))
    assert {"img", "script"}.isdisjoint(tag for tag, _ in reader.tags)
    assert not [attrs for tag, attrs in reader.tags if tag == "a"]
    assert "<img src=x" in reader.words


def test_links_of_chunks_are_safe() -> None:
    chunks: list[str | Chunk] = [Chunk("A.", metadata={"url": "https://e.org/a?b=1&c=2"}), "B."]
    found = audit_attribution(hand_made("It opened [1].", {(0, 0): 5}, chunks))
    (link,) = [attrs for tag, attrs in read(audit_page([found])).tags if tag == "a"]
    assert link["href"] == "https://e.org/a?b=1&c=2"
    assert link["rel"] == "noopener noreferrer nofollow"


def test_themes() -> None:
    assert '<html lang="en" class="dark">' in audit_page([], theme="dark")
    with pytest.raises(ConfigurationError, match="theme must be one of"):
        audit_page([], theme="blue")  # type: ignore[arg-type]
