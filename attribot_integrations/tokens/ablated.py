"""A prompt as text, and the token ids of what is left of it under ablations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attribot_integrations.context.prompts import Prompt, render
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder
from attribot_integrations.tokens.layout import Removals, TokenLayout

__all__ = ["AblatedText", "Ablation"]

Ablation = frozenset[int]
"""Ids of the sentences that are removed."""

_CHARACTERS = 1 << 20
"""Most characters of ablated prompts whose tokens are held at a time, unless one alone has more."""


class AblatedText:
    """Renders and tokenises a prompt anew for every ablation, a bounded number at a time.

    Args:
        encoder: The model's tokenizer and chat template.
        prompt: The prompt, with its sources marked.
        without: Ids of sentences that are left out for good.

    Raises:
        ControlTokenError: If some text cannot be kept from becoming a control token.
        PromptError: If the model's chat template refuses the prompt.
    """

    def __init__(self, encoder: TextEncoder, prompt: Prompt, without: Ablation) -> None:
        self._encoder = encoder
        self._without = without
        self._leading, segments = encoder.segments(prompt)
        self._segments = [segment for segment in segments if segment.shown(without)]
        self._removals = Removals(self._segments, without)
        self.encoded: EncodedText = encoder.encode([render(self._segments)])[0]
        """The full prompt."""
        self.ids: tuple[int, ...] = self._with_leading(self.encoded.ids)
        """The full prompt's ids, with those that stand before its text."""
        whole = encoder.quick_ids([self._removals.text(frozenset())], self.encoded)
        self._quick = whole == [self.encoded.ids]

    def layout(self) -> TokenLayout:
        """Return which token of the full prompt belongs to which part of its text."""
        return TokenLayout(self._segments, self.encoded, len(self._leading), self._without)

    def without_each(
        self, ablations: Sequence[Ablation]
    ) -> Iterator[tuple[list[Ablation], list[tuple[int, ...]]]]:
        """Take each set of sentences out of the prompt.

        Yields:
            Groups of ablations and their prompts' ids. Those that share much with the full prompt
            come first, so that a group's share about as much.
        """
        ordered = sorted(ablations, key=lambda each: -min(each, default=len(self._segments)))
        length = max(1, sum(len(segment.text) for segment in self._segments))
        step = max(1, _CHARACTERS // length)
        for low in range(0, len(ordered), step):
            group = ordered[low : low + step]
            yield group, self._encode(group)

    def _encode(self, group: Sequence[Ablation]) -> list[tuple[int, ...]]:
        if not self._quick:  # forged control tokens, or a tokenizer with steps of its own
            return [self._with_leading(self._encode_carefully(ablation)) for ablation in group]
        texts = [self._removals.text(ablation) for ablation in group]
        found = self._encoder.quick_ids(texts, self.encoded)
        return [
            self._with_leading(self._encode_carefully(ablation) if ids is None else ids)
            for ablation, ids in zip(group, found, strict=True)
        ]

    def _encode_carefully(self, ablation: Ablation) -> tuple[int, ...]:
        return self._encoder.encode([render(self._segments, self._without | ablation)])[0].ids

    def _with_leading(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        # An ablation of a bare captured prompt may leave nothing: something must predict a start.
        return (*self._leading, *ids) or (self._encoder.start_id,)
