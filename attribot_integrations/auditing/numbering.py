"""Which chunk a label means: a number, an id, a title, the name of a file, an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from attribot_integrations.context.links import web_link
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import InputError

__all__ = ["Numbering", "chunk_names", "match_chunk"]

_NAME_KEYS: Final = ("title", "source", "file_name", "filename", "file_id", "url", "link", "uri")
_SHORTEST_QUOTE: Final = 12


@dataclass(frozen=True)
class Numbering:
    """What the labels of one answer mean."""

    by_label: Mapping[str, int]
    """Chunk index by label, lower-case."""

    @classmethod
    def of(
        cls,
        chunks: Sequence[Chunk],
        labels: Sequence[str] = (),
        given: Mapping[str | int, int] | None = None,
    ) -> Numbering:
        """Choose what numbers mean.

        They are as `given`, if that is. Else they are the chunks' ids, where those are numbers and
        fit the labels at least as well as places do; else places in the order of the chunks, from
        1, or from 0 in an answer that cites `[0]`. Ids, titles, names of files and addresses that
        only one chunk has are labels too.

        Args:
            chunks: What was retrieved.
            labels: The labels of the answer.
            given: Chunk indexes by label, where the prompt numbered in another way.

        Raises:
            InputError: If `given` names a chunk that there is not.
        """
        names = chunk_names(chunks)
        if given is not None:
            outside = [place for place in given.values() if not 0 <= place < len(chunks)]
            if outside:
                raise InputError(
                    f"numbers must be mapped to chunks from 0 to {len(chunks) - 1}, "
                    f"got {outside[0]!r}"
                )
            return cls({**names, **{str(label).lower(): place for label, place in given.items()}})
        first = 0 if "0" in labels else 1
        places = {str(first + place): place for place in range(len(chunks))}
        ids = {name: place for name, place in names.items() if name.isdigit()}
        by_id = sum(label in ids for label in labels)
        if ids and by_id >= sum(label in places for label in labels):
            return cls({**names, **ids})
        return cls({**names, **places})

    def labels(self, count: int, used: Sequence[str]) -> tuple[str, ...]:
        """Return what an answer calls each of its chunks.

        Args:
            count: Number of chunks.
            used: The labels that it does use: numbers are called by number, ids by id.
        """
        by_number = sum(label.isdigit() for label in used) * 2 >= len(used)
        found = {
            place: label
            for label, place in reversed([*self.by_label.items()])
            if label.isdigit() is by_number
        }
        found |= {place: label for label in used if (place := self.chunk(label)) is not None}
        return tuple(found.get(place, str(place + 1)) for place in range(count))

    def chunk(self, label: str) -> int | None:
        """Return the index of the chunk that a label means, `None` if it means none."""
        return self.by_label.get(_plain(label))


def chunk_names(chunks: Sequence[Chunk]) -> dict[str, int]:
    """Return the ids, titles, names of files and addresses that tell one chunk from all others."""
    found: dict[str, set[int]] = {}
    for place, chunk in enumerate(chunks):
        names = [
            chunk.id,
            chunk.title,
            web_link(chunk.metadata),
            *map(chunk.metadata.get, _NAME_KEYS),
        ]
        for name in names:
            if isinstance(name, str) and name.strip():
                found.setdefault(_plain(name), set()).add(place)
    return {name: min(places) for name, places in found.items() if len(places) == 1}


def match_chunk(
    chunks: Sequence[Chunk],
    *,
    names: Sequence[Any] = (),
    place: Any = None,
    quotes: Sequence[Any] = (),
) -> int | None:
    """Find the chunk that a provider's citation means.

    Args:
        chunks: What was retrieved.
        names: What may be an id, title or address of it; the first that tells one chunk counts.
        place: Its place among the documents, from 0, if the provider gives one.
        quotes: Texts quoted from it.

    Returns:
        Its index; `None` if it can't be told.
    """
    known = chunk_names(chunks)
    for name in names:
        if isinstance(name, str) and _plain(name) in known:
            return known[_plain(name)]
    if isinstance(place, int) and 0 <= place < len(chunks):
        return place
    for quote in quotes:
        words = " ".join(quote.split()).lower() if isinstance(quote, str) else ""
        if len(words) < _SHORTEST_QUOTE:
            continue
        texts = [" ".join(chunk.text.split()).lower() for chunk in chunks]
        holders = [index for index, text in enumerate(texts) if words in text or text in words]
        if len(holders) == 1:
            return holders[0]
    return None


def _plain(name: str) -> str:
    return name.strip().rstrip("/").lower()
