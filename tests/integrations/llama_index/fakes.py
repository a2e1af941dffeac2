"""Fake models and retrievers, and a stub in the engine's place."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
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

from attribot_integrations.context.locating import capture_prompt
from attribot_integrations.context.prompts import render
from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, Citation, Cost


@dataclass
class StubEngine:
    """Cites the first chunk for the whole answer, and keeps what it was asked."""

    error: Exception | None = None
    options: EngineOptions = field(default_factory=EngineOptions)
    requests: list[AttributionRequest] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    """The text of each prompt, as it would be scored."""
    threads: list[str] = field(default_factory=list)
    raws: list[bool] = field(default_factory=list)

    def attribute_request(
        self, request: AttributionRequest, *, options: EngineOptions | None = None
    ) -> Attribution:
        self.requests.append(request)
        self.threads.append(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        chunks = as_chunks(request.chunks)
        if request.prompt is None or callable(request.prompt):
            template = request.prompt or (options or self.options).template
            prompt = template(request.question, SourceSet.build(chunks))
            locations = ()
        else:
            prompt, _, locations = capture_prompt(request.prompt, chunks)  # type: ignore[assignment]
        self.prompts.append(
            "\n\n".join(render(message.segments).text for message in prompt.messages)
        )
        self.raws.append(prompt.raw)
        return attribution_of(request, chunks, locations)


def attribution_of(
    request: AttributionRequest, chunks: tuple[Chunk, ...], locations: Any = ()
) -> Attribution:
    index = next(i for i, chunk in enumerate(chunks) if chunk.text.strip())
    chunk = chunks[index]
    citation = Citation(
        number=1,
        statement_index=0,
        source_id=0,
        chunk_index=index,
        chunk_id=chunk.id,
        answer_start=0,
        answer_end=len(request.answer),
        chunk_start=0,
        chunk_end=len(chunk.text),
        text=chunk.text,
        score=2.0,
        exact=True,
    )
    nothing = np.zeros(0, dtype=np.float32)
    return Attribution(
        question=request.question,
        answer=request.answer,
        chunks=chunks,
        sources=(),
        statements=(),
        scores=np.zeros((0, 0), dtype=np.float32),
        exact=np.zeros(0, dtype=np.bool_),
        estimands=(),
        token_spans=(),
        token_log_probs=nothing,
        token_log_probs_without_context=nothing,
        citations=(citation,),
        method="stub",
        cost=Cost(0.0, ()),
        locations=locations,
        id=request.id,
    )


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
