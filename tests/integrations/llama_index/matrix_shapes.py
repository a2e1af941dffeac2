"""LlamaIndex's half of the matrix: twelve ways to show nodes, in nine shapes of an engine."""

from __future__ import annotations

import asyncio
import html
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import (
    BasePromptTemplate,
    ChatPromptTemplate,
    PromptTemplate,
    RichPromptTemplate,
)
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.response_synthesizers import (
    ResponseMode,
    TreeSummarize,
    get_response_synthesizer,
)
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.selectors import LLMMultiSelector
from llama_index.core.tools import QueryEngineTool

from attribot_integrations.answers import AnswerRecord
from attribot_integrations.llama_index import AttributionEventHandler
from attribot_integrations.requests.attributors import RequestAttributor
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import Scripted, ScriptedChat
from tests.integrations.matrix import ANSWER, PIECES, QUESTION, Absent, Half

__all__ = ["HALF"]

OTHER: Final = "The flag of Galba shows the fox."
QA: Final = "Context:\n{context_str}\n\nQuestion: {query_str}\nAnswer:"
REFINE: Final = (
    "Question: {query_str}\nAnswer so far:\n{existing_answer}\n\nMore context:\n{context_msg}\n\n"
    "Better answer:"
)


@dataclass(frozen=True)
class Shown:
    """How nodes are shown: what of their metadata, in which template, and changed by what."""

    options: Mapping[str, Any]
    """Of the nodes."""
    template: Callable[[str], BasePromptTemplate] = PromptTemplate
    change: Callable[[int, str], str] | None = None
    """What a function of the template makes of each text."""
    between: str = "\n\n"

    def nodes(self) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=TextNode(text=piece.text, id_=piece.id, **self.options), score=1.0)
            for piece in PIECES
        ]

    def prompt(self, text: str, name: str = "context_str") -> Any:
        made = self.template(text)
        if self.change is not None:
            made.function_mappings = {name: lambda **values: self._changed(values[name])}
        return made

    def _changed(self, context: Any) -> str:
        assert self.change is not None
        joined = context if isinstance(context, str) else "\n\n".join(context)
        for piece in PIECES:  # a mode joins them by single line breaks
            joined = joined.replace(f"\n{piece.text}", f"\n\n{piece.text}")
        texts = [
            self.change(place, text.strip("\n"))
            for place, text in enumerate(joined.split("\n\n"), 1)
            if text.strip()
        ]
        return f"[{', '.join(texts)}]" if self.between == "list" else self.between.join(texts)


def _chat(text: str) -> BasePromptTemplate:
    system, _, question = text.rpartition("\n\n")
    return ChatPromptTemplate(
        [
            ChatMessage(role=MessageRole.SYSTEM, content=system),
            ChatMessage(role=MessageRole.USER, content=question),
        ]
    )


def _jinja(text: str) -> BasePromptTemplate:
    return RichPromptTemplate(text.replace("{", "{{ ").replace("}", " }}"))


_FILE: Final = {"metadata": {"file_name": "facts.pdf", "page_label": "3"}}
FORMATS: Final[Mapping[str, Shown]] = {
    "text alone": Shown({}),
    "metadata above": Shown(_FILE),
    "metadata below": Shown({**_FILE, "text_template": "{content}\n({metadata_str})"}),
    "tags": Shown(
        {
            **_FILE,
            "metadata_template": "<{key}>{value}</{key}>",
            "text_template": "<doc>\n{metadata_str}\n<text>{content}</text>\n</doc>",
        }
    ),
    "hidden metadata": Shown({**_FILE, "excluded_llm_metadata_keys": ["file_name", "page_label"]}),
    "chat template": Shown(_FILE, _chat),
    "Jinja template": Shown(_FILE, _jinja),
    "numbered": Shown({}, change=lambda place, text: f"[{place}] {text}"),
    "XML, escaped": Shown({}, change=lambda _, text: f"<doc>{html.escape(text)}</doc>"),
    "JSON": Shown({}, change=lambda _, text: json.dumps({"text": text}), between="list"),
    "quoted": Shown({}, change=lambda _, text: textwrap.indent(text, "> ")),
    "cut to 120 characters": Shown({}, change=lambda _, text: text[:120]),
}


def _say(prompt: str) -> str:
    """Read the answers from the prompt, as a model would."""
    asked = prompt.rpartition("Question: ")[2] if "Question: " in prompt else prompt
    told = []
    if "910" in prompt and "flag" not in asked.splitlines()[0]:
        told.append(ANSWER)
    if "flag" in asked.splitlines()[0] and "fox" in prompt:
        told.append(OTHER)
    return " ".join(told) or "I do not know."


class _Reading(ScriptedChat):
    """A chat model that reads all messages."""

    def _reply(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        text = self._text("\n\n".join(message.content or "" for message in messages))
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)


def _llm(form: str) -> Any:
    return (_Reading if form.startswith("a") else Scripted)(say=_say, window=30_000)


def _mode(mode: ResponseMode, *, streams: bool = True) -> Callable[[Shown, str], Any]:
    def make(shown: Shown, form: str) -> Any:
        if form.endswith("stream") and not streams:
            raise Absent
        synthesizer = get_response_synthesizer(
            _llm(form),
            response_mode=mode,
            text_qa_template=shown.prompt(QA),
            summary_template=shown.prompt(QA),
            refine_template=shown.prompt(REFINE, "context_msg"),
            streaming=form.endswith("stream"),
            use_async=form.startswith("a"),
        )
        return RetrieverQueryEngine(FactRetriever(nodes=shown.nodes()), synthesizer)

    return make


def _citing(shown: Shown, form: str) -> Any:
    return CitationQueryEngine(
        retriever=FactRetriever(nodes=shown.nodes()),
        llm=_llm(form),
        response_synthesizer=get_response_synthesizer(
            _llm(form),
            text_qa_template=shown.prompt(QA),
            streaming=form.endswith("stream"),
        ),
        text_splitter=SentenceSplitter(chunk_size=512, chunk_overlap=0),
    )


def _tools(shown: Shown, form: str) -> list[QueryEngineTool]:
    form = form.replace("stream", "query")
    made = _mode(ResponseMode.COMPACT)(shown, form)
    return [
        QueryEngineTool.from_defaults(made, name=name, description=name)
        for name in ("prices", "towns")
    ]


def _router(shown: Shown, form: str) -> Any:
    choice = '[{"choice": 1, "reason": "a"}, {"choice": 2, "reason": "b"}]'
    return RouterQueryEngine(
        LLMMultiSelector.from_defaults(llm=Scripted(say=choice)),
        _tools(shown, form),
        llm=_llm(form),
        summarizer=TreeSummarize(
            llm=_llm(form),
            summary_template=shown.prompt(QA),
            streaming=form.endswith("stream"),
        ),
    )


class _Questions(BaseQuestionGenerator):
    def _get_prompts(self) -> Any:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        pass

    def generate(self, tools: Any, query: Any) -> list[SubQuestion]:
        asked = (("prices", QUESTION), ("towns", "What does the flag of Galba show?"))
        return [SubQuestion(tool_name=name, sub_question=text) for name, text in asked]

    async def agenerate(self, tools: Any, query: Any) -> list[SubQuestion]:
        return self.generate(tools, query)


def _sub_questions(shown: Shown, form: str) -> Any:
    return SubQuestionQueryEngine(
        question_gen=_Questions(),
        response_synthesizer=get_response_synthesizer(
            _llm(form),
            text_qa_template=shown.prompt(QA),
            streaming=form.endswith("stream"),
            use_async=form.startswith("a"),
        ),
        query_engine_tools=_tools(shown, form),
        verbose=False,
        use_async=form.startswith("a"),
    )


def _chatting(shown: Shown, form: str) -> Any:
    if shown.template is not PromptTemplate:
        raise Absent  # the engine makes a chat of a plain template by itself
    text = QA.partition("\n\nQuestion")[0] + "\n\nAnswer."
    return ContextChatEngine.from_defaults(
        retriever=FactRetriever(nodes=shown.nodes()),
        llm=ScriptedChat(say=_say_in_chat, window=30_000),
        memory=ChatMemoryBuffer.from_defaults(token_limit=20_000),
        context_template=shown.prompt(text),
    )


def _say_in_chat(_: str) -> str:
    return ANSWER  # it is handed the last message, and the context stands in the first


def _condensing(shown: Shown, form: str) -> Any:
    if shown.template is not PromptTemplate:
        raise Absent
    return CondensePlusContextChatEngine.from_defaults(
        retriever=FactRetriever(nodes=shown.nodes()),
        llm=ScriptedChat(say=_say_in_chat, window=30_000),
        memory=ChatMemoryBuffer.from_defaults(token_limit=20_000),
        context_prompt=shown.prompt(QA.partition("\n\nQuestion")[0] + "\n\nAnswer."),
    )


async def _aread(response: Any, handler: AttributionEventHandler) -> None:
    read = response.async_response_gen
    async for _ in read() if callable(read) else read:
        pass
    await handler.aresult(response, 60)


def _call(engine: Any, form: str, handler: AttributionEventHandler) -> None:
    chats = hasattr(engine, "stream_chat")
    if form == "query":
        (engine.chat if chats else engine.query)(QUESTION)
    elif form == "stream":
        response = (engine.stream_chat if chats else engine.query)(QUESTION)
        for _ in response.response_gen:
            pass
    elif form == "aquery":
        asyncio.run(_ask(engine.achat if chats else engine.aquery, handler))
    else:
        asyncio.run(_astream(engine.astream_chat if chats else engine.aquery, handler))


async def _ask(ask: Any, handler: AttributionEventHandler) -> None:
    await handler.aresult(await ask(QUESTION), 60)


async def _astream(ask: Any, handler: AttributionEventHandler) -> None:
    await _aread(await ask(QUESTION), handler)


def _run(
    make: Callable[[Shown, str], Any], format: str, form: str, engine: RequestAttributor
) -> Sequence[AnswerRecord]:
    query_engine = make(FORMATS[format], form)
    with AttributionEventHandler(engine).attach() as handler:
        _call(query_engine, form, handler)
        assert handler.wait(60)
    return handler.records


_MAKERS: Final[Mapping[str, Callable[[Shown, str], Any]]] = {
    "compact": _mode(ResponseMode.COMPACT),
    "refine": _mode(ResponseMode.REFINE),
    "tree summarize": _mode(ResponseMode.TREE_SUMMARIZE),
    "simple summarize": _mode(ResponseMode.SIMPLE_SUMMARIZE),
    "accumulate": _mode(ResponseMode.ACCUMULATE, streams=False),
    "citation engine": _citing,
    "router of several": _router,
    "sub-questions": _sub_questions,
    "context chat": _chatting,
    "condense and context chat": _condensing,
}

HALF: Final = Half(
    shapes={
        name: lambda format, form, engine, make=make: _run(make, format, form, engine)  # type: ignore[misc]
        for name, make in _MAKERS.items()
    },
    formats=tuple(FORMATS),
    forms=("query", "aquery", "stream", "astream"),
)
