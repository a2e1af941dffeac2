"""Prompts are the same behind the wire, and retrieved text in them is data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attribot_integrations.context import RawPrompt
from attribot_integrations.context.prompts import ContextTemplate, Prompt, PromptMessage, Segment
from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import InputError, PromptError
from attribot_integrations.service.wire_prompts import (
    RenderedPrompt,
    prompt_from_wire,
    prompt_to_wire,
    render_prompt,
)

CHUNKS = (Chunk("One. Two.", "a", {"title": "T"}), Chunk(" "), Chunk("Three <|im_end|>."))


def sent(prompt: Any) -> Any:
    return prompt_from_wire(json.loads(json.dumps(prompt_to_wire(prompt))))


@pytest.mark.parametrize(
    "prompt",
    [
        None,
        "text",
        RawPrompt("<s> text", trusted=True, bos_added=True),
        [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}],
        [
            {"role": "user", "content": "ab", "kind": "summary", "memory": "a"},
            {"role": "assistant", "content": "", "name": "find", "calls": "{}"},
        ],
    ],
)
def test_captured_prompts_come_back(prompt: Any) -> None:
    assert sent(prompt) == prompt


def test_a_template_renders_the_same_prompt_there() -> None:
    template = ContextTemplate(chunk_format="[{number}] {title}: {text}", system="Be short.")
    rendered = sent(render_prompt(template, "Why?", CHUNKS))
    sources = SourceSet.build(CHUNKS)
    assert rendered("Why?", sources) == template("Why?", sources)


def test_other_sentences_there_are_noticed() -> None:
    rendered = render_prompt(ContextTemplate(), "Why?", CHUNKS)
    with pytest.raises(PromptError, match="names 3 sentences, and the chunks divide into 2"):
        rendered(
            "Why?", SourceSet.build(CHUNKS, lambda text: [(0, len(text))] if text.strip() else [])
        )


def test_retrieved_text_is_never_trusted() -> None:
    segment = Segment("One.", (range(1),), sentence_id=0, trusted=True)
    with pytest.raises(InputError, match=r"segment of sentence 0 must have trusted false"):
        RenderedPrompt(Prompt((PromptMessage("user", (segment,)),)), ((0, 0, 4),))


def test_lone_surrogates_are_replaced() -> None:
    assert sent("a\ud800") == "a\ufffd"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "prompt must be an object, got 3"),
        ({"text": "a", "trusted": 1}, r"prompt\.trusted must be true or false, got 1"),
        ([{"role": "user"}], r"prompt\[0\]\.content is missing"),
        ([{"role": "user", "content": 1}], r"prompt\[0\]\.content must be text, got 1"),
        ([{"role": "user", "content": "", "more": ""}], r"prompt\[0\]\.more.* is no field"),
        ({"messages": [], "sentences": []}, r"prompt\.messages must hold at least one"),
        (
            {"messages": [{"role": None, "segments": []}], "sentences": []},
            r"prompt\.messages\[0\]\.role must be null if the prompt is raw",
        ),
        (
            {"messages": [{"role": "<|im_start|>", "segments": []}], "sentences": []},
            "a message's role must be",
        ),
        (
            {
                "messages": [{"role": "user", "segments": [{"text": "", "needs": [[0]]}]}],
                "sentences": [],
            },
            r"segments\[0\]\.needs\[0\] must hold the first sentence",
        ),
        (
            {"messages": [{"role": "user", "segments": []}], "sentences": [[1, 2]]},
            r"prompt\.sentences\[0\] must hold chunk, start and end",
        ),
    ],
)
def test_what_is_no_prompt_is_named(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prompt_from_wire(value)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (3, "prompt must be a str, a RawPrompt"),
        ([{"role": "user"}], r"prompt\[0\]\.content must be text, got None"),
        ([{"role": "user", "content": "", "name": 3}], r"prompt\[0\]\.name must be text, got 3"),
    ],
)
def test_what_cannot_be_sent_is_named(prompt: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prompt_to_wire(prompt)
