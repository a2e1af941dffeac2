"""`AttributionNodePostprocessor`: citations by a component, where no global handler is wanted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field, PrivateAttr

from attribot_integrations.answers.recent import Recent
from attribot_integrations.answers.record import wait_for
from attribot_integrations.errors import InputError
from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.scopes import Scope
from attribot_integrations.llama_index.service import AttributionService
from attribot_integrations.requests.attributors import RequestAttributor

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["AttributionNodePostprocessor"]


class AttributionNodePostprocessor(BaseNodePostprocessor):
    """Notes which nodes are handed to the synthesizer, and hands them on as they are.

    Put it last among an engine's post-processors; then `attribute(response)` attributes a response
    of that engine. It does not see the prompt, so a template takes its place and records are
    "approximate"; `AttributionEventHandler` captures it.

    Args:
        engine: Attributes the answers.
        metadata_key: Where a response's metadata shows the payload; `None` to leave it alone.
        max_captures: Most queries whose nodes are kept; the oldest go first.

    Raises:
        ConfigurationError: If `engine` is no engine, or `metadata_key` is empty.
    """

    metadata_key: str | None = Field(default="attribution")
    max_captures: int = Field(default=256, ge=1)

    _service: AttributionService = PrivateAttr()
    _captures: Recent[tuple[int, ...], tuple[str, list[NodeWithScore]]] = PrivateAttr()

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        metadata_key: str | None = "attribution",
        max_captures: int = 256,
    ) -> None:
        fields: dict[str, Any] = {"metadata_key": metadata_key, "max_captures": max_captures}
        super().__init__(**fields)
        self._service = AttributionService(engine, metadata_key=metadata_key)
        self._captures = Recent(max_captures)

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "AttributionNodePostprocessor"

    def attribute(self, response: RESPONSE_TYPE) -> AttributionRecord:
        """Attribute a response that was made from nodes that went through here.

        Args:
            response: The response; if it streams, its stream must have been read with
                `get_response`, which keeps the text.

        Raises:
            InputError: If its nodes did not go through here, or its stream has not been read.
        """
        known = self._service.book.of(response)
        if known is None:
            if getattr(response, "response_txt", "") is None:
                raise InputError(
                    "the response's stream must be read with get_response() before it is attributed"
                )
            question, nodes = self._captured(response)
            scope = Scope("synthesis", question=question, nodes=nodes)
            self._service.begin(response, scope, calls_seen=False)
        return wait_for(self._service.coming(response))

    async def aattribute(self, response: RESPONSE_TYPE) -> AttributionRecord:
        """Do what `attribute` does in a worker thread, leaving the event loop free.

        Raises:
            InputError: If its nodes did not go through here, or its stream has not been read.
        """
        return await asyncio.to_thread(self.attribute, response)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        question = "" if query_bundle is None else query_bundle.query_str
        key = tuple(map(id, nodes))  # of objects that the capture keeps alive
        self._captures.add(key, (question, list(nodes)))
        return nodes

    def _captured(self, response: RESPONSE_TYPE) -> tuple[str, list[NodeWithScore]]:
        sources = list(map(id, response.source_nodes))
        for key, capture in reversed(self._captures.items()):
            # A synthesizer may add further source nodes, which were not in the prompt.
            if list(key) == sources[: len(key)] and (key or not sources):
                return capture
        raise InputError(
            f"none of the last {self.max_captures} captures holds the response's "
            f"{len(sources)} source nodes; was it made by an engine with this post-processor?"
        )
