"""The numbers that a prompt gives its chunks."""

from __future__ import annotations

import pytest

from attribot_integrations.auditing.prompt_numbers import marked_chunks, prompt_numbers
from attribot_integrations.context.kinds import ConversationPart, conversation_kinds
from attribot_integrations.context.locating import (
    CapturedPrompt,
    RawPrompt,
    capture_prompt,
    locate_chunks,
)
from attribot_integrations.context.sources import Chunk

CHUNKS = (Chunk("Ada is old."), Chunk("Bea is young."))


def numbers(prompt: str) -> dict[str | int, int] | None:
    return prompt_numbers(prompt, locate_chunks([prompt], CHUNKS), CHUNKS)


@pytest.mark.parametrize(
    "prompt",
    [
        "[2] Ada is old.\n[1] Bea is young.",
        "[2] Bea is young? No:\n[1] Bea is young.\n[2] Ada is old.",
        "Source 2:\nAda is old.\n\nSource 1:\nBea is young.\n",
        "Use these.\n\n2. Ada is old.\n1. Bea is young.",
        "Document [2](Title: A)\nAda is old.\nDocument [1](Title: B)\nBea is young.",
        '<document index="2">\n<source>a.txt</source>\nAda is old.\n</document>\n'
        '<document index="1">\n<source>b.txt</source>\nBea is young.\n</document>',
        "# Doc 2: A\n\nAda is old.\n\n# Doc 1: B\n\nBea is young.",
    ],
)
def test_labels_before_chunks(prompt: str) -> None:
    assert numbers(prompt) == {"2": 0, "1": 1}


@pytest.mark.parametrize(
    "prompt",
    [
        "[1] Ada is old.\n[2] Bea is young.",  # as they are counted anyway
        "Ada is old.\nBea is young.",
        "[1] Ada is old.\nBea is young.",
        "[1] Ada is old.\n[1] Bea is young.",
        "In 1990 there were 3 people.\nAda is old.\nBea is young.",
    ],
)
def test_no_numbers(prompt: str) -> None:
    assert numbers(prompt) is None


def test_chunks_that_carry_their_numbers() -> None:
    chunks = [Chunk("Source 3:\nAda is old."), Chunk("Source 1:\nBea is young.")]
    assert prompt_numbers(None, (), chunks) == {"3": 0, "1": 1}
    assert prompt_numbers(None, (), [Chunk("3. Ada is old."), Chunk("1. Bea.")]) is None


def test_every_form_of_a_prompt() -> None:
    text = "[2] Ada is old.\n[1] Bea is young."
    forms: list[CapturedPrompt] = [text, RawPrompt(text), [{"role": "user", "content": text}]]
    for form in forms:
        assert prompt_numbers(form, locate_chunks([text], CHUNKS), CHUNKS) == {"2": 0, "1": 1}


def test_what_was_said_has_no_number() -> None:
    part = ConversationPart("user", 1, "user")
    chat = [
        {"role": "user", "content": "Cleo is old."},
        {"role": "assistant", "content": "I see."},
        {"role": "user", "content": "See:\n[2] Ada is old.\n[1] Bea is young.\nWho is old?"},
    ]
    _, sources, locations = capture_prompt(chat, CHUNKS, kinds=conversation_kinds("all"))
    assert [chunk.kind for chunk in sources.chunks[2:]] == ["user", "assistant"]
    assert prompt_numbers(chat, locations, sources.chunks) == {"2": 0, "1": 1}
    assert marked_chunks(sources.chunks) == CHUNKS
    alone = (Chunk("Cleo is old.", said=part),)
    assert marked_chunks(alone) == alone
