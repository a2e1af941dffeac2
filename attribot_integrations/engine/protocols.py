"""What every engine can do, be its model here or behind a service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from attribot_integrations.requests.attributors import (
    BatchAttributor,
    KnowsItsModel,
    RequestAttributor,
)

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.filtering import (
        ChunkScores,
        Granularity,
        RelevanceSignal,
        SignalName,
    )
    from attribot_integrations.requests.options import AttributionRequest, EngineOptions
    from attribot_integrations.results import Attribution, FailedAttribution

__all__ = ["Engine"]


class Engine(BatchAttributor, KnowsItsModel, Protocol):
    """What an `AttributionEngine` and a `RemoteEngine` have in common.

    Adapters ask for less: handlers, `cite`, wrappers and audits for `attribute_request`, and
    whether the target is the generator; filters for `score_chunks`; batches for `sharing_context`.
    Arguments and errors are those of `AttributionEngine`.
    """

    def attribute(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Score every source of the context, and cite those that carry the answer."""
        ...

    async def aattribute(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Do what `attribute` does, leaving the event loop free."""
        ...

    def attribute_batch(
        self,
        requests: Iterable[AttributionRequest],
        *,
        options: EngineOptions | None = None,
        progress: bool = True,
        raise_error: bool = False,
    ) -> list[Attribution | FailedAttribution]:
        """Attribute many answers."""
        ...

    def attribute_request(
        self, request: AttributionRequest, *, options: EngineOptions | None = None
    ) -> Attribution:
        """Do what `attribute` does, with the arguments in one object."""
        ...

    def sharing_context(self) -> RequestAttributor:
        """Return what attributes requests that have the same chunks, in turn."""
        ...

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        *,
        signal: RelevanceSignal | SignalName = "words",
        granularity: Granularity = "chunk",
        options: EngineOptions | None = None,
    ) -> ChunkScores:
        """Say how relevant each chunk is, before there is an answer."""
        ...
