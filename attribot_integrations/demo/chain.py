"""A small LangChain RAG chain over made-up facts, for demonstrations and tests.

Every part is a real LangChain component: a retriever, a prompt, the bundled target as a chat model,
an output parser. Nothing is downloaded, and a run takes a fraction of a second on a CPU.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.demo.showcase import demo_facts, rank
from attribot_integrations.demo.writing import write_answer
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.scoring.language_model import in_process

try:
    from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import (
        AIMessage,
        AIMessageChunk,
        BaseMessage,
        convert_to_openai_messages,
    )
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable, RunnablePassthrough
except ImportError as error:
    raise MissingExtraError("the demo chain", "langchain") from error

__all__ = [
    "DemoChain",
    "DemoChatModel",
    "DemoRetriever",
    "WordByWord",
    "demo_chain",
    "demo_corpus",
    "rag_chain",
]


@dataclass(frozen=True)
class DemoChain:
    """A chain, and what can be asked of it."""

    chain: Runnable[str, str]
    """From a question to an answer."""
    questions: tuple[str, ...]
    """Questions that the documents answer."""
    unanswerable: str
    """A question that no document answers."""
    documents: tuple[Document, ...]
    """All documents that the chain retrieves from."""
    engine: AttributionEngine
    """The engine whose target writes the answers."""
    retriever: BaseRetriever
    """What the chain finds documents with."""


class DemoRetriever(BaseRetriever):
    """Retrieves the documents that share the rarest words with the question."""

    documents: tuple[Document, ...]
    """What is searched."""
    k: int = 4
    """Number of documents retrieved."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        """Rank documents by the summed rarity of the words they share with the query."""
        ranked = rank(query, [document.page_content for document in self.documents])
        return [self.documents[index] for index in ranked[: self.k]]


class WordByWord(BaseChatModel, ABC):
    """A chat model that writes a whole answer, and streams it word by word."""

    max_new_tokens: int = 64
    """Most tokens of an answer."""

    @abstractmethod
    def answer(self, messages: list[dict[str, Any]]) -> str:
        """Answer messages, each with `role` and `content`."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Write one answer.

        Raises:
            ConfigurationError: If stop words are given, which this model does not know.
        """
        text = self._answer(messages, stop)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Write one answer, and yield its words.

        Raises:
            ConfigurationError: If stop words are given, which this model does not know.
        """
        for word in re.findall(r"\s*\S+|\s+$", self._answer(messages, stop)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word))
            if run_manager is not None:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk

    def _answer(self, messages: list[BaseMessage], stop: list[str] | None) -> str:
        if stop:
            raise ConfigurationError(f"the demo model knows no stop words, got {stop!r}")
        plain: Any = convert_to_openai_messages(messages, text_format="string")
        return self.answer(plain)


class DemoChatModel(WordByWord):
    """A transformers model as a LangChain chat model that always writes its likeliest token."""

    model: Any = Field(repr=False)
    """A causal language model of transformers; it may be shared with an engine."""
    tokenizer: Any = Field(repr=False)
    """The model's own tokenizer, with a chat template."""

    @property
    def _llm_type(self) -> str:
        return "attribot-demo"

    def answer(self, messages: list[dict[str, Any]]) -> str:
        """Answer messages, each with `role` and `content`."""
        return write_answer(self.model, self.tokenizer, messages, self.max_new_tokens)


def demo_corpus() -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """Return a fixed set of documents about made-up entities, and questions about them.

    The last question asks for two facts.
    """
    facts = demo_facts()
    documents = tuple(
        Document(chunk.text, id=chunk.id, metadata=dict(chunk.metadata)) for chunk in facts.chunks
    )
    return documents, facts.questions


def demo_chain(engine: AttributionEngine | None = None, *, k: int = 4) -> DemoChain:
    """Build a RAG chain that answers with an engine's target.

    Args:
        engine: The engine whose model writes the answers; by default one with the bundled models.
        k: Number of documents retrieved for a question.

    Raises:
        ModelError: If a model cannot be loaded.
    """
    from transformers import AutoTokenizer

    engine = engine or AttributionEngine.demo()
    documents, questions = demo_corpus()
    chat = DemoChatModel(
        model=in_process(engine.target).model,
        tokenizer=AutoTokenizer.from_pretrained(engine.target.name),
    )
    retriever = DemoRetriever(documents=documents, k=k)
    chain = rag_chain(retriever, chat)
    return DemoChain(chain, questions, demo_facts().unanswerable, documents, engine, retriever)


def rag_chain(retriever: BaseRetriever, chat: BaseChatModel) -> Runnable[str, str]:
    """Return what retrieves documents for a question and has it answered from them."""
    chain: Runnable[str, str] = (
        {"context": retriever | _join, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_messages([("human", DEFAULT_TEMPLATE)])
        | chat
        | StrOutputParser()
    )
    return chain


def _join(documents: Sequence[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)
