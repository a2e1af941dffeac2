"""Fake parts of a chain."""

from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.runnables.config import RunnableConfig

from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord

TEMPLATE = "Context:\n{context}\n\nQuestion: {question}"


class FactRetriever(BaseRetriever):
    """Finds two documents that name the query."""

    name_of_source: str = "facts"

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [
            Document(
                f"{query} is fact {number}.",
                id=f"{self.name_of_source}-{query}-{number}",
                metadata={"title": f"Title {number}"},
            )
            for number in range(2)
        ]


class FixedRetriever(BaseRetriever):
    """Always finds the same documents."""

    found: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.found


class EchoChatModel(BaseChatModel):
    """Answers with the last line of the prompt, in several streamed pieces."""

    failures: list[BaseException] = []  # noqa: RUF012 - pydantic copies defaults

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _answer(self, messages: list[BaseMessage]) -> str:
        if self.failures:
            raise self.failures.pop()
        return f"About {str(messages[-1].text).splitlines()[-1]}"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = AIMessage(self._answer(messages))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for word in self._answer(messages).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))


def join(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


def joined_facts() -> Runnable[str, str]:
    return FactRetriever() | join


def rag(
    model: Runnable[Any, Any] | None = None, retriever: Runnable[str, Any] | None = None
) -> Runnable[str, str]:
    return (
        {"context": (retriever or FactRetriever()) | join, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", TEMPLATE)])
        | (model or EchoChatModel())
        | StrOutputParser()
    )


def using(handler: CitationCallbackHandler) -> RunnableConfig:
    return RunnableConfig(callbacks=[handler])


def last(handler: CitationCallbackHandler) -> CitationRecord:
    assert handler.last is not None
    return handler.last


def open_runs(handler: CitationCallbackHandler) -> tuple[int, int]:
    return handler.tracker.open_roots, handler.tracker.open_runs


def check_record(record: CitationRecord, query: str) -> None:
    """Everything in a record of `rag()` belongs to the query."""
    assert record.question == query
    assert [chunk.text for chunk in record.chunks] == [f"{query} is fact {n}." for n in (0, 1)]
    assert [chunk.id for chunk in record.chunks] == [f"facts-{query}-{n}" for n in (0, 1)]
    assert record.chunks[0].title == "Title 0"
    human = f"Context:\n{query} is fact 0.\n\n{query} is fact 1.\n\nQuestion: {query}"
    assert record.prompt == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": human},
    ]
    assert record.answer.strip() == f"About Question: {query}"
    assert record.attribution is not None
    assert record.attribution.id == str(record.run_id)
    assert record.prompt_used == "captured"
    assert record.error is None
