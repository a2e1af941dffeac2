"""Requests that follow each other with the same context, and what attributes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from attribot_integrations.requests.options import AttributionRequest

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["AttributesBatches", "AttributesRequests", "context_key", "context_runs"]

_Item = TypeVar("_Item")


class AttributesRequests(Protocol):
    """Whatever attributes one request."""

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        """Attribute one answer."""


class AttributesBatches(AttributesRequests, Protocol):
    """An `AttributionEngine`, or what stands in for one."""

    def sharing_context(self) -> AttributesRequests:
        """Return what attributes requests that have the same chunks, in turn."""


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
