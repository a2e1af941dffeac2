"""What may stand in an engine's place, for those who ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from attribot_integrations.requests.options import AttributionRequest
    from attribot_integrations.results import Attribution

__all__ = ["BatchAttributor", "KnowsItsModel", "RequestAttributor"]


class RequestAttributor(Protocol):
    """Anything that attributes requests, above all an `AttributionEngine`."""

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        """Score the sources of one answer, and cite those that carry it."""
        ...


class BatchAttributor(RequestAttributor, Protocol):
    """What also attributes requests that share their chunks."""

    def sharing_context(self) -> RequestAttributor:
        """Return what attributes requests that have the same chunks, in turn."""
        ...


@runtime_checkable
class KnowsItsModel(Protocol):
    """An engine that can tell what its target is, so that prompts reach it as the generator's."""

    @property
    def uses_chat_template(self) -> bool:
        """Whether the target puts chat messages into a chat format of its own."""
        ...

    def runs(self, model: object) -> bool:
        """Tell whether the target is this very model, so that ids and markup are its own."""
        ...
