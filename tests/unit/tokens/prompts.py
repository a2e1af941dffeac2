"""Prompts of chat messages, and what an encoder makes of them."""

from __future__ import annotations

from attribot_integrations.context.prompts import Prompt, PromptMessage, Rendered, Segment, render
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder


def chat(*messages: tuple[str, str]) -> Prompt:
    return Prompt(tuple(PromptMessage(role, (Segment(text),)) for role, text in messages))


def encode(encoder: TextEncoder, prompt: Prompt) -> tuple[list[int], EncodedText, Rendered]:
    leading, segments = encoder.segments(prompt)
    rendered = render(segments)
    (encoded,) = encoder.encode([rendered])
    return [*leading, *encoded.ids], encoded, rendered
