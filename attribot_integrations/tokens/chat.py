"""Chat messages in a model's own chat format, as segments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from attribot_integrations.context.prompts import PromptMessage, Segment
from attribot_integrations.errors import PromptError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["chat_segments"]

_STAND_IN = "attribotmessage{}content"
_SYSTEM = ("system", "developer")
_AS_USER = ("user", "human", "tool", "function")
_STAND_INS = re.compile(_STAND_IN.format(r"(\d+)"))


def chat_segments(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[PromptMessage],
    options: Mapping[str, Any],
) -> list[Segment]:
    """Put messages into the format of a tokenizer's chat template.

    Args:
        tokenizer: A tokenizer with a chat template.
        messages: The messages; system text joins the user message beside it where the template
            knows no system role. Where it still refuses them, tools speak as the user and all
            others as the assistant, neighbours of one role are one message, and what is said before
            the user has said anything follows an empty message, so that roles alternate.
        options: Variables for the template.

    Returns:
        The segments of the whole prompt, the template's own text marked as trusted.

    Raises:
        PromptError: If the template fails, refuses the messages or does not show each once.
    """
    merged = _merge_system(messages)
    *others, last = dict.fromkeys((tuple(messages), merged, _alternating(merged)))
    for each in others:
        with suppress(PromptError):
            return _rendered(tokenizer, each, options)
    return _rendered(tokenizer, last, options)


def _rendered(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[PromptMessage],
    options: Mapping[str, Any],
) -> list[Segment]:
    """Render the template around stand-ins for the contents, then put the contents back.

    The template never sees the contents: it can neither trim them nor act on what they say.
    """
    text = _apply(tokenizer, messages, options)
    own, shown = _STAND_INS.split(text)[::2], [int(n) for n in _STAND_INS.findall(text)]
    for number, message in enumerate(messages):
        if shown.count(number) != 1:
            raise PromptError(
                f"the chat template must show every message once, but shows message {number} "
                f"(of role {message.role!r}) {shown.count(number)} times"
            )
    segments = [Segment(own[0], trusted=True)]
    for number, behind in zip(shown, own[1:], strict=True):
        segments += [*messages[number].segments, Segment(behind, trusted=True)]
    return [segment for segment in segments if segment.text]


def _apply(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[PromptMessage],
    options: Mapping[str, Any],
) -> str:
    stand_ins = [
        {"role": message.role or "user", "content": _STAND_IN.format(number)}
        for number, message in enumerate(messages)
    ]
    try:
        text = tokenizer.apply_chat_template(
            stand_ins, tokenize=False, add_generation_prompt=True, **options
        )
    except TemplateError as error:
        raise PromptError(f"the chat template refuses the prompt: {error}") from error
    except Exception as error:  # templates are programs, and fail in any way programs do
        raise PromptError(f"the chat template failed: {type(error).__name__}: {error}") from error
    if not isinstance(text, str):
        raise PromptError(f"the chat template gave {type(text).__name__} instead of text")
    return text


def _merge_system(messages: Sequence[PromptMessage]) -> tuple[PromptMessage, ...]:
    """Move system text into the user message beside it, for templates that know no system role."""
    merged: list[PromptMessage] = []
    for before, message in zip((None, *messages), messages, strict=False):
        role = "user" if message.role in _SYSTEM else message.role
        segments = message.segments
        moved = before is not None and (before.role in _SYSTEM or message.role in _SYSTEM)
        if moved and merged[-1].role == role:
            segments = (*merged.pop().segments, Segment("\n\n"), *segments)
        merged.append(PromptMessage(role, segments))
    return tuple(merged)


def _alternating(messages: Sequence[PromptMessage]) -> tuple[PromptMessage, ...]:
    """Let the user and the assistant take turns, which all others speak as."""
    joined: list[PromptMessage] = []
    for message in messages:
        role = "user" if message.role is None or message.role in _AS_USER else "assistant"
        segments = message.segments
        if not joined and role == "assistant":
            joined.append(PromptMessage("user", ()))
        if joined and joined[-1].role == role:
            segments = (*joined.pop().segments, Segment("\n\n"), *segments)
        joined.append(PromptMessage(role, segments))
    return tuple(joined)
