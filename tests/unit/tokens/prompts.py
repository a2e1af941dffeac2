"""Prompts of chat messages and of chunks, and what an encoder makes of them."""

from __future__ import annotations

import itertools

from attribot_integrations.context.prompts import (
    ContextTemplate,
    Prompt,
    PromptMessage,
    Rendered,
    Segment,
    render,
)
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder

CHUNKS = ("The harbour opened in 1962. It is old. So it goes.", "A river runs. It is wide.", "End.")
SUBSETS = [frozenset(ids) for count in range(7) for ids in itertools.combinations(range(6), count)]
"""All removals of its six sentences."""


def built(chunks: tuple[str, ...] = CHUNKS) -> Prompt:
    return ContextTemplate()("When?", SourceSet.build(as_chunks(chunks)))


def chat(*messages: tuple[str, str]) -> Prompt:
    return Prompt(tuple(PromptMessage(role, (Segment(text),)) for role, text in messages))


def encode(encoder: TextEncoder, prompt: Prompt) -> tuple[list[int], EncodedText, Rendered]:
    leading, segments = encoder.segments(prompt)
    rendered = render(segments)
    (encoded,) = encoder.encode([rendered])
    return [*leading, *encoded.ids], encoded, rendered
