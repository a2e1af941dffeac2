"""Fake models and retrievers."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.base.response.schema import Response
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode


class EchoLLM(CustomLLM):
    """A completion model that answers with the last line that is no "Answer:"."""

    prompts: list[str] = []  # noqa: RUF012 - pydantic copies defaults
    window: int = 4096
    is_chat: bool = False
    failures: list[BaseException] = []  # noqa: RUF012
    answer: str | None = None

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self.window, num_output=16, is_chat_model=self.is_chat, model_name="echo"
        )

    def _text(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if self.failures:
            raise self.failures.pop()
        if self.answer is not None:
            return self.answer
        lines = [
            line for line in prompt.splitlines() if line.strip().strip(":") not in ("", "Answer")
        ]
        return f"About {lines[-1].removeprefix('Query: ')}"

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._text(prompt))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        text = self._text(prompt)

        def stream() -> Iterator[CompletionResponse]:
            for word in text.split(" "):
                yield CompletionResponse(text=text, delta=f"{word} ")

        return stream()  # type: ignore[return-value]


class EchoChatLLM(EchoLLM):
    """A chat model of its own, whose async methods do wait."""

    is_chat: bool = True

    def _reply(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        text = self._text(messages[-1].content or "")
        return ChatMessage(role=MessageRole.ASSISTANT, content=text)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._reply(messages))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(0.001)
        return ChatResponse(message=self._reply(messages))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        reply = self._reply(messages)

        def stream() -> Iterator[ChatResponse]:
            for word in (reply.content or "").split(" "):
                yield ChatResponse(message=reply, delta=f"{word} ")

        return stream()  # type: ignore[return-value]

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        reply = self._reply(messages)

        async def stream() -> AsyncIterator[ChatResponse]:
            for word in (reply.content or "").split(" "):
                await asyncio.sleep(0)
                yield ChatResponse(message=reply, delta=f"{word} ")

        return stream()  # type: ignore[return-value]


class FactRetriever(BaseRetriever):
    """Finds nodes that name the query, new ones for every query."""

    def __init__(self, count: int = 2, nodes: list[NodeWithScore] | None = None) -> None:
        self.count = count
        self.nodes = nodes
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if self.nodes is not None:
            return self.nodes
        query = query_bundle.query_str
        return [
            NodeWithScore(
                node=TextNode(
                    text=f"{query} is fact {number}.",
                    id_=f"{query}-{number}",
                    metadata={"title": f"Title {number}"},
                ),
                score=1.0 - number / 10,
            )
            for number in range(self.count)
        ]


def node(text: str, **options: Any) -> NodeWithScore:
    return NodeWithScore(node=TextNode(text=text, **options), score=1.0)


def rag(
    llm: EchoLLM | None = None,
    retriever: BaseRetriever | None = None,
    mode: ResponseMode = ResponseMode.COMPACT,
    *,
    streaming: bool = False,
    **options: Any,
) -> RetrieverQueryEngine:
    model = llm or EchoLLM()
    synthesizer = get_response_synthesizer(model, response_mode=mode, streaming=streaming)
    return RetrieverQueryEngine(
        retriever=retriever or FactRetriever(), response_synthesizer=synthesizer, **options
    )


def payload_of(response: Any, key: str = "attribution") -> dict[str, Any]:
    found = response.metadata[key]
    assert isinstance(found, dict)
    return found


def check(response: Any, query: str) -> None:
    """Everything in the payload of a response of `rag()` belongs to the query."""
    payload = payload_of(response)
    assert (payload["status"], payload["reason"]) == ("ok", None)
    assert payload["answer"].strip() == f"About {query}"
    (citation,) = payload["citations"]
    assert citation["node_id"] == f"{query}-0"
    assert citation["text"] == f"{query} is fact 0."
    if isinstance(response, Response):
        assert payload["answer"] == response.response
