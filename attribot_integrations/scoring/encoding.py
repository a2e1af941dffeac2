"""Text to token ids, such that no text but the chat template's own becomes a control token.

The whole text is tokenised as usual. Where a control token shows up outside the template's own
text, retrieved text has forged it: the text is then cut in the middle of that token and tokenised
in two pieces, until none is left. Text without forged tokens is thus tokenised exactly as the
model saw it in training, and offsets hold in either case.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from attribot_integrations.errors import ControlTokenError, PromptError, UnsupportedModelError
from attribot_integrations.prompts import Prompt, PromptMessage, Rendered, Segment
from attribot_integrations.sources import Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["EncodedText", "TextEncoder"]

_MARKUP = re.compile(r"[<\[{].*[>\]}]", re.DOTALL)
_PLAIN_SUFFIX = "\n\nAnswer:\n"
_STAND_IN = "attribotmessage{}content"
_STAND_INS = re.compile(_STAND_IN.format(r"(\d+)"))


@dataclass(frozen=True)
class EncodedText:
    """Token ids of a text, and the characters that each stands for."""

    ids: tuple[int, ...]
    offsets: tuple[Span, ...]
    """Span of each token; several tokens may share the span of one character."""


class TextEncoder:
    """A model's own tokenizer and chat template, used on a private copy.

    Args:
        tokenizer: A fast tokenizer; it is copied and never changed.
        chat_options: Variables for the chat template, such as `{"enable_thinking": False}`.

    Raises:
        UnsupportedModelError: If the tokenizer cannot report character offsets.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, chat_options: Mapping[str, Any] | None = None
    ) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise UnsupportedModelError(
                f"{type(tokenizer).__name__} reports no character offsets; "
                "a fast tokenizer (one with a tokenizer.json) is needed"
            )
        self._tokenizer = copy.deepcopy(tokenizer)
        self._chat_options = dict(chat_options or {})
        self.control_ids = _control_ids(self._tokenizer)
        self.uses_chat_template = bool(getattr(self._tokenizer, "chat_template", None))
        self._leading_ids = self._find_leading_ids()
        # Beside adding tokens, a post-processor may trim white space from offsets.
        self._tokenizer.backend_tokenizer.post_processor = None
        unknown = self._tokenizer.unk_token_id
        named = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id)
        self._unknown_id = None if unknown in named else unknown
        starts = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id, 0)
        self.start_id: int = next(id_ for id_ in starts if id_ is not None)

    def segments(self, prompt: Prompt) -> tuple[tuple[int, ...], list[Segment]]:
        """Put a prompt into the model's own form.

        Returns:
            Ids that stand before the text (BOS where the tokenizer adds it by itself), and the
            segments of the whole prompt, the chat template's own text marked as trusted.

        Raises:
            PromptError: If the chat template refuses the messages or does not show them.
        """
        if self.uses_chat_template and not prompt.raw:
            try:
                return (), self._chat_segments(prompt.messages)
            except PromptError:
                merged = _merge_system(prompt.messages)
                if merged == prompt.messages:
                    raise
                return (), self._chat_segments(merged)
        segments: list[Segment] = []
        for number, message in enumerate(prompt.messages):
            segments += [Segment("\n\n", trusted=True)] if number else []
            segments += message.segments
        if not prompt.raw:
            segments.append(Segment(_PLAIN_SUFFIX, trusted=True))
        return self._leading_ids, segments

    def encode(self, rendered: Sequence[Rendered]) -> list[EncodedText]:
        """Tokenise texts, adding no token and letting none be forged.

        Raises:
            ControlTokenError: If some text cannot be kept from becoming a control token.
        """
        encoded = self._encode([item.text for item in rendered])
        return [
            first if not self._forged(first, item) else self._encode_hostile(item, first)
            for item, first in zip(rendered, encoded, strict=True)
        ]

    def encode_text(self, text: str) -> EncodedText:
        """Tokenise one text that holds no template text at all, such as an answer."""
        return self.encode([Rendered(text, (), ())])[0]

    def _encode(self, texts: Sequence[str]) -> list[EncodedText]:
        if not texts:
            return []
        batch = self._tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=False,  # the caller's tokenizer may ask for it
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [
            EncodedText(tuple(ids), tuple(map(tuple, offsets)))
            for ids, offsets in zip(batch["input_ids"], batch["offset_mapping"], strict=True)
        ]

    def _encode_hostile(self, item: Rendered, encoded: EncodedText) -> EncodedText:
        cuts: set[int] = set()
        while forged := self._forged(encoded, item):
            new = {(start + end) // 2 for start, end in forged if end - start > 1} - cuts
            if not new:
                start, end = forged[0]
                raise ControlTokenError(
                    f"the text {item.text[start:end]!r} at character {start} always becomes a "
                    "control token of this model; remove it from the chunk, question or answer"
                )
            cuts |= new
            edges = [0, *sorted(cuts), len(item.text)]
            pieces = self._encode([item.text[start:end] for start, end in pairwise(edges)])
            encoded = EncodedText(
                tuple(id_ for piece in pieces for id_ in piece.ids),
                tuple(
                    (start + edge, end + edge)
                    for edge, piece in zip(edges, pieces, strict=False)
                    for start, end in piece.offsets
                ),
            )
        return encoded

    def _forged(self, encoded: EncodedText, item: Rendered) -> list[Span]:
        """Return the spans of control tokens that the chat template did not put there."""
        forged: list[Span] = []
        for id_, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
            if id_ not in self.control_ids:
                continue
            token = item.text[start:end]
            if id_ == self._unknown_id and self._tokenizer.unk_token not in token:
                continue  # a character that the vocabulary lacks
            # A template's token may swallow white space around it that is not the template's.
            inner_start = start + len(token) - len(token.lstrip())
            inner_end = start + len(token.rstrip())
            if not any(low <= inner_start and inner_end <= high for low, high in item.trusted):
                forged.append((start, end))
        return forged

    def _chat_segments(self, messages: Sequence[PromptMessage]) -> list[Segment]:
        """Render the template around stand-ins for the contents, then put the contents back.

        The template never sees the contents: it can neither trim them nor act on what they say.
        """
        try:
            text = self._tokenizer.apply_chat_template(
                [
                    {"role": message.role or "user", "content": _STAND_IN.format(number)}
                    for number, message in enumerate(messages)
                ],
                tokenize=False,
                add_generation_prompt=True,
                **self._chat_options,
            )
        except TemplateError as error:
            raise PromptError(f"the chat template refuses the prompt: {error}") from error
        if not isinstance(text, str):
            raise PromptError(f"the chat template gave {type(text).__name__} instead of text")
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

    def _find_leading_ids(self) -> tuple[int, ...]:
        """Find the ids that the tokenizer puts before a text by itself, such as BOS."""
        plain = self._tokenizer("a", add_special_tokens=False)["input_ids"]
        full = self._tokenizer("a", add_special_tokens=True)["input_ids"]
        for start in range(len(full) - len(plain) + 1):
            if full[start : start + len(plain)] == plain:
                return tuple(full[:start])
        return ()


def _control_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids that only a chat template may use.

    Special tokens, and added tokens in brackets (`<think>`, `[INST]`) even where the tokenizer
    does not call them special. Other added tokens (runs of spaces, domain words) are plain text.
    """
    added = tokenizer.added_tokens_decoder
    return frozenset(tokenizer.all_special_ids) | {
        id_
        for id_, token in added.items()
        if token.special or _MARKUP.fullmatch(token.content.strip())
    }


def _merge_system(messages: Sequence[PromptMessage]) -> tuple[PromptMessage, ...]:
    """Move system text into the user message beside it, for templates that know no system role."""
    merged: list[PromptMessage] = []
    for before, message in zip((None, *messages), messages, strict=False):
        role = "user" if message.role == "system" else message.role
        segments = message.segments
        moved = before is not None and "system" in (before.role, message.role)
        if moved and merged[-1].role == role:
            segments = (*merged.pop().segments, Segment("\n\n"), *segments)
        merged.append(PromptMessage(role, segments))
    return tuple(merged)
