"""LangChain's half of the matrix: eight shapes of a chain."""

from __future__ import annotations

import asyncio
import html
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from langchain_classic.chains import create_retrieval_chain
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.tools import tool
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from attribot_integrations.answers import AnswerRecord
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.requests.attributors import RequestAttributor
from tests.integrations.langchain.scripted import ASK, Streaming, calls
from tests.integrations.matrix import ANSWER, PIECES, QUESTION, Half, Shape

__all__ = ["HALF"]

DOCUMENTS: Final = [Document(piece.text, id=piece.id) for piece in PIECES]
PROMPT: Final = ChatPromptTemplate.from_template(ASK)
OTHER: Final = "The flag of Galba shows the fox."

Format = Callable[[Sequence[str]], str]
"""Makes the context that stands in the prompt out of the documents' texts."""


def _each(show: Callable[[int, str], str], between: str = "\n\n") -> Format:
    return lambda texts: between.join(show(place, text) for place, text in enumerate(texts, 1))


FORMATS: Final[Mapping[str, Format]] = {
    "joined": _each(lambda _, text: text),
    "numbered": _each(lambda place, text: f"[{place}] {text}"),
    "headings": _each(lambda place, text: f"### Source {place}\n{text}\n---"),
    "XML, escaped": _each(lambda place, text: f'<doc id="{place}">{html.escape(text)}</doc>'),
    "JSON": lambda texts: json.dumps([{"text": text} for text in texts]),
    "repr of a list": lambda texts: repr(list(texts)),
    "quoted": _each(lambda _, text: textwrap.indent(text, "> ")),
    "bullets": _each(lambda _, text: textwrap.indent(text, "- "), "\n"),
    "indented": _each(lambda place, text: f"{place}.\n{textwrap.indent(text, '    ')}"),
    "cut to 120 characters": _each(lambda _, text: text[:120]),
    "wrapped anew": _each(lambda _, text: textwrap.fill(text.replace("-\n", "- "), 34)),
    "hyphens mended": _each(lambda _, text: text.replace("-\n", "")),
}

Made = tuple[Runnable[Any, Any], Any]


class Found(BaseRetriever):
    """Finds all documents."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [document.model_copy() for document in DOCUMENTS]


def shown(format: Format) -> Runnable[Any, str]:
    return RunnableLambda(lambda documents: format([each.page_content for each in documents]))


def lcel(format: Format) -> Made:
    start = {"context": Found() | shown(format), "question": RunnablePassthrough()}
    return start | PROMPT | Streaming(lines=[ANSWER]) | StrOutputParser(), QUESTION


def with_sources(format: Format) -> Made:
    answer = (
        RunnablePassthrough.assign(context=(lambda inputs: inputs["context"]) | shown(format))
        | ChatPromptTemplate.from_template(ASK.replace("{question}", "{input}"))
        | Streaming(lines=[ANSWER])
        | StrOutputParser()
    )
    return create_retrieval_chain(Found(), answer), {"input": QUESTION}


def refine(format: Format) -> Made:
    """Each document in a prompt of its own, with the answer so far."""
    lines = ["I do not know.", ANSWER, f"{ANSWER} {OTHER}"]

    def make(model: Any) -> Any:
        def prompts(documents: Sequence[Document], said: str, place: int) -> str:
            context = format([documents[place].page_content])
            return f"{ASK.format(context=context, question=QUESTION)}\n\nAnswer so far:\n{said}"

        def run(question: str) -> str:
            documents, said = Found().invoke(question), ""
            for place in range(len(documents)):
                said = str(model.invoke(prompts(documents, said, place)).text)
            return said

        return run

    return RunnableLambda(make(Streaming(lines=lines))), QUESTION


def map_reduce(format: Format) -> Made:
    """A summary of each document, and an answer from the summaries."""
    model = Streaming(lines=["The phone is 440.", "The Norzel bike is 910 coins.", "May.", ANSWER])

    def run(question: str) -> str:
        said = [
            str(model.invoke(f"Summarize:\n{format([each.page_content])}").text)
            for each in Found().invoke(question)
        ]
        return str(model.invoke(ASK.format(context="\n".join(said), question=question)).text)

    return RunnableLambda(run), QUESTION


class State(TypedDict, total=False):
    question: str
    documents: list[Document]
    generation: str
    grade: str


def graded(format: Format) -> Made:
    """A graph whose documents and answer are graded, and whose answer is repeated by a checker."""

    def context(state: State) -> str:
        return format([each.page_content for each in state["documents"]])

    def retrieve(state: State) -> State:
        return {"documents": Found().invoke(state["question"])}

    def rate(state: State) -> State:
        model = Streaming(lines=['{"score": "yes"}'])
        for each in state["documents"]:
            model.invoke(f"Relevant?\n{each.page_content}")  # as it is, whatever the answer's is
        return {}

    def generate(state: State) -> State:
        asked = ASK.format(context=context(state), question=state["question"])
        return {"generation": str(Streaming(lines=[ANSWER]).invoke(asked).text)}

    def check(state: State) -> State:
        asked = f"Correct it.\n{context(state)}\nAnswer: {state['generation']}"
        Streaming(lines=["yes"]).invoke(asked)
        return {"generation": str(Streaming(lines=[ANSWER]).invoke(asked).text)}

    builder = StateGraph(State)
    before = START
    for node in (retrieve, rate, generate, check):
        builder.add_node(node.__name__, node)
        builder.add_edge(before, node.__name__)
        before = node.__name__
    return builder.compile(), {"question": QUESTION}


def agent(format: Format) -> Made:
    from langchain.agents import create_agent

    @tool
    def search(query: str) -> str:
        """Search."""
        return format([each.page_content for each in Found().invoke(query)])

    model = Streaming(lines=[calls("search", query=QUESTION), ANSWER])
    return create_agent(model, [search]), {"messages": [{"role": "user", "content": QUESTION}]}


def mapped(format: Format) -> Made:
    """Two questions in one run."""

    def answer(prompt: Any) -> str:
        asked = str(prompt.to_messages()[-1].text)
        return str(Streaming(lines=[ANSWER if "bike cost?" in asked else OTHER]).invoke(asked).text)

    start = {"context": Found() | shown(format), "question": RunnablePassthrough()}
    chain = start | PROMPT | RunnableLambda(answer)
    return chain.map(), ["What does the flag of Galba show?", QUESTION]


def rewritten(format: Format) -> Made:
    """A question that a model writes anew, and an answer that code puts something around."""
    rewrite: Runnable[Any, Any] = RunnableLambda(lambda asked: f"Rewrite: {asked}") | Streaming(
        lines=[QUESTION]
    )
    chain, _ = lcel(format)
    return (
        rewrite | StrOutputParser() | chain | RunnableLambda(lambda text: f"Answer:\n\n{text}\n"),
        "And the bike?",
    )


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


_CALLS: Final[Mapping[str, Callable[[Runnable[Any, Any], Any, Any], object]]] = {
    "sync": lambda chain, asked, config: chain.invoke(asked, config),
    "async": lambda chain, asked, config: asyncio.run(_read(chain.astream(asked, config))),
    "stream": lambda chain, asked, config: list(chain.stream(asked, config)),
    "batch": lambda chain, asked, config: chain.batch([asked, asked], config),
}


def _shape(make: Callable[[Format], Made]) -> Shape:
    def run(format: str, form: str, engine: RequestAttributor) -> Sequence[AnswerRecord]:
        handler = CitationCallbackHandler(engine)
        chain, asked = make(FORMATS[format])
        if form == "batch":  # a script is that of one run, so each gets a chain of its own
            chain = RunnableLambda(lambda _: make(FORMATS[format])[0])
        _CALLS[form](chain, asked, {"callbacks": [handler]})
        return handler.records

    return run


HALF: Final = Half(
    shapes={
        name: _shape(make)
        for name, make in {
            "LCEL": lcel,
            "with sources": with_sources,
            "refine": refine,
            "map-reduce": map_reduce,
            "graded graph": graded,
            "agent": agent,
            "map of questions": mapped,
            "rewritten question": rewritten,
        }.items()
    },
    formats=tuple(FORMATS),
    forms=("sync", "async", "stream", "batch"),
)
