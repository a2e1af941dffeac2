"""`CitationMiddleware`: citations in the state of agents built with `langchain.agents`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

from langchain_core.messages import AnyMessage, SystemMessage, ToolMessage

from attribot_integrations.answers.attempt import Status
from attribot_integrations.answers.background import run_apart
from attribot_integrations.answers.desk import complete
from attribot_integrations.answers.several import answers_of
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.langchain.annotations import Annotation, citation_annotations
from attribot_integrations.langchain.content import question_text
from attribot_integrations.langchain.context import attached
from attribot_integrations.langchain.conversations import ConversationRuns, RunCollector, Runs
from attribot_integrations.langchain.documents import chunks_in
from attribot_integrations.langchain.messages import strip_citations
from attribot_integrations.langchain.outputs import output_of
from attribot_integrations.langchain.plain import plain_documents, plain_support
from attribot_integrations.langchain.records import CitationRecord
from attribot_integrations.render.utf16 import OffsetUnit, offset_table
from attribot_integrations.requests.engine_check import check_engine

try:
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
        self._runs = ConversationRuns()

    def wrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], ModelResponse[Any]],
    ) -> ModelResponse[Any]:
        """Note what the model sees, whatever other middleware makes of it."""
        request = _without_citations(request)
        collector = RunCollector()
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
        collector = RunCollector()
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
        collector = RunCollector()
        with attached(collector):
            result = handler(request)
        self._runs.note_tool(result, collector.runs)
        return result

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Note what is retrieved and asked of models inside the tool."""
        collector = RunCollector()
        with attached(collector):
            result = await handler(request)
        self._runs.note_tool(result, collector.runs)
        return result

    def after_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer."""
        return self._cite(self._record(state))

    async def aafter_agent(self, state: CitedAgentState, runtime: Runtime[Any]) -> dict[str, Any]:
        """Attribute the answer in a worker thread."""
        record = self._record(state)
        return await run_apart(lambda: self._cite(record))

    def _note_call(
        self, request: ModelRequest[Any], response: ModelResponse[Any], runs: Runs
    ) -> None:
        # The first releases of langchain 1 know the text only.
        text = request.system_prompt
        system = getattr(request, "system_message", text and SystemMessage(text))
        seen = [*([system] if system else []), *request.messages]
        self._runs.note_call(seen, request.model, response.result, runs)

    def _record(self, state: CitedAgentState) -> CitationRecord | None:
        """Return what there is to attribute, `None` if the agent has not answered."""
        messages = state["messages"]
        structured = state.get("structured_response")
        outputs = {"messages": messages} if structured is None else structured
        output = output_of(outputs, None if structured is None else self.answer_key)
        if output.answer is None and not output.texts:
            return None
        tree = self._runs.tree(messages)
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
            documents=plain_documents(record.chunks, found),
            support=plain_support(found),
        )
        cited = [] if found is None else citation_annotations(found, offsets=self.offsets)
        return {"citations": cited, "attribution": report}


_OWN: Final = ("messages", "citations", "attribution")

UNTOLD_AGENT: Final = (
    "no documents were seen: have tools hand over artifacts, retrieve inside tools or inside "
    "middleware that comes behind CitationMiddleware, or hand what is found to register_documents"
)


def _without_citations(request: ModelRequest[Any]) -> ModelRequest[Any]:
    messages: Iterable[AnyMessage] = map(strip_citations, request.messages)
    stripped = list(messages)
    if all(new is old for new, old in zip(stripped, request.messages, strict=True)):
        return request
    return request.override(messages=stripped)
