"""What the documentation shows, on the bundled models."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage

from attribot_integrations.demo.chain import DemoChain, DemoRetriever, demo_chain
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    add_citations,
    cite,
    get_citations_callback,
)


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain()


def check(demo: DemoChain, answer: str, cited: Document) -> None:
    assert answer == "The mayor of Delka is Bragor Selwen."
    assert "Bragor Selwen" in cited.page_content


def test_lcel_chain(demo: DemoChain) -> None:
    chain, question = demo.chain, demo.questions[0]
    handler = CitationCallbackHandler(demo.engine)
    answer = chain.invoke(question, {"callbacks": [handler]})
    first = handler.citations[0]
    check(demo, answer, next(one for one in demo.documents if one.id == first.chunk_id))

    with get_citations_callback(demo.engine) as watched:
        chain.invoke(question)
    assert watched.citations == handler.citations


def test_cite(demo: DemoChain) -> None:
    result = cite(demo.chain, demo.engine).invoke(demo.questions[0])
    first = result["citations"][0]
    check(demo, result["answer"], result["documents"][first.chunk_index])
    assert (
        "[1]"
        in demo.engine.attribute(
            demo.questions[0], [one.page_content for one in result["documents"]], result["answer"]
        ).to_text()
    )


async def test_streaming(demo: DemoChain) -> None:
    text, citations, documents = "", [], []
    async for piece in cite(demo.chain, demo.engine).astream(demo.questions[0]):
        text += piece.get("answer", "")
        citations += piece.get("citations", [])
        documents += piece.get("documents", [])
    check(demo, text, documents[citations[0].chunk_index])


def demo_agent(demo: DemoChain, **options: Any) -> Any:
    from langchain_core.tools import create_retriever_tool

    from tests.integrations.langchain.agents import AgentModel, build

    class DemoAgentModel(AgentModel):
        """Searches, and leaves the answer to the bundled model."""

        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            result = super()._generate(messages, *args, **kwargs)
            if messages[-1].type == "tool":
                result.generations[0].message = AIMessage(demo.chain.invoke(demo.questions[0]))
            return result

    retriever = DemoRetriever(documents=demo.documents)
    tool = create_retriever_tool(
        retriever, "find", "Find facts.", response_format="content_and_artifact"
    )
    return build(DemoAgentModel(), [tool], **options)


def test_agent(demo: DemoChain) -> None:
    pytest.importorskip("langchain")
    from attribot_integrations.langchain.agents import CitationMiddleware

    agent = demo_agent(demo, middleware=[CitationMiddleware(demo.engine)])
    state = agent.invoke({"messages": [("user", demo.questions[0])]})
    message = add_citations(state["messages"][-1], state["citations"])
    (block,) = message.content_blocks
    assert block["type"] == "text"
    annotation = block["annotations"][0]
    assert annotation["type"] == "citation"
    assert "Bragor Selwen" in annotation["cited_text"]
    assert annotation["title"] == "Delka"


def test_graph(demo: DemoChain) -> None:
    pytest.importorskip("langgraph")
    result = cite(demo_agent(demo), demo.engine).invoke({"messages": [("user", demo.questions[0])]})
    first = result["citations"][0]
    check(demo, result["answer"], result["documents"][first.chunk_index])
