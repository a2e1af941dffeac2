"""`CitationMiddleware`: citations in the state of agents built with `langchain.agents`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID, uuid4

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    SystemMessage,
    ToolMessage,
)

from attribot_integrations.answers.background import run_apart
from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.desk import complete
from attribot_integrations.answers.recent import Recent
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.langchain.annotations import Annotation, citation_annotations
from attribot_integrations.langchain.content import answer_text, prompt_messages, question_text
from attribot_integrations.langchain.context import attached
from attribot_integrations.langchain.documents import chunks_in, tool_chunks
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.langchain.messages import strip_citations
from attribot_integrations.langchain.records import UNTOLD, CitationRecord
from attribot_integrations.requests.engine_check import check_engine

try:
    from langchain.agents.middleware.types import AgentMiddleware, AgentState, OmitFromInput
    from typing_extensions import NotRequired
except ImportError as error:
    raise MissingExtraError("CitationMiddleware", "langchain-agents") from error

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest, ModelResponse, ToolCallRequest
    from langgraph.runtime import Runtime
    from langgraph.types import Command

    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["CitationMiddleware", "CitedAgentState"]

_REMEMBERED: Final = 1024


class CitedAgentState(AgentState[Any]):
    """An agent's state with citations."""

    citations: NotRequired[Annotated[list[Annotation], OmitFromInput]]
    """The citations of the last answer, in LangChain's standard form."""


@dataclass(frozen=True)
class _Seen:
    """What a model saw when it was called."""

    prompt: list[dict[str, str]]
    chunks: tuple[Chunk, ...]
    model: str | None


class CitationMiddleware(AgentMiddleware[CitedAgentState]):
    """Adds citations of an agent's answer to its state, under the key `citations`.

    Documents are found in the artifacts of tools' messages, in what retrievers inside tools find,
    and in what tools hand to `register_documents`; without any, what the tools wrote is cited. The
    messages are left as they are, `add_citations` annotates the one to be shown. Should one that is
    annotated get into the conversation, the model is sent it without annotations.

    One middleware serves any number of agents and calls at once. Streams give the answer before
    it is attributed.

    Args:
        engine: Attributes the answers.
        answer_key: Key or attribute of the structured response that holds the answer, if the agent
            gives one and it is not a usual one.
        on_citations: Called with the record of each answer, which holds the full attribution.
        raise_error: Whether a failed attribution is raised. By default it is logged, and there are
            no citations.

    Raises:
        ConfigurationError: If `engine` is no engine.
    """

    state_schema = CitedAgentState

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        answer_key: str | None = None,
        on_citations: Callable[[CitationRecord], object] | None = None,
        raise_error: bool = False,
    ) -> None:
        check_engine(engine, "attribute_request")
        super().__init__()
        self.tools = []
        self.engine = engine
        self.answer_key = answer_key
        self.on_citations = on_citations
        self.raise_error = raise_error
        # An agent's state has no place for these that would not be stored with every step.
        self._seen: Recent[str, _Seen] = Recent(_REMEMBERED)
        self._found: Recent[tuple[str, str], tuple[Chunk, ...]] = Recent(_REMEMBERED)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Note what the model sees."""
        request = _without_citations(request)
        response = handler(request)
        self._note_call(request, response)
        return response

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Note what the model sees."""
        request = _without_citations(request)
        response = await handler(request)
        self._note_call(request, response)
        return response

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Note what is retrieved inside the tool."""
        collector = _Collector()
        with attached(collector):
            result = handler(request)
        self._note_tool(result, collector.chunks)
        return result

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Note what is retrieved inside the tool."""
        collector = _Collector()
        with attached(collector):
            result = await handler(request)
        self._note_tool(result, collector.chunks)
        return result

    def after_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer."""
        return self._cite(self._record(state))

    async def aafter_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer in a worker thread."""
        record = self._record(state)
        return await run_apart(lambda: self._cite(record))

    def _note_call(self, request: ModelRequest[Any], response: ModelResponse[Any]) -> None:
        # The first releases of langchain 1 know the text only.
        text = request.system_prompt
        system = getattr(request, "system_message", text and SystemMessage(text))
        seen = self._what_is_seen([*([system] if system else []), *request.messages], request.model)
        for message in response.result:
            if isinstance(message, AIMessage) and message.id is not None:
                self._seen.add(message.id, seen)

    def _note_tool(self, result: object, chunks: tuple[Chunk, ...]) -> None:
        if chunks and isinstance(result, ToolMessage) and not chunks_in(result.artifact):
            self._found.add(_tool_key(result), chunks)

    def _what_is_seen(self, messages: Sequence[BaseMessage], model: object = None) -> _Seen:
        chunks: dict[tuple[str | None, str], Chunk] = {}
        for message in messages:
            if isinstance(message, ToolMessage):
                found = chunks_in(message.artifact) or self._found.get(_tool_key(message)) or ()
                chunks.update({(chunk.id, chunk.text): chunk for chunk in found})
        names = (getattr(model, name, None) for name in ("model_name", "model"))
        return _Seen(
            prompt=prompt_messages(messages),
            chunks=tuple(chunks.values()) or tool_chunks(messages),
            model=next((name for name in names if isinstance(name, str)), None),
        )

    def _record(self, state: CitedAgentState) -> CitationRecord | None:
        """Return what there is to attribute, `None` if the agent has not answered."""
        messages = state["messages"]
        structured = state.get("structured_response")
        if structured is None:
            answer = answer_text(messages)
        else:
            answer = answer_text(structured, self.answer_key)
        place = _last_answer(messages)
        if answer is None or place is None:
            return None
        seen = self._seen.get(messages[place].id or "")
        seen = seen or self._what_is_seen(messages[:place])  # of another process, say
        captured = CapturedAnswer(
            id=str(uuid4()),
            question=question_text(messages) or "",
            chunks=seen.chunks,
            prompt=seen.prompt,
            answer=answer,
            generator=seen.model,
            problem=None if seen.chunks else UNTOLD,
            kind="documents",
        )
        return CitationRecord(captured, self.engine, raise_error=self.raise_error)

    def _cite(self, record: CitationRecord | None) -> dict[str, Any]:
        if record is not None:
            complete(record, self.on_citations, raise_error=self.raise_error)
        attribution = None if record is None else record.attribution
        # Those of an earlier turn must not stay.
        return {"citations": [] if attribution is None else citation_annotations(attribution)}


class _Collector(CapturingHandler):
    """Gathers what is retrieved inside a tool."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: tuple[Chunk, ...] = ()

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Take what was gathered below a tool, before it is forgotten."""
        if self.tracker.is_root(run_id):
            self.chunks += self.tracker.gathered(run_id)
        super().on_tool_end(output, run_id=run_id, **kwargs)


def _tool_key(message: ToolMessage) -> tuple[str, str]:
    # Some models number their calls from 0 in every conversation.
    return message.tool_call_id, str(message.text)


def _last_answer(messages: Sequence[AnyMessage]) -> int | None:
    places = range(len(messages) - 1, -1, -1)
    return next((place for place in places if isinstance(messages[place], AIMessage)), None)


def _without_citations(request: ModelRequest[Any]) -> ModelRequest[Any]:
    messages: Iterable[AnyMessage] = map(strip_citations, request.messages)
    stripped = list(messages)
    if all(new is old for new, old in zip(stripped, request.messages, strict=True)):
        return request
    return request.override(messages=stripped)
