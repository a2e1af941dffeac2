"""Which token of a prompt belongs to which segment of its text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attribot_integrations.prompts import Segment
from attribot_integrations.scoring.encoding import EncodedText
from attribot_integrations.sources import Span, first_visible

__all__ = ["TokenLayout"]


class TokenLayout:
    """The tokens of a rendered prompt, each owned by one segment.

    A token belongs to the segment in which its first visible character stands, so the segments'
    token ranges tile the prompt.

    Args:
        segments: The segments that are shown, in order.
        encoded: The tokens of their joined text.
        shift: How many tokens stand before the text, such as BOS.
    """

    def __init__(self, segments: Sequence[Segment], encoded: EncodedText, shift: int) -> None:
        text = "".join(segment.text for segment in segments)
        lengths = np.array([len(segment.text) for segment in segments])
        places = np.array([first_visible(text, span) for span in encoded.offsets], dtype=np.int64)
        # The last token may stand for no character at all, at the very end of the text.
        places = np.minimum(places, max(len(text) - 1, 0))
        self._segments = tuple(segments)
        self._owners: npt.NDArray[np.int64] = np.searchsorted(lengths.cumsum(), places, "right")
        self._shift = shift

    def sentences(self) -> dict[int, Span]:
        """Return the token range of every sentence by id; a repeated one's first place."""
        spans: dict[int, Span] = {}
        for index, segment in enumerate(self._segments):
            if segment.sentence_id is not None and segment.sentence_id not in spans:
                for span in self._ranges(np.array([index])):
                    spans[segment.sentence_id] = span
        return spans

    def context_end(self) -> int:
        """Return the first token behind everything that an ablation can remove."""
        removable = [index for index, segment in enumerate(self._segments) if segment.needs]
        spans = self._ranges(np.array(removable, dtype=np.int64))
        return spans[-1][1] if spans else self._shift

    def hidden(self, removed: frozenset[int]) -> tuple[Span, ...]:
        """Return the token ranges that disappear when the sentences `removed` are taken out."""
        gone = [
            index
            for index, segment in enumerate(self._segments)
            if segment.needs and not segment.shown(removed)
        ]
        return self._ranges(np.array(gone, dtype=np.int64))

    def _ranges(self, indexes: npt.NDArray[np.int64]) -> tuple[Span, ...]:
        """Return the token ranges that segments own, neighbours joined."""
        owned = np.isin(self._owners, indexes).astype(np.int8)
        edges = np.flatnonzero(np.diff(owned, prepend=0, append=0)) + self._shift
        return tuple((int(start), int(end)) for start, end in edges.reshape(-1, 2))
