"""Text to token ids, such that no text but the chat template's own becomes a control token.

The whole text is tokenised as usual. Where a control token shows up outside the template's own
text, retrieved text has forged it: the text is then cut in the middle of that token and tokenised
in two pieces, until none is left. Text without forged tokens is thus tokenised exactly as the
model saw it in training, and offsets hold in either case.
"""

from __future__ import annotations

import copy
import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from attribot_integrations.context.prompts import Prompt, Rendered, Segment
from attribot_integrations.context.sources import Span
from attribot_integrations.errors import (
    ControlTokenError,
    EmptyAnswerError,
    UnsupportedModelError,
)
from attribot_integrations.tokens.chat import chat_segments
from attribot_integrations.tokens.control_tokens import can_hide_one_another, find_control_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["EncodedText", "TextEncoder"]

_PLAIN_SUFFIX = "\n\nAnswer:\n"
_PIECES = 1 << 18
"""Most characters of pieces of hostile text whose tokens are kept."""

_logger = logging.getLogger(__name__)


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
        self._tokenizer.split_special_tokens = False  # the caller's tokenizer may ask for it
        self._backend: Any = self._tokenizer.backend_tokenizer
        _make_deterministic(self._backend)
        self.control_ids = find_control_ids(self._tokenizer, self._chat_options)
        self._told_apart = not can_hide_one_another(self._tokenizer, self.control_ids)
        self.uses_chat_template = bool(getattr(self._tokenizer, "chat_template", None))
        self._leading_ids = self._find_leading_ids()
        # Beside adding tokens, a post-processor may trim white space from offsets.
        self._backend.post_processor = None
        unknown = self._tokenizer.unk_token_id
        named = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id)
        self._unknown_id = None if unknown in named else unknown
        self._known_control_ids = self.control_ids - {self._unknown_id}
        starts = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id, 0)
        self.start_id: int = next(id_ for id_ in starts if id_ is not None)
        self._pieces: dict[str, EncodedText] = {}
        self._room = _PIECES
        self._warned = False

    def segments(self, prompt: Prompt) -> tuple[tuple[int, ...], list[Segment]]:
        """Put a prompt into the model's own form.

        Returns:
            Ids that stand before the text (BOS where the tokenizer adds it by itself and the text
            has none), and the segments of the whole prompt, the chat template's own text marked as
            trusted.

        Raises:
            PromptError: If the chat template refuses the messages or does not show them.
        """
        if self.uses_chat_template and not prompt.raw:
            asked = chat_segments(self._tokenizer, prompt.asked, self._chat_options)
            return (), [*asked, *prompt.begun]
        segments: list[Segment] = []
        for number, message in enumerate(prompt.asked):
            segments += [Segment("\n\n", trusted=True)] if number else []
            segments += message.segments
        if not prompt.raw:
            segments.append(Segment(_PLAIN_SUFFIX, trusted=True))
            return self._leading_ids, [*segments, *prompt.begun]
        self._warn_of_plain_markers(segments)
        leading = "".join(self._tokenizer.convert_ids_to_tokens(list(self._leading_ids)))
        written = segments and segments[0].trusted and segments[0].text.startswith(leading)
        alone = written and not prompt.bos_added
        return () if alone else self._leading_ids, segments

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

    def quick_ids(self, texts: Sequence[str], full: EncodedText) -> list[tuple[int, ...] | None]:
        """Tokenise what ablations leave of a text, without the offsets that `encode` works out.

        Ablations leave the chat template's own text as it is. So where the control tokens are
        those of the full text, and none can hide another, none is forged.

        Args:
            texts: The texts that are left.
            full: The full text, as `encode` tokenised it.

        Returns:
            Ids of each text; `None` where only `encode` can tell.
        """
        if not self._told_apart:
            return [None] * len(texts)
        control = self._known_control_ids  # unknown characters may come and go
        wanted = [id_ for id_ in full.ids if id_ in control]
        found = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        quick: list[tuple[int, ...] | None] = []
        for text, ids in zip(texts, (each.ids for each in found), strict=True):
            unnamed = self._unknown_id is None or self._tokenizer.unk_token not in text
            same = [id_ for id_ in ids if id_ in control] == wanted
            quick.append(tuple(ids) if same and unnamed else None)
        return quick

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids that the model has written, control tokens left out."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def written_out(self, ids: Sequence[int]) -> str | None:
        """Return a text that becomes just these ids, control tokens included.

        Args:
            ids: Any ids, none that the tokenizer adds by itself among them.

        Returns:
            The text; `None` if it would become other ids, as where a forged control token was cut.
        """
        text = str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )
        return text if self._encode([text])[0].ids == tuple(ids) else None

    def encode_text(self, text: str) -> EncodedText:
        """Tokenise one text that holds no template text at all, such as an answer.

        Raises:
            EmptyAnswerError: If the text is not blank, but the tokenizer makes nothing of it.
            ControlTokenError: If the text cannot be kept from becoming a control token.
        """
        encoded = self.encode([Rendered(text, (), ())])[0]
        if not encoded.ids and text.strip():
            raise EmptyAnswerError(
                f"the tokenizer makes no token of the answer {text!r:.60}, so nothing can be scored"
            )
        return encoded

    def _encode(self, texts: Sequence[str]) -> list[EncodedText]:
        found = self._backend.encode_batch(list(texts), add_special_tokens=False)
        return [EncodedText(tuple(each.ids), tuple(each.offsets)) for each in found]

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
            pieces = self._encode_pieces([item.text[start:end] for start, end in pairwise(edges)])
            encoded = EncodedText(
                tuple(chain.from_iterable(piece.ids for piece in pieces)),
                tuple(
                    (start + edge, end + edge)
                    for edge, piece in zip(edges, pieces, strict=False)
                    for start, end in piece.offsets
                ),
            )
        return encoded

    def _encode_pieces(self, texts: Sequence[str]) -> list[EncodedText]:
        """Tokenise pieces of hostile text, which are much the same in every ablation."""
        found = {text: self._pieces.get(text) for text in texts}
        missing = [text for text, encoded in found.items() if encoded is None]
        new = dict(zip(missing, self._encode(missing), strict=True))
        size = sum(map(len, missing))
        if size > self._room:  # other threads may go on with the old one
            self._pieces, self._room = {}, _PIECES
        if size <= self._room:
            self._pieces.update(new)
            self._room -= size
        return [found[text] or new[text] for text in texts]

    def _forged(self, encoded: EncodedText, item: Rendered) -> list[Span]:
        """Return the visible spans of control tokens that the template did not put there."""
        forged: list[Span] = []
        lows = [low for low, _ in item.trusted]
        for id_, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
            if id_ not in self.control_ids:
                continue
            token = item.text[start:end]
            if id_ == self._unknown_id and self._tokenizer.unk_token not in token:
                continue  # a character that the vocabulary lacks
            # A token may swallow white space around it, in which no cut would break it, and which
            # need not be the template's where the token is.
            if visible := token.strip():
                start += token.index(visible)
                end = start + len(visible)
            place = bisect_right(lows, start) - 1
            if place < 0 or end > item.trusted[place][1]:
                forged.append((start, end))
        return forged

    def _warn_of_plain_markers(self, segments: Sequence[Segment]) -> None:
        if self._warned:
            return
        texts = [each.text for each in segments if not each.needs and not each.trusted]
        for text, encoded in zip(texts, self._encode(texts), strict=True):
            for start, end in self._forged(encoded, Rendered(text, (), ())):
                self._warned = True
                _logger.warning(
                    "the captured prompt holds the control token %r outside its chunks, and it is "
                    "read as plain text, which the generator may not have done: pass the chat "
                    "messages instead, or RawPrompt(text, trusted=True) if you trust that text",
                    text[start:end],
                )
                return

    def _find_leading_ids(self) -> tuple[int, ...]:
        """Find the ids that the tokenizer puts before a text by itself, such as BOS."""
        plain = self._backend.encode("a", add_special_tokens=False).ids
        full = self._backend.encode("a", add_special_tokens=True).ids
        for start in range(len(full) - len(plain) + 1):
            if full[start : start + len(plain)] == plain:
                return tuple(full[:start])
        return ()


def _make_deterministic(backend: Any) -> None:
    """Give every text the same tokens every time, and all of them."""
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = False
    # Dropout (BPE) and sampling (Unigram) are for training.
    for option in ("dropout", "alpha", "nbest_size"):
        if getattr(backend.model, option, None) is not None:
            setattr(backend.model, option, None)
