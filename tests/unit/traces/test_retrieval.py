"""Documents in what tracing tools record."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.traces.retrieval import documents_of, parsed

PLAIN = {"page_content": "Ada wrote it.", "metadata": {"page": 3}, "id": "d1", "type": "Document"}
READ = Chunk("Ada wrote it.", "d1", {"page": 3})


@pytest.mark.parametrize(
    "value",
    [
        [PLAIN],
        {"documents": [PLAIN]},
        {"output": [PLAIN]},
        {"query": "Who?", "results": [[PLAIN, 0.5]]},
        [[PLAIN]],
        [[PLAIN, 0.5]],
        [{"document.content": "Ada wrote it.", "document.id": "d1", "metadata": '{"page": 3}'}],
        [{"document": {"content": "Ada wrote it.", "id": "d1", "metadata": {"page": 3}}}],
        [{"node": {"text": "Ada wrote it.", "id_": "d1", "metadata": {"page": 3}}, "score": 1}],
        [{"lc": 1, "kwargs": PLAIN}],
        '[{"content": "Ada wrote it.", "id": "d1", "metadata": {"page": 3}}]',
    ],
)
def test_documents_of_all_libraries(value: object) -> None:
    assert documents_of(value) == (READ,)


def test_texts_alone() -> None:
    assert documents_of(["One.", "Two."]) == (Chunk("One."), Chunk("Two."))


def test_titles_and_links_are_metadata() -> None:
    (chunk,) = documents_of([{"text": "One.", "title": "First", "url": "https://example.org"}])
    assert chunk is not None
    assert chunk.metadata == {"title": "First", "url": "https://example.org"}


@pytest.mark.parametrize(
    "value",
    [{"content": None}, {"id": "d1"}, {"content": " "}, None, 3, "", [], [[]], {"text": 3}],
)
def test_a_document_without_a_text_keeps_its_place(value: object) -> None:
    assert documents_of([value, PLAIN]) == (None, READ)


@pytest.mark.parametrize("value", [None, "text", 3, {}, {"a": 1, "b": 2}, '{"a": [', []])
def test_what_is_no_list_of_documents(value: object) -> None:
    assert documents_of(value) == ()


def test_deep_data_ends() -> None:
    value: Any = [PLAIN]
    for _ in range(100):
        value = {"documents": value, "output": value}
    assert documents_of(value) == ()


def test_json_is_read_where_it_is_an_object_or_a_list() -> None:
    assert parsed(' {"a": 1}') == {"a": 1}
    assert parsed('"a"') == '"a"'
    assert parsed('"a"', always=True) == "a"
    assert parsed("{a}") == "{a}"
    assert parsed(3) == 3
    deep = "[" * 100_000
    assert parsed(deep) is deep
