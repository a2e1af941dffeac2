"""The same pipeline gives the same record, whether it is asked, awaited or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.response_synthesizers import (
    ResponseMode,
    TreeSummarize,
    get_response_synthesizer,
)
from llama_index.core.selectors import LLMMultiSelector, LLMSingleSelector
from llama_index.core.tools import QueryEngineTool

from attribot_integrations.llama_index import AttributionEventHandler, AttributionRecord
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import (
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TOWN,
    Scripted,
    ScriptedChat,
    engine,
    nodes,
    rag,
)
from tests.integrations.llama_index.test_public_reports_several_calls import Questions
from tests.integrations.overlap import OverlapEngine

BOTH = f"{BIKE} {TOWN}"
REFINE = PromptTemplate(
    TEMPLATE.template.replace("{context_str}", "{existing_answer}\n\n{context_msg}")
)
FOUND = ("norzel", "galmar", "galba")

Make = Callable[[bool, bool], Any]
"""Builds a pipeline: whether it streams, and whether its model is a chat model."""


def told(prompt: str) -> str:
    known = [fact for fact in (BIKE, TOWN) if fact in prompt]
    return " ".join(known) or "The context does not say."


def compact(streaming: bool, chat: bool) -> Any:
    return rag(told, nodes(*FOUND), streaming=streaming, chat=chat)


def refine(streaming: bool, chat: bool) -> Any:
    return rag(
        told,
        nodes(*FOUND),
        ResponseMode.REFINE,
        streaming=streaming,
        chat=chat,
        refine_template=REFINE,
    )


def overflow(streaming: bool, chat: bool) -> Any:
    return rag(
        told,
        nodes(*FOUND, filler=9),
        window=700,
        streaming=streaming,
        chat=chat,
        refine_template=REFINE,
    )


def tree(streaming: bool, chat: bool) -> Any:
    return rag(
        told,
        nodes(*FOUND),
        ResponseMode.TREE_SUMMARIZE,
        streaming=streaming,
        chat=chat,
        summary_template=TEMPLATE,
    )


def tree_of_several(streaming: bool, chat: bool) -> Any:
    return rag(
        told,
        nodes(*FOUND, filler=9),
        ResponseMode.TREE_SUMMARIZE,
        window=480,
        streaming=streaming,
        chat=chat,
        summary_template=TEMPLATE,
    )


def summarize(streaming: bool, chat: bool) -> Any:
    return rag(told, nodes(*FOUND), ResponseMode.SIMPLE_SUMMARIZE, streaming=streaming, chat=chat)


def accumulate(streaming: bool, chat: bool) -> Any:
    return rag(told, nodes(*FOUND), ResponseMode.ACCUMULATE, chat=chat)


def citing(streaming: bool, chat: bool) -> Any:
    llm = (ScriptedChat if chat else Scripted)(say=told, window=30_000)
    return CitationQueryEngine(
        retriever=FactRetriever(nodes=nodes(*FOUND)),
        llm=llm,
        response_synthesizer=get_response_synthesizer(
            llm, text_qa_template=TEMPLATE, streaming=streaming
        ),
        text_splitter=SentenceSplitter(chunk_size=512, chunk_overlap=20),
    )


def tools(streaming: bool, chat: bool) -> list[QueryEngineTool]:
    both = {"bike": nodes("norzel", "galmar"), "town": nodes("galba", "roska")}
    return [
        QueryEngineTool.from_defaults(
            rag(told, found, streaming=streaming, chat=chat), name=name, description=name
        )
        for name, found in both.items()
    ]


def sub_questions(streaming: bool, chat: bool) -> Any:
    llm = (ScriptedChat if chat else Scripted)(say=told, window=30_000)
    return SubQuestionQueryEngine(
        question_gen=Questions(),
        response_synthesizer=get_response_synthesizer(
            llm, text_qa_template=TEMPLATE, streaming=streaming
        ),
        query_engine_tools=tools(False, chat),
        verbose=False,
        use_async=False,
    )


def router(streaming: bool, chat: bool) -> Any:
    choice = Scripted(say='[{"choice": 1, "reason": "bike"}]')
    return RouterQueryEngine(
        LLMSingleSelector.from_defaults(llm=choice), tools(streaming, chat), llm=choice
    )


def router_of_several(streaming: bool, chat: bool) -> Any:
    choice = Scripted(say='[{"choice": 1, "reason": "bike"}, {"choice": 2, "reason": "town"}]')
    final = (ScriptedChat if chat else Scripted)(say=told, window=30_000)
    return RouterQueryEngine(
        LLMMultiSelector.from_defaults(llm=choice),
        tools(False, chat),
        summarizer=TreeSummarize(llm=final, summary_template=TEMPLATE, streaming=streaming),
        llm=final,
    )


def outcome(record: AttributionRecord) -> Any:
    """What must be the same in all forms."""
    found = record.attribution
    assert found is not None, record.reason
    statements = [record.answer[one.start : one.end].strip() for one in found.statements]
    cited = sorted(
        (
            citation.statement_index,
            # A citation query engine cuts nodes into others.
            record.nodes[citation.chunk_index].node.metadata["file_name"].removesuffix(".pdf"),
            citation.text,
        )
        for citation in record.citations
    )
    return {
        "status": record.status,
        "reason": record.reason,
        "prompt": record.prompt_used,
        "answer": record.answer.strip(),
        "statements": statements,
        "labels": [one.label for one in found.support],
        "cited": cited,
    }


def asked(make: Make, form: str, chat: bool) -> AttributionRecord:
    streaming = form.endswith("stream")
    query_engine = make(streaming, chat)
    handler = AttributionEventHandler(engine())

    async def await_it() -> AttributionRecord:
        response: Any = await query_engine.aquery(ASK_BOTH)
        if streaming:
            assert "".join([token async for token in response.async_response_gen()]).strip()
        return await handler.aresult(response, 60)

    with handler.attach():
        if form.startswith("a"):
            return asyncio.run(await_it())
        response: Any = query_engine.query(ASK_BOTH)
        if streaming:
            assert "".join(response.response_gen).strip()
        return handler.result(response, 60)


PIPELINES: dict[str, tuple[Make, set[str]]] = {
    "compact": (compact, {"norzel", "galba"}),
    "refine": (refine, {"norzel", "galba"}),
    "compact that overflows": (overflow, {"norzel", "galba"}),
    "tree": (tree, {"norzel", "galba"}),
    "tree of several": (tree_of_several, {"norzel", "galba"}),
    "simple": (summarize, {"norzel", "galba"}),
    "accumulate": (accumulate, {"norzel"}),
    "cited by LlamaIndex": (citing, {"norzel", "galba"}),
    "sub-questions": (sub_questions, {"norzel", "galba"}),
    "router": (router, {"norzel"}),
    "router of several": (router_of_several, {"norzel", "galba"}),
}
UNSTREAMED = ("accumulate",)
"""LlamaIndex itself refuses to stream these."""


@pytest.mark.parametrize("chat", [False, True], ids=["completion", "chat"])
@pytest.mark.parametrize("name", PIPELINES)
def test_all_forms_give_the_same_record(name: str, chat: bool) -> None:
    make, cited = PIPELINES[name]
    first = outcome(asked(make, "query", chat))
    assert {node for _, node, _ in first["cited"]} >= cited
    assert first["labels"][0] == "supported"
    assert first["status"] == "ok", first["reason"]
    assert first["prompt"] == "captured"
    for form in ("aquery",) if name in UNSTREAMED else ("aquery", "stream", "astream"):
        assert outcome(asked(make, form, chat)) == first, form


@pytest.fixture
def event_loop_of_memories() -> Iterator[None]:
    """Give memories a loop: called from synchronous code, they open one and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


class Reading(ScriptedChat):
    """A model that reads the whole conversation."""

    def _reply(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        text = self._text("\n".join(message.content or "" for message in messages))
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def chat_engine(kind: Any) -> Any:
    llm = Reading(say=told, window=30_000)
    memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
    if kind is CondenseQuestionChatEngine:
        query_engine: RetrieverQueryEngine = rag(told, nodes(*FOUND), chat=True)
        return kind.from_defaults(query_engine=query_engine, llm=llm, memory=memory)
    return kind.from_defaults(retriever=FactRetriever(nodes=nodes(*FOUND)), llm=llm, memory=memory)


def chatted(kind: Any, form: str) -> AttributionRecord:
    # The bundled model does not know the wording of chat engines' prompts.
    handler = AttributionEventHandler(OverlapEngine())
    chat = chat_engine(kind)

    async def await_it() -> AttributionRecord:
        response: Any = await getattr(chat, form)(ASK_BOTH)
        if form == "astream_chat":
            assert "".join([token async for token in response.async_response_gen()]).strip()
        return await handler.aresult(response, 60)

    with handler.attach():
        if form.startswith("a"):
            return asyncio.run(await_it())
        response: Any = getattr(chat, form)(ASK_BOTH)
        if form == "stream_chat":
            assert "".join(response.response_gen).strip()
        return handler.result(response, 60)


@pytest.mark.usefixtures("event_loop_of_memories")
@pytest.mark.parametrize(
    "kind", [ContextChatEngine, CondensePlusContextChatEngine, CondenseQuestionChatEngine]
)
def test_all_forms_of_a_chat_give_the_same_record(kind: Any) -> None:
    first = outcome(chatted(kind, "chat"))
    assert {node for _, node, _ in first["cited"]} >= {"norzel", "galba"}
    forms = ["achat", "stream_chat", "astream_chat"]
    for form in forms[:1] if kind is CondenseQuestionChatEngine else forms:
        assert outcome(chatted(kind, form)) == first, form


@pytest.mark.usefixtures("event_loop_of_memories")
@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
def test_a_chat_without_retrieval_leaves_nothing_in_any_form(form: str) -> None:
    chat = SimpleChatEngine.from_defaults(
        llm=Reading(say="Hello!"), memory=ChatMemoryBuffer.from_defaults(token_limit=3000)
    )
    handler = AttributionEventHandler(OverlapEngine())

    async def await_it() -> None:
        response: Any = await getattr(chat, form)(ASK_BOTH)
        if form == "astream_chat":
            assert [token async for token in response.async_response_gen()]

    with handler.attach():
        if form.startswith("a"):
            asyncio.run(await_it())
        else:
            response: Any = getattr(chat, form)(ASK_BOTH)
            said = response.response_gen if form == "stream_chat" else [str(response)]
            assert "".join(said).strip() == "Hello!"
    assert handler.records == ()
    assert handler.span_handler.open_count == 0
