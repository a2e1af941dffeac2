"""Offsets in UTF-16 units, as JavaScript, Java and C# count them.

Python counts characters; an emoji is one of those but two UTF-16 units, so offsets drift behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal

from attribot_integrations.errors import ConfigurationError

__all__ = ["OffsetUnit", "offset_table", "with_offsets"]

OffsetUnit = Literal["characters", "utf-16"]
"""What offsets count."""


def offset_table(text: str, offsets: OffsetUnit) -> Sequence[int]:
    """Return `[characters + 1]`: every offset in characters, in another unit.

    Args:
        text: The text that the offsets are in.
        offsets: The unit.

    Raises:
        ConfigurationError: If there is no such unit.
    """
    if offsets == "characters":
        return range(len(text) + 1)
    if offsets != "utf-16":
        raise ConfigurationError(f'offsets must be "characters" or "utf-16", got {offsets!r}')
    return list(accumulate((1 + (character > "\uffff") for character in text), initial=0))


def with_offsets(data: Mapping[str, Any], offsets: OffsetUnit) -> dict[str, Any]:
    """Return `attribution_to_dict`'s data with offsets in the answer, chunks and steps converted.

    `schema` becomes a text, "2-utf-16", so that the result is not taken for one whose offsets count
    characters. The places in the prompt (`locations`) are left out, since the prompt is not there
    to count in; nor is a chunk's document, so that places in it (the last of each of `stretches`)
    stay as they are.

    Raises:
        ConfigurationError: If there is no such unit.
    """
    answer = offset_table(data["answer"], offsets)
    steps = [offset_table(step["text"], offsets) for step in data["steps"]]
    chunks = [offset_table(chunk["text"], offsets) for chunk in data["chunks"]]
    return {
        **data,
        "schema": f"{data['schema']}-{offsets}",
        "chunks": [
            _moved_chunk(chunk, table) for chunk, table in zip(data["chunks"], chunks, strict=True)
        ],
        "statements": [_moved(item, answer, "start", "end") for item in data["statements"]],
        "sources": [
            _moved(item, chunks[item["chunk_index"]], "start", "end") for item in data["sources"]
        ],
        "citations": [
            _moved(
                _moved(item, answer, "answer_start", "answer_end"),
                chunks[item["chunk_index"]],
                "chunk_start",
                "chunk_end",
            )
            for item in data["citations"]
        ],
        "steps": [
            {
                **step,
                "statements": [_moved(item, table, "start", "end") for item in step["statements"]],
                "hops": [_moved_hop(hop, chunks, steps) for hop in step["hops"]],
            }
            for step, table in zip(data["steps"], steps, strict=True)
        ],
        "hops": [_moved_hop(hop, chunks, steps) for hop in data["hops"]],
        "token_spans": _moved_spans(data["token_spans"], answer),
        "locations": [
            {
                **location,
                "places": [],
                "shown": [
                    span
                    for each in location["shown"]
                    for span in _moved_spans([each], chunks[location["chunk_index"]])
                ],
            }
            for location in data["locations"]
        ],
    }


def _moved_hop(
    hop: Mapping[str, Any], chunks: Sequence[Sequence[int]], steps: Sequence[Sequence[int]]
) -> dict[str, Any]:
    index = hop["chunk_index"]
    return _moved(hop, steps[hop["step_index"]] if index is None else chunks[index], "start", "end")


def _moved(item: Mapping[str, Any], table: Sequence[int], *keys: str) -> dict[str, Any]:
    return {**item, **{key: table[item[key]] for key in keys}}


def _moved_spans(spans: Iterable[Sequence[int]], table: Sequence[int]) -> list[list[int]]:
    return [[table[start], table[end], *rest] for start, end, *rest in spans]


def _moved_chunk(chunk: Mapping[str, Any], table: Sequence[int]) -> dict[str, Any]:
    """Return a chunk, the spans of its parts converted, where they are known."""
    found = dict(chunk)
    if "body" in chunk:
        (found["body"],) = _moved_spans([chunk["body"]], table)
        found["shown_metadata"] = _moved_spans(chunk["shown_metadata"], table)
    if "origin" in chunk:
        stretches = _moved_spans(chunk["origin"]["stretches"], table)
        found["origin"] = {**chunk["origin"], "stretches": stretches}
    return found
