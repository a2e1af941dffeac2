"""Citations in the forms of LangChain and LlamaIndex."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from attribot_integrations.auditing.framework_citations import langchain_answer, llama_index_answer
from attribot_integrations.context.sources import Chunk

CHUNKS = (
    Chunk("The harbour opened in 1962.", "p0", {"title": "Harbour", "url": "https://e.org/h"}),
    Chunk("The bridge shut in 1990.", "p1"),
)
TEXT = "It opened in 1962 ([Harbour](https://e.org/h)). It shut."


def annotated(**annotation: Any) -> dict[str, Any]:
    return {
        "content_blocks": [
            {"type": "reasoning", "reasoning": "Hm."},
            {"type": "text", "text": TEXT, "annotations": [{"type": "citation", **annotation}]},
        ]
    }


def shown(message: Any) -> list[tuple[str, int | None, str | None]]:
    found = langchain_answer(message, CHUNKS)
    return [
        (
            found.text[each.start : each.end],
            each.chunk_index,
            None if each.marker is None else found.text[slice(*each.marker)],
        )
        for each in found.citations
    ]


def test_offsets_of_a_mark() -> None:
    message = annotated(start_index=18, end_index=46, url="https://e.org/h", title="Harbour")
    assert shown(message) == [("It opened in 1962", 0, "([Harbour](https://e.org/h))")]


def test_offsets_of_what_is_cited_for() -> None:
    message = annotated(start_index=0, end_index=17, url="https://e.org/h")
    assert shown(message) == [("It opened in 1962", 0, None)]


def test_no_offsets_are_for_the_whole_block() -> None:
    message = annotated(cited_text="The bridge shut in 1990.")
    assert shown(message) == [(TEXT, 1, None)]


def test_our_own_annotations_are_read() -> None:
    message = annotated(start_index=48, end_index=56, title="x", extras={"chunk_index": 1})
    assert shown(message) == [("It shut.", 1, None)]


def test_messages_without_annotations_have_marks() -> None:
    for message in ({"content": "It opened [1]."}, SimpleNamespace(content="It opened [1].")):
        assert shown(message) == [("It opened", 0, "[1]")]


def test_other_annotations_are_left_alone() -> None:
    message = annotated(start_index=0, end_index=9)
    message["content_blocks"][1]["annotations"].append({"type": "non_standard_annotation"})
    assert len(shown(message)) == 1


def test_llama_index_numbers_nodes_from_one() -> None:
    chunks = [Chunk("A.", "2"), Chunk("B.", "1")]  # ids that look like numbers
    for response in ("It opened [1].", SimpleNamespace(response="It opened [1].")):
        (found,) = llama_index_answer(response, chunks).citations
        assert found.chunk_index == 0
