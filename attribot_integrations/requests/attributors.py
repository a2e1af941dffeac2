"""What may stand in an engine's place, for those who ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from attribot_integrations.requests.options import AttributionRequest
    from attribot_integrations.results import Attribution

__all__ = [
    "BatchAttributor",
    "FollowingAttributor",
    "FollowsAnswers",
    "KnowsItsModel",
    "RequestAttributor",
]


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


class FollowingAttributor(RequestAttributor, Protocol):
    """Attributes the beginnings of one answer in turn, and runs only what is new of each."""

    @property
    def beginnings(self) -> RequestAttributor:
        """Attributes those that are not all of it, without what can wait until it is complete."""
        ...

    def warm_up(self, request: AttributionRequest) -> None:
        """Run what all beginnings need, as soon as there is a first word."""
        ...

    def let_go(self) -> None:
        """Free what is held."""
        ...

    def cancel(self) -> None:
        """Have the attribution that runs now end soon; any thread may call it."""
        ...


@runtime_checkable
class FollowsAnswers(Protocol):
    """An engine that need not run the beginning of an answer again when that has gone on."""

    def following_answer(self) -> FollowingAttributor:
        """Return what attributes one answer while it grows."""
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
