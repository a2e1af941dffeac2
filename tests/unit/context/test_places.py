"""Files, pages and sections in a chunk's metadata."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.context.places import (
    base_name,
    file_format,
    pages_of_items,
    section_of,
)
from attribot_integrations.context.retrieved import Chunk


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/srv/app/data/norzel.pdf", "norzel.pdf"),
        (r"C:\Users\ann\norzel.pdf", "norzel.pdf"),
        ("C:/Users/ann/norzel.pdf", "norzel.pdf"),
        (r"\\share\folder\norzel.pdf", "norzel.pdf"),
        ("./norzel.pdf", "norzel.pdf"),
        ("../a/norzel.pdf", "norzel.pdf"),
        ("~/norzel.pdf", "norzel.pdf"),
        ("file:///srv/norzel.pdf", "norzel.pdf"),
        ("/srv/folder/", "folder"),
        ("docs/tides.txt", "docs/tides.txt"),
        ("https://example.org/a/b.html", "https://example.org/a/b.html"),
        ("//example.org/a", "//example.org/a"),
        ("Tides and/or waves", "Tides and/or waves"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_base_names(name: str, expected: str) -> None:
    assert base_name(name) == expected


def test_titles_of_chunks_show_no_folders() -> None:
    assert Chunk("a", metadata={"source": "/srv/app/norzel.pdf"}).title == "norzel.pdf"
    assert Chunk("a", metadata={"file_path": "/srv/app/norzel.pdf"}).title == "norzel.pdf"
    assert Chunk("a", id="/srv/app/norzel.pdf_part_3").title == "norzel.pdf_part_3"
    assert Chunk("a").title is None


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"source": "/srv/a.CSV"}, "csv"),
        ({"file_name": "a.tar.gz"}, "gz"),
        ({"file_type": "application/json"}, "json"),
        ({"file_type": "text/x-python", "file_name": "a.txt"}, "python"),
        ({"language": "en", "source": "a.py"}, "py"),
        ({"language": "Python"}, "python"),
        ({"language": 3, "source": None}, None),
        ({"title": "No ending."}, None),
        ({"title": "Tides"}, None),
        ({}, None),
    ],
)
def test_formats_of_files(metadata: dict[str, Any], expected: str | None) -> None:
    assert file_format(metadata) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"section": " Piers "}, "Piers"),
        ({"headings": ["Piers", "", "Repairs"]}, "Piers > Repairs"),
        ({"header_path": "/Piers/Repairs/"}, "Piers > Repairs"),
        ({"Header 2": "Repairs", "Header 1": "Piers"}, "Piers > Repairs"),
        ({"h1": "Piers", 3: "x"}, "Piers"),
        ({"dl_meta": {"headings": ["Piers"]}}, "Piers"),
        ({"section": 3, "headings": [None], "Header 1": " ", "dl_meta": "x"}, None),
        ({}, None),
    ],
)
def test_sections(metadata: dict[Any, Any], expected: str | None) -> None:
    assert section_of(metadata) == expected


def test_pages_that_docling_writes() -> None:
    items = [{"prov": [{"page_no": 4}]}, {"prov": [{"page_no": 3}, {"page_no": True}, "x"]}, None]
    assert pages_of_items({"dl_meta": {"doc_items": items}}) == (3, 4)
    assert pages_of_items({"doc_items": items[:1]}) == (4, 4)
    assert pages_of_items({"doc_items": [{"prov": [{"page_no": -1}]}]}) is None
    assert pages_of_items({"doc_items": "x"}) is None
