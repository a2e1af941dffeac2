"""Which part of a prompt an ablation takes away, in its text and in its tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.prompts import Segment
from attribot_integrations.context.sources import Span, first_visible
from attribot_integrations.tokens.encoding import EncodedText

__all__ = ["Removals", "TokenLayout"]


class Removals:
    """Finds the segments that an ablation takes away without looking at all of them.

    Args:
        segments: The segments that are shown when the sentences `without` are gone, in order.
        without: Ids of sentences that are left out for good.
    """

    def __init__(self, segments: Sequence[Segment], without: frozenset[int] = frozenset()) -> None:
        self._segments = tuple(segments)
        self._texts = [segment.text for segment in segments]
        self._without = without
        # A segment goes when some range loses all its sentences, so when it loses its first one.
        self._places: dict[int, list[int]] = {}
        for place, segment in enumerate(segments):
            for first in {next(id_ for id_ in ids if id_ not in without) for ids in segment.needs}:
                self._places.setdefault(first, []).append(place)

    def gone(self, removed: frozenset[int]) -> list[int]:
        """Return the indexes of the segments that go with the sentences `removed`, in order."""
        everything = removed | self._without
        candidates = {place for id_ in removed for place in self._places.get(id_, ())}
        return sorted(place for place in candidates if not self._segments[place].shown(everything))

    def text(self, removed: frozenset[int]) -> str:
        """Return the text that is left without the sentences `removed`."""
        texts = self._texts.copy()
        for place in self.gone(removed):
            texts[place] = ""
        return "".join(texts)


class TokenLayout:
    """The tokens of a rendered prompt, each owned by one segment.

    A token belongs to the segment in which its first visible character stands, so the segments'
    token ranges tile the prompt.

    Args:
        segments: The segments that are shown, in order.
        encoded: The tokens of their joined text.
        shift: How many tokens stand before the text, such as BOS.
        without: Ids of sentences that are left out for good.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        encoded: EncodedText,
        shift: int,
        without: frozenset[int] = frozenset(),
    ) -> None:
        text = "".join(segment.text for segment in segments)
        ends = np.array([len(segment.text) for segment in segments]).cumsum()
        places = np.array([first_visible(text, span) for span in encoded.offsets], dtype=np.int64)
        # The last token may stand for no character at all, at the very end of the text.
        places = np.minimum(places, max(len(text) - 1, 0))
        owners = np.maximum.accumulate(np.searchsorted(ends, places, "right"))
        self._segments = tuple(segments)
        self._removals = Removals(segments, without)
        edges: npt.NDArray[np.int64] = np.searchsorted(owners, np.arange(len(segments) + 1))
        self._edges: list[int] = (edges + shift).tolist()

    def sentences(self) -> dict[int, Span]:
        """Return the token range of every sentence by id; a repeated one's first place."""
        spans: dict[int, Span] = {}
        for index, segment in enumerate(self._segments):
            if segment.sentence_id is not None and segment.sentence_id not in spans:
                for span in self._ranges([index]):
                    spans[segment.sentence_id] = span
        return spans

    def places(self, sentences: frozenset[int]) -> tuple[Span, ...]:
        """Return the token ranges of sentences, given by their ids, at all their places."""
        return self._ranges(
            [
                index
                for index, segment in enumerate(self._segments)
                if segment.sentence_id in sentences
            ]
        )

    def context_end(self) -> int:
        """Return the first token behind everything that an ablation can remove."""
        removable = [index for index, segment in enumerate(self._segments) if segment.needs]
        spans = self._ranges(removable)
        return spans[-1][1] if spans else self._edges[0]

    def hidden(self, removed: frozenset[int]) -> tuple[Span, ...]:
        """Return the token ranges that disappear when the sentences `removed` are taken out."""
        return self._ranges(self._removals.gone(removed))

    def _ranges(self, indexes: Sequence[int]) -> tuple[Span, ...]:
        """Return the token ranges that segments own, given in order, neighbours joined."""
        ranges: list[Span] = []
        for index in indexes:
            start, end = self._edges[index], self._edges[index + 1]
            if start == end:
                continue
            if ranges and ranges[-1][1] == start:
                start = ranges.pop()[0]
            ranges.append((start, end))
        return tuple(ranges)
