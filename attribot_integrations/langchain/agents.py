"""`CitationMiddleware`: citations in the state of agents built with `langchain.agents`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from attribot_integrations.answers.attempt import Status
from attribot_integrations.answers.background import run_apart
from attribot_integrations.answers.captured import ModelCall
from attribot_integrations.answers.desk import complete
from attribot_integrations.answers.recent import Recent
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.answers.several import answers_of
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.langchain.annotations import Annotation, citation_annotations
from attribot_integrations.langchain.content import (
    json_arguments,
    prompt_messages,
    question_text,
)
from attribot_integrations.langchain.context import attached
from attribot_integrations.langchain.documents import chunks_in, tool_chunks
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.langchain.messages import strip_citations
from attribot_integrations.langchain.outputs import output_of
from attribot_integrations.langchain.plain import plain_documents, plain_support
from attribot_integrations.langchain.records import CitationRecord
from attribot_integrations.render.utf16 import OffsetUnit, offset_table
from attribot_integrations.requests.engine_check import check_engine

try:
    from typing import TypeAlias

    from langchain.agents.middleware.types import AgentMiddleware, AgentState, OmitFromInput
    from typing_extensions import NotRequired, TypedDict
except ImportError as error:
    raise MissingExtraError("CitationMiddleware", "langchain-agents") from error

if TYPE_CHECKING:
    from langchain.agents.middleware import ModelRequest, ModelResponse, ToolCallRequest
    from langgraph.runtime import Runtime
    from langgraph.types import Command

    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["CitationMiddleware", "CitedAgentState", "Report"]

_REMEMBERED: Final = 1024


class Report(TypedDict):
    """What became of the attribution of an agent's answer."""

    status: Status
    reason: str | None
    """Why the status is not "ok"."""
    answer: str
    """The answer that was attributed."""
    documents: Sequence[Mapping[str, Any]]
    """Copies of what was retrieved; a citation's `chunk_index` counts them from 0."""
    support: Sequence[Mapping[str, Any]]
    """The label of each statement of the answer."""


class CitedAgentState(AgentState[Any]):
    """An agent's state with citations."""

    citations: NotRequired[Annotated[list[Annotation], OmitFromInput]]
    """The citations of the last answer, in LangChain's standard form."""
    attribution: NotRequired[Annotated[Report | None, OmitFromInput]]
    """What became of its attribution, as plain data; `None` if the agent has not answered."""


class CitationMiddleware(AgentMiddleware[CitedAgentState]):
    """Adds citations of an agent's answer to its state, under the key `citations`.

    Labels, documents, status and reason are beside them, under the key `attribution`.

    Documents are found in the artifacts of tools' messages, in their content blocks and JSON, in
    what retrievers find inside tools and inside middleware that comes behind this one, and in what
    is handed to `register_documents`; without any, what the tools wrote is cited. What a tool asked
    of models, such as another agent, is seen, too: citations lead through its report to its
    documents. The messages are left as they are, `add_citations` annotates the one to be shown.
    Should one that is annotated get into the conversation, the model is sent it without
    annotations.

    One middleware serves any number of agents and calls at once. Streams give the answer before
    it is attributed.

    Args:
        engine: Attributes the answers.
        answer_key: Key, attribute or path in the structured response that holds the answer, if the
            agent gives one and it is not a usual one.
        on_citations: Called with the record of each answer, which holds the full attribution.
        raise_error: Whether a failed attribution is raised. By default it is logged, and there are
            no citations.
        offsets: What the annotations' offsets count.

    Raises:
        ConfigurationError: If `engine` is no engine, or there is no such unit of offsets.
    """

    state_schema = CitedAgentState

    def __init__(
        self,
        engine: RequestAttributor,
        *,
        answer_key: str | None = None,
        on_citations: Callable[[CitationRecord], object] | None = None,
        raise_error: bool = False,
        offsets: OffsetUnit = "characters",
    ) -> None:
        check_engine(engine, "attribute_request")
        offset_table("", offsets)
        super().__init__()
        self.tools = []
        self.engine = engine
        self.answer_key = answer_key
        self.on_citations = on_citations
        self.raise_error = raise_error
        self.offsets = offsets
        # An agent's state has no place for these that would not be stored with every step.
        self._models: Recent[str, _Runs] = Recent(_REMEMBERED)
        self._tools: Recent[tuple[str, str], _Runs] = Recent(_REMEMBERED)

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Note what the model sees, whatever other middleware makes of it."""
        request = _without_citations(request)
        collector = _Collector()
        with attached(collector):
            response = handler(request)
        self._note_call(request, response, collector.runs)
        return response

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Note what the model sees, whatever other middleware makes of it."""
        request = _without_citations(request)
        collector = _Collector()
        with attached(collector):
            response = await handler(request)
        self._note_call(request, response, collector.runs)
        return response

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Note what is retrieved and asked of models inside the tool."""
        collector = _Collector()
        with attached(collector):
            result = handler(request)
        self._note_tool(result, collector.runs)
        return result

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Note what is retrieved and asked of models inside the tool."""
        collector = _Collector()
        with attached(collector):
            result = await handler(request)
        self._note_tool(result, collector.runs)
        return result

    def after_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer."""
        return self._cite(self._record(state))

    async def aafter_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer in a worker thread."""
        record = self._record(state)
        return await run_apart(lambda: self._cite(record))

    def _note_call(
        self, request: ModelRequest[Any], response: ModelResponse[Any], runs: _Runs
    ) -> None:
        if not any(run.kind == "model" for run in runs.values()):
            # The first releases of langchain 1 know the text only.
            text = request.system_prompt
            system = getattr(request, "system_message", text and SystemMessage(text))
            seen = [*([system] if system else []), *request.messages]
            runs = {**runs, uuid4(): _model_run(seen, request.model)}
        for message in response.result:
            if isinstance(message, AIMessage) and message.id is not None:
                self._models.add(message.id, runs)

    def _note_tool(self, result: object, runs: _Runs) -> None:
        for message in _tool_messages(result):
            if runs:
                self._tools.add(_tool_key(message), runs)

    def _tree(self, messages: Sequence[AnyMessage]) -> RunTree:
        """Put together what is known of all that was run for a conversation.

        What models were asked before the last question is left out; what was retrieved then is not.
        """
        root = Run("chain", None, below_retriever=False)
        tree = RunTree(uuid4(), inputs=messages)
        tree.runs[tree.id] = root
        last = max(
            (place for place, each in enumerate(messages) if isinstance(each, HumanMessage)),
            default=0,
        )
        for place, message in enumerate(messages):
            runs: _Runs = {}
            if isinstance(message, ToolMessage):
                runs = self._tools.get(_tool_key(message)) or {}
                runs = {**runs, uuid4(): _tool_run(message)}
            elif isinstance(message, AIMessage) and place > last:
                runs = self._models.get(message.id or "") or {}
                if not runs:  # of another process, say
                    runs = {uuid4(): _model_run(messages[:place])}
                runs = _with_text(runs, message)
            if place < last:
                runs = {id: run for id, run in runs.items() if run.kind != "model"}
            for id, run in runs.items():
                known = run.parent in runs or run.parent in tree.runs
                tree.runs[id] = run if known else replace(run, parent=tree.id)
        return tree

    def _record(self, state: CitedAgentState) -> CitationRecord | None:
        """Return what there is to attribute, `None` if the agent has not answered."""
        messages = state["messages"]
        structured = state.get("structured_response")
        outputs = {"messages": messages} if structured is None else structured
        output = output_of(outputs, None if structured is None else self.answer_key)
        if output.answer is None and not output.texts:
            return None
        tree = self._tree(messages)
        rest = {name: value for name, value in state.items() if name not in _OWN}
        tree.root.passed = chunks_in(rest)
        found = answers_of(
            tree, question_text(messages), output, kind="documents", untold=UNTOLD_AGENT
        )
        if not found:
            return None
        return CitationRecord(found[-1], self.engine, raise_error=self.raise_error)

    def _cite(self, record: CitationRecord | None) -> dict[str, Any]:
        if record is None:  # those of an earlier turn must not stay
            return {"citations": [], "attribution": None}
        complete(record, self.on_citations, raise_error=self.raise_error)
        found = record.attribution
        report = Report(
            status=record.status,
            reason=record.reason,
            answer=record.answer,
            documents=plain_documents(record.chunks),
            support=plain_support(found),
        )
        cited = [] if found is None else citation_annotations(found, offsets=self.offsets)
        return {"citations": cited, "attribution": report}


_Runs: TypeAlias = dict[Hashable, Run]

_OWN: Final = ("messages", "citations", "attribution")

UNTOLD_AGENT: Final = (
    "no documents were seen: have tools hand over artifacts, retrieve inside tools or inside "
    "middleware that comes behind CitationMiddleware, or hand what is found to register_documents"
)


class _Collector(CapturingHandler):
    """Keeps the runs inside a tool or around a model's call."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: _Runs = {}

    def on_ended(self, tree: RunTree, outputs: object, inputs: object = None) -> None:
        """Keep a root with all below it."""
        self.runs.update(tree.runs)


def _model_run(messages: Sequence[BaseMessage], model: object = None) -> Run:
    names = (getattr(model, name, None) for name in ("model_name", "model"))
    name = next((name for name in names if isinstance(name, str)), None)
    call = ModelCall(prompt_messages(messages), generator=name, tool_chunks=tool_chunks(messages))
    chunks = chunks_in(list(messages))
    return Run("model", None, below_retriever=False, call=call, chunks=chunks)


def _tool_run(message: ToolMessage) -> Run:
    return Run("tool", None, below_retriever=False, chunks=chunks_in(message))


def _with_text(runs: _Runs, message: AIMessage) -> _Runs:
    """Return runs whose last model call has ended with a message, if it was not seen to."""
    last = next((id for id, run in reversed(runs.items()) if run.kind == "model"), None)
    if last is None or runs[last].call.ended:
        return runs
    run = runs[last]
    text = None if message.tool_calls else str(message.text)
    call = replace(run.call, text=text, arguments=json_arguments(message), ended=True)
    return {**runs, last: replace(run, call=call)}


def _tool_messages(result: object) -> list[ToolMessage]:
    if isinstance(result, ToolMessage):
        return [result]
    update = getattr(result, "update", None)
    messages = update.get("messages") if isinstance(update, dict) else None
    return [each for each in messages or [] if isinstance(each, ToolMessage)]


def _tool_key(message: ToolMessage) -> tuple[str, str]:
    # Some models number their calls from 0 in every conversation.
    return message.tool_call_id, str(message.text)


def _without_citations(request: ModelRequest[Any]) -> ModelRequest[Any]:
    messages: Iterable[AnyMessage] = map(strip_citations, request.messages)
    stripped = list(messages)
    if all(new is old for new, old in zip(stripped, request.messages, strict=True)):
        return request
    return request.override(messages=stripped)
