"""`AttributionEventHandler`: citations for whatever LlamaIndex synthesizes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from llama_index.core.chat_engine.types import AgentChatResponse, StreamingAgentChatResponse
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMCompletionEndEvent
from llama_index.core.instrumentation.events.query import QueryEndEvent
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent
from llama_index_instrumentation.dispatcher import Dispatcher
from pydantic import PrivateAttr

from attribot_integrations.answers.desk import Mode
from attribot_integrations.answers.lineage import wrote
from attribot_integrations.llama_index.dispatching import Attachment
from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.scopes import Scope, query_text
from attribot_integrations.llama_index.service import (
    AttributionService,
    ShowsResponses,
    is_response,
)
from attribot_integrations.llama_index.spans import AttributionSpanHandler, is_attributing
from attribot_integrations.llama_index.workflows import (
    WorkflowAnswer,
    workflow_answer,
    workflow_result,
)

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["AttributionEventHandler"]

_logger = logging.getLogger(__name__)


class AttributionEventHandler(BaseEventHandler, ShowsResponses):
    """Watches queries, chats, agents and other workflows, and cites what their answers depend on.

    Attach it with `handler.attach()`, for good or in a `with`. From then on every response shows a
    payload in its metadata, and an agent's output under the same key, plain JSON with a version, a
    status and the citations; read it with `get_citations`. Streams are passed on token by token and
    attributed at their end. An attribution that fails is recorded, and never breaks a query.

    Async calls do not wait for the attribution: their payload is "pending" until a worker thread
    is done, and `await handler.aresult(response)` waits for that.

    Args:
        engine: Attributes the answers.
        mode: "sync" attributes before a synchronous call returns, and in a worker thread for async
            ones; "background" does all of it in the worker thread; "lazy" attributes an answer when
            its record is first read.
        metadata_key: Where a response's metadata, or an agent's output, shows the payload; `None`
            to leave them alone.
        live: Whether answers that are streamed are attributed statement by statement while they
            are, in a worker thread; `AttributedQueryEngine.stream` yields what is found.
        on_citations: Called with each record once its attribution has been tried, in the thread
            that made it; not in "lazy" mode.
        max_records: Most records that are kept; the oldest go first.
        max_pending: Most attributions that wait for the worker thread. When an engine falls so far
            behind, further ones are made when their record is read; a warning says so.
        raise_error: Whether a failed attribution is raised where a record's `attribution` or
            `citations` are read. LlamaIndex lets no handler raise from a call; an
            `AttributedQueryEngine` does.
        gate: If given, only what starts where it is set is attributed.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    _desk: AttributionService = PrivateAttr()
    _gate: ContextVar[bool] | None = PrivateAttr()
    _span_handler: AttributionSpanHandler = PrivateAttr()

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        mode: Mode = "sync",
        metadata_key: str | None = "attribution",
        live: bool = False,
        on_citations: Callable[[AttributionRecord], object] | None = None,
        max_records: int = 256,
        max_pending: int = 1024,
        raise_error: bool = False,
        gate: ContextVar[bool] | None = None,
    ) -> None:
        super().__init__()
        self._desk = AttributionService(
            engine,
            mode=mode,
            metadata_key=metadata_key,
            live=live,
            on_citations=on_citations,
            max_records=max_records,
            max_pending=max_pending,
            raise_error=raise_error,
        )
        self._gate = gate
        self._span_handler = AttributionSpanHandler(self._end_scope, gate)

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "AttributionEventHandler"

    @property
    def span_handler(self) -> AttributionSpanHandler:
        """The span handler that belongs to it; `attach` attaches both."""
        return self._span_handler

    @property
    def service(self) -> AttributionService:
        """What runs the attributions."""
        return self._desk

    def attach(self, dispatcher: Dispatcher | None = None) -> Attachment[AttributionEventHandler]:
        """Start to watch, until the attachment's `detach` is called or a `with` over it ends.

        Args:
            dispatcher: LlamaIndex's dispatcher to watch; by default the root, which sees all.
        """
        return Attachment(self, self._span_handler, dispatcher)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        """Take one of LlamaIndex's events; never raises, for LlamaIndex would not tell anybody."""
        if is_attributing():
            return
        try:
            if isinstance(event, SynthesizeEndEvent):
                self._end_synthesis(event)
            elif isinstance(event, LLMChatEndEvent | LLMCompletionEndEvent):
                self._span_handler.end_call(event.span_id, event.response)
            elif isinstance(event, QueryEndEvent):
                task = self._desk.book.of(event.response)
                if task is not None:  # some engines write the metadata anew after the synthesis
                    task.show(event.response, self._desk.metadata_key)
        except Exception:
            _logger.warning("event %s could not be handled", event.class_name(), exc_info=True)

    def _end_synthesis(self, event: SynthesizeEndEvent) -> None:
        scope = self._span_handler.scope_of(event.span_id)
        seen = scope is not None and scope.kind == "synthesis"
        if scope is None or not seen:
            if not self._span_handler.watches():
                return
            scope = Scope("synthesis", nodes=list(event.response.source_nodes))
        if scope.serves_search:
            return  # its payload could end up in a prompt, with the rest of its metadata
        scope.question = query_text(event.query)
        self._desk.begin(event.response, scope, calls_seen=seen)

    def _end_scope(self, scope: Scope, result: object) -> None:
        """Follow what engines and workflows make of the responses that were synthesized."""
        if scope.serves_search:
            return
        if scope.kind == "workflow":
            result = workflow_result(result)
        if isinstance(result, AgentChatResponse | StreamingAgentChatResponse):
            if scope.tasks:
                self._desk.show(result, scope.tasks[-1])
            elif isinstance(result, AgentChatResponse) and self._desk.cites_turns and scope.calls:
                answer = WorkflowAnswer(result.response)
                self._desk.begin(result, scope, answer=answer)
        elif is_response(result) and scope.kind in ("query", "workflow"):
            self._end_query(scope, result)
        elif scope.kind == "workflow":
            self._end_workflow(scope, result)

    def _end_query(self, scope: Scope, response: Any) -> None:
        task = self._desk.book.of(response)
        if task is None and scope.tasks and not scope.calls:
            last = scope.tasks[-1]
            if last.record.done() and last.record.result().answer == str(response):
                self._desk.show(response, last)  # the same answer in a new response
                return
        if task is None:
            # A custom engine, which retrieves and asks a model without a synthesizer.
            nodes = response.source_nodes or scope.nodes
            scope.nodes = list(nodes)
            self._desk.begin(response, scope, calls_seen=bool(scope.calls))
        else:
            self._desk.show(response, task)

    def _end_workflow(self, scope: Scope, result: object) -> None:
        answer = workflow_answer(scope, result)
        if answer is None:
            return
        text = answer.text.strip()
        same = [task for task in scope.tasks if text and (task.answer or "").strip() == text]
        if same and not any(wrote(call, text) for call in scope.calls):
            self._desk.show(result, same[-1])  # it handed on what it was answered
            return
        scope.notes, scope.written_by = answer.notes, answer.written_by
        self._desk.begin(result, scope, calls_seen=bool(scope.calls), answer=answer)
