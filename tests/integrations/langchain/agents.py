"""Agents and graphs for tests, with models that follow a script."""

from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, create_retriever_tool, tool

from attribot_integrations.langchain import register_documents
from tests.integrations.langchain.fakes import FactRetriever, join

__all__ = ["FIND", "AgentModel", "agent", "ask", "build", "tools"]


class AgentModel(BaseChatModel):
    """Calls the tool for each question once, and answers with what it wrote."""

    tool: str = "find"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        if isinstance(last, HumanMessage) and not str(last.text).startswith("Thanks"):
            message = call(self.tool, str(last.text))
        elif isinstance(last, ToolMessage):
            message = AIMessage(f"It says: {str(last.text).splitlines()[0]}")
        else:
            message = AIMessage("As I said.")
        return ChatResult(generations=[ChatGeneration(message=message)])


def call(name: str, query: str) -> AIMessage:
    # Some models number their calls from 0 in every conversation.
    made = {"name": name, "args": {"query": query}, "id": "call_0", "type": "tool_call"}
    return AIMessage("", tool_calls=[made])


@tool(response_format="content_and_artifact")
def find_artifact(query: str) -> tuple[str, list[Document]]:
    """Find, and hand the documents over."""
    found = FactRetriever()._get_relevant_documents(query, run_manager=None)  # type: ignore[arg-type]
    return join(found), found


@tool
def find_registered(query: str) -> str:
    """Find, and tell so."""
    found = FactRetriever()._get_relevant_documents(query, run_manager=None)  # type: ignore[arg-type]
    return join(register_documents(found))


@tool
def find_text(query: str) -> str:
    """Find, and say nothing of documents."""
    return f"{query} is fact 0.\n\n{query} is fact 1."


def tools() -> dict[str, BaseTool]:
    """A retrieval tool of every kind, all called `find`."""
    made: dict[str, BaseTool] = {
        "artifact": find_artifact,
        "registered": find_registered,
        "text": find_text,
        "retriever": create_retriever_tool(FactRetriever(), "find", "Find."),
        "retriever and artifact": create_retriever_tool(
            FactRetriever(), "find", "Find.", response_format="content_and_artifact"
        ),
    }
    return {kind: one.model_copy(update={"name": "find"}) for kind, one in made.items()}


FIND = tools()


def build(model: BaseChatModel, tools: list[BaseTool], **options: Any) -> Any:
    return create_agent(model, tools, system_prompt="Be brief.", **options)


def agent(kind: str = "artifact", **options: Any) -> Any:
    return build(AgentModel(), [FIND[kind]], **options)


def ask(query: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": query}]}
