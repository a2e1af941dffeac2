"""Requests that follow each other with the same context."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from attribot_integrations.requests.options import AttributionRequest

__all__ = ["context_key", "context_runs"]

_Item = TypeVar("_Item")


def context_runs(
    items: Iterable[_Item], request_of: Callable[[_Item], AttributionRequest | None]
) -> Iterator[list[_Item]]:
    """Gather neighbours that have the same chunks in the same order.

    Args:
        items: Requests, or what holds them.
        request_of: Returns an item's request, if it has one.
    """
    keyed = ((context_key(request_of(item), place), item) for place, item in enumerate(items))
    for _, same in groupby(keyed, key=lambda pair: pair[0]):
        yield [item for _, item in same]


def context_key(request: AttributionRequest | None, place: int) -> object:
    """Return what is equal for requests with the same chunks, and for no others."""
    chunks: object = getattr(request, "chunks", None)  # it may be no request at all
    if not isinstance(chunks, list | tuple):
        return place
    texts = tuple(getattr(chunk, "text", chunk) for chunk in chunks)
    return texts if all(isinstance(text, str) for text in texts) else place
