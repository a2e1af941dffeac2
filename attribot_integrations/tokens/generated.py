"""Text to ids for the very model that has written the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TYPE_CHECKING

from attribot_integrations.context.prompts import Prompt, Segment
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["GeneratedTextEncoder"]


class GeneratedTextEncoder(TextEncoder):
    """An encoder that knows the ids of an answer which its own model has generated.

    Tokenising a text anew may give other ids than those that the model wrote it with.

    Args:
        tokenizer: The model's tokenizer; it is copied and never changed.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(tokenizer)
        self._generated: ContextVar[tuple[str, tuple[int, ...]] | None] = ContextVar(
            "attribot_generated", default=None
        )

    @contextmanager
    def scoring_generated(self, answer: str, token_ids: Sequence[int]) -> Iterator[None]:
        """Use ids for an answer inside the `with`.

        Args:
            answer: The answer's text.
            token_ids: Ids of the prompt and, behind it, the answer; none if they are unknown.
        """
        token = self._generated.set((answer, tuple(token_ids)))
        try:
            yield
        finally:
            self._generated.reset(token)

    def segments(self, prompt: Prompt) -> tuple[tuple[int, ...], list[Segment]]:
        """Put a prompt into the model's own form; the text that it completed is left as it was.

        `HuggingFaceLLM` tokenises rendered chats like any text, so a tokenizer that adds a BOS adds
        it before one that the template has written.

        Raises:
            PromptError: If the chat template refuses the messages or does not show them.
        """
        leading, segments = super().segments(prompt)
        completed = prompt.raw and self._generated.get() is not None
        return (self._leading_ids if completed else leading), segments

    def encode_text(self, text: str) -> EncodedText:
        """Return the ids that the model generated, where they are known to give this text."""
        answer, ids = self._generated.get() or ("", ())
        generated = self._ending(ids, text) if text and text == answer else None
        return generated or super().encode_text(text)

    def _ending(self, ids: Sequence[int], text: str) -> EncodedText | None:
        """Return the longest run of plain ids at the end that decodes to exactly a text."""
        last = len(ids)
        while last and ids[last - 1] in self.control_ids:
            last -= 1
        first = last
        while first and ids[first - 1] not in self.control_ids:
            first -= 1
        for start in range(last - 1, first - 1, -1):
            decoded = self._decode(ids[start:last])
            if decoded == text:
                return EncodedText(tuple(ids[start:last]), self._offsets(ids[start:last], text))
            if len(decoded) > len(text):
                break
        return None

    def _offsets(self, ids: Sequence[int], text: str) -> tuple[tuple[int, int], ...]:
        """Return the span of each id; a character of several ids belongs to all of them."""
        edges = [0]
        for count in range(1, len(ids) + 1):
            # An unfinished character is shown as U+FFFD, which the text has not at that place.
            piece = self._decode(ids[:count])
            same = len(piece) if text.startswith(piece) else len(piece.rstrip("\ufffd"))
            edges.append(max(edges[-1], min(same, len(text))))
        edges[-1] = len(text)
        return tuple(
            (start, end) if end > start else (start, min(start + 1, len(text)))
            for start, end in pairwise(edges)
        )

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
