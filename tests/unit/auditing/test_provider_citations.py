"""Citations in the forms of providers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from attribot_integrations.auditing.given import GivenAnswer
from attribot_integrations.auditing.provider_citations import (
    anthropic_answer,
    cohere_answer,
    gemini_answer,
    given_answer,
    openai_answer,
)
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError, InputError

CHUNKS = (
    Chunk("The harbour opened in 1962.", "p0", {"title": "Harbour", "url": "https://e.org/h"}),
    Chunk("The bridge shut in 1990.", "p1", {"file_name": "bridge.pdf", "file_id": "file-7"}),
    Chunk("Rivers are long."),
)
Found = list[tuple[str, int | None, str | None]]


def shown(given: GivenAnswer) -> Found:
    """Each citation as what it is for, its chunk, and its mark."""
    return [
        (
            given.text[each.start : each.end],
            each.chunk_index,
            None if each.marker is None else given.text[slice(*each.marker)],
        )
        for each in given.citations
    ]


ANTHROPIC: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm."},
    {"type": "text", "text": "In short: "},
    {
        "type": "text",
        "text": "it opened in 1962",
        "citations": [
            {
                "type": "char_location",
                "cited_text": "The harbour opened in 1962.",
                "document_index": 0,
                "document_title": "Harbour",
                "start_char_index": 0,
                "end_char_index": 27,
            }
        ],
    },
    {"type": "text", "text": " and "},
    {
        "type": "text",
        "text": "shut in 1990. ",
        "citations": [
            {"type": "page_location", "document_index": 1, "start_page_number": 1},
            {
                "type": "web_search_result_location",
                "url": "https://e.org/h",
                "title": "Harbour",
                "cited_text": "x",
            },
            {"type": "search_result_location", "search_result_index": 9, "source": "nowhere"},
            {"type": "web_search_result_location", "cited_text": "Rivers are long."},
        ],
    },
]


def test_anthropic_blocks() -> None:
    found = anthropic_answer({"role": "assistant", "content": ANTHROPIC}, CHUNKS)
    assert found.text == "In short: it opened in 1962 and shut in 1990. "
    assert shown(found) == [
        ("it opened in 1962", 0, None),
        ("shut in 1990.", 1, None),
        ("shut in 1990.", 0, None),
        ("shut in 1990.", None, None),
        ("shut in 1990.", 2, None),
    ]
    assert found.citations[0].raw == ANTHROPIC[2]["citations"][0]
    assert [each.label for each in found.citations] == [
        "Harbour",
        "2",
        "https://e.org/h",
        "nowhere",
        "?",
    ]


def test_objects_are_read_as_plain_data_is() -> None:
    blocks = [SimpleNamespace(**block) for block in ANTHROPIC]
    for block in blocks:
        if hasattr(block, "citations"):
            block.citations = [SimpleNamespace(**each) for each in block.citations]
    found = anthropic_answer(SimpleNamespace(content=blocks), CHUNKS)
    assert shown(found) == shown(anthropic_answer(ANTHROPIC, CHUNKS))
    assert found.citations[0].raw is None


URL_TEXT = "It opened in 1962 ([Harbour](https://e.org/h)). It shut in 1990."
URL_SPAN = {"start_index": 18, "end_index": 46, "url": "https://e.org/h", "title": "Harbour"}


@pytest.mark.parametrize(
    "message",
    [
        {
            "content": URL_TEXT,
            "annotations": [{"type": "url_citation", "url_citation": URL_SPAN}],
        },
        {
            "output": [
                {"type": "web_search_call"},
                {
                    "type": "message",
                    "content": [
                        {
                            "type": "output_text",
                            "text": URL_TEXT,
                            "annotations": [{"type": "url_citation", **URL_SPAN}],
                        }
                    ],
                },
            ]
        },
    ],
)
def test_openai_offsets_delimit_the_mark(message: dict[str, Any]) -> None:
    found = openai_answer(message, CHUNKS)
    assert found.text == URL_TEXT
    assert shown(found) == [("It opened in 1962", 0, "([Harbour](https://e.org/h))")]


def test_openai_files() -> None:
    value = "It shut in 1990.【4:0†bridge.pdf】"
    assistants = {
        "content": [
            {
                "type": "text",
                "text": {
                    "value": value,
                    "annotations": [
                        {
                            "type": "file_citation",
                            "text": "【4:0†bridge.pdf】",
                            "start_index": 16,
                            "end_index": 32,
                            "file_citation": {"file_id": "file-7"},
                        }
                    ],
                },
            }
        ]
    }
    assert shown(openai_answer(assistants, CHUNKS)) == [("It shut in 1990.", 1, value[16:])]
    responses = [
        {
            "type": "output_text",
            "text": "It opened. It shut in 1990.",
            "annotations": [
                {"type": "file_citation", "index": 27, "file_id": "x", "filename": "bridge.pdf"},
                {"type": "file_citation", "index": 9, "file_id": "y", "filename": "other.pdf"},
            ],
        }
    ]
    assert shown(openai_answer(responses, CHUNKS)) == [
        ("It opened", None, None),
        ("It shut in 1990.", 1, None),
    ]


def test_several_openai_texts_are_one_answer() -> None:
    blocks = [
        {"type": "output_text", "text": "It opened. ", "annotations": []},
        {
            "type": "output_text",
            "text": "It shut (a).",
            "annotations": [
                {
                    "type": "url_citation",
                    "start_index": 8,
                    "end_index": 11,
                    "url": "https://e.org/h",
                }
            ],
        },
    ]
    found = openai_answer(blocks, CHUNKS)
    assert found.text == "It opened. It shut (a)."
    assert shown(found) == [("It shut", 0, "(a)")]


@pytest.mark.parametrize("camel", [True, False])
def test_gemini_offsets_count_bytes(camel: bool) -> None:
    text = "Müßig: es öffnete 1962 — und schloss. 🙂 Aus."
    claim = "es öffnete 1962 — und schloss."
    start = len(text[: text.index(claim)].encode())
    data: dict[str, Any] = {
        "content": {"parts": [{"text": text}]},
        "groundingMetadata": {
            "groundingChunks": [
                {"web": {"uri": "https://e.org/h", "title": "e.org"}},
                {"retrievedContext": {"title": "x", "text": "The bridge shut in 1990."}},
            ],
            "groundingSupports": [
                {
                    "segment": {"startIndex": start, "endIndex": start + len(claim.encode())},
                    "groundingChunkIndices": [0, 1, 7],
                    "confidenceScores": [0.9, 0.8, 0.1],
                }
            ],
        },
    }
    if not camel:
        data = _snake(data)
    found = gemini_answer({"candidates": [data]}, CHUNKS)
    assert found.text == text
    assert shown(found) == [(claim, 0, None), (claim, 1, None), (claim, None, None)]


def _snake(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            "".join(f"_{each.lower()}" if each.isupper() else each for each in key): _snake(item)
            for key, item in value.items()
        }
    return [_snake(item) for item in value] if isinstance(value, list) else value


def test_gemini_parts_have_offsets_of_their_own() -> None:
    data = {
        "content": {"parts": [{"text": "It öpened. "}, {"text": "It shut."}]},
        "groundingMetadata": {
            "groundingChunks": [{"web": {"uri": "https://e.org/h"}}],
            "groundingSupports": [
                {"segment": {"partIndex": 1, "endIndex": 8}, "groundingChunkIndices": [0]}
            ],
        },
    }
    assert shown(gemini_answer(data, CHUNKS)) == [("It shut.", 0, None)]


@for_all(st.text(max_size=20), st.integers(-3, 90), st.integers(-3, 90))
def test_any_gemini_offsets_lie_in_the_text(text: str, start: int, end: int) -> None:
    if not text.strip():
        return
    segment = {"startIndex": start, "endIndex": end}
    data = {
        "content": {"parts": [{"text": text}]},
        "groundingMetadata": {
            "groundingChunks": [{}],
            "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
        },
    }
    (found,) = gemini_answer(data, CHUNKS).citations
    assert 0 <= found.start <= found.end <= len(text)


@pytest.mark.parametrize(
    "message",
    [
        {
            "text": "It opened in 1962.",
            "citations": [
                {
                    "start": 3,
                    "end": 17,
                    "text": "opened in 1962",
                    "document_ids": ["p0", "doc_1", "x"],
                }
            ],
        },
        {
            "message": {
                "content": [{"type": "text", "text": "It opened in 1962."}],
                "citations": [
                    {
                        "start": 3,
                        "end": 17,
                        "text": "opened in 1962",
                        "sources": [
                            {"type": "document", "id": "p0", "document": {"id": "p0"}},
                            {"type": "document", "id": "doc:1"},
                            {"type": "tool", "id": "search:9"},
                        ],
                    }
                ],
            }
        },
    ],
)
def test_cohere_citations(message: dict[str, Any]) -> None:
    found = cohere_answer(message, CHUNKS)
    assert shown(found) == [("opened in 1962", chunk, None) for chunk in (0, 1, None)]


def test_forms_are_named() -> None:
    found = given_answer(ANTHROPIC, ["A.", "B.", Chunk("C.")], "anthropic")
    assert found.citations[0].chunk_index == 0
    with pytest.raises(ConfigurationError, match=r"form must be one of .*'cohere'.*got 'mistral'"):
        given_answer("x", ["A."], "mistral")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "message", "problem"),
    [
        ("anthropic", {"content": 3}, "a list of blocks, got int"),
        ("openai", {"content": None}, "an OpenAI message must hold text content"),
        ("gemini", {}, "content with text parts"),
        ("cohere", {}, "a list of blocks, got NoneType"),
        ("langchain", {"content": []}, "a LangChain message must hold text"),
        ("llama_index", object(), "a LlamaIndex response must hold text, got NoneType"),
    ],
)
def test_messages_without_text_are_refused(form: Any, message: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        given_answer(message, CHUNKS, form)
