"""Streams of a LangChain chain, live and not, on a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough
from transformers import DynamicCache

from attribot_integrations import AttributionEngine
from attribot_integrations.evaluation.examples import EvaluationExample
from attribot_integrations.langchain import cite
from attribot_integrations.results.statements import find_statements
from attribot_integrations.scoring.language_model import in_process

__all__ = ["Streamed", "stream_once", "typist", "writer"]


_ENDS: Final = (".", "!", "?", "\n")


class Typist(BaseChatModel):
    """Streams a text that is given, so many tokens a second, and takes no processor time."""

    pieces: list[str]
    speed: float

    @property
    def _llm_type(self) -> str:
        return "typist"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        started = time.perf_counter()
        for count, piece in enumerate(self.pieces, start=1):
            time.sleep(max(0.0, started + count / self.speed - time.perf_counter()))
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


class Writer(BaseChatModel):
    """Streams the likeliest tokens of an engine's target, on the same processors.

    After so many new tokens it ends with the sentence that it is at: one that is cut off would be
    the next statement of the one before, and too short.
    """

    model: Any
    max_new_tokens: int

    @property
    def _llm_type(self) -> str:
        return "writer"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        tokenizer = self.model.encoder._tokenizer
        plain = convert_to_openai_messages(messages, text_format="string")
        text = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        cache, shown = DynamicCache(), ""
        written: list[int] = []
        while len(written) < self.max_new_tokens or not shown.endswith(_ENDS):
            with torch.inference_mode():
                output = self.model.model(ids, past_key_values=cache, use_cache=True)
            token = int(output.logits[0, -1].argmax())
            if token in self.model.encoder.control_ids or len(written) > 2 * self.max_new_tokens:
                return
            written.append(token)
            ids = torch.tensor([[token]])
            text = self.model.encoder.decode(written)
            if not text.endswith("\ufffd"):
                piece, shown = text[len(shown) :], text
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


def typist(engine: AttributionEngine, answer: str, speed: float) -> Typist:
    """Return a model that streams an answer by the target's tokens."""
    spans = in_process(engine.target).encoder.encode_text(answer).offsets
    edges = [0, *(end for _, end in spans[:-1]), len(answer)]
    pieces = [answer[low:high] for low, high in pairwise(edges)]
    return Typist(pieces=pieces, speed=speed)


def writer(engine: AttributionEngine, max_new_tokens: int) -> Writer:
    """Return a model that streams what the target writes."""
    return Writer(model=in_process(engine.target), max_new_tokens=max_new_tokens)


class _Found(BaseRetriever):
    documents: list[Document]

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return self.documents


@dataclass
class Streamed:
    """What came when, in seconds from the call."""

    first: float = 0.0
    """The first token."""
    written: float = 0.0
    """The last token."""
    total: float = 0.0
    """The end of the stream, with all citations."""
    ended: list[float] = field(default_factory=list)
    """For each statement, the token that ends it."""
    cited: list[float] = field(default_factory=list)
    """For each statement, its label and citations."""
    tokens: int = 0
    """Pieces of the answer."""

    @property
    def in_time(self) -> tuple[int, int]:
        """Statements that were cited before the next had ended, and all that have a next."""
        pairs = list(zip(self.cited, self.ended[1:], strict=False))
        return sum(cited <= ended for cited, ended in pairs), len(pairs)

    @property
    def lags(self) -> list[float]:
        """How long after its end each statement was cited, in seconds."""
        return [cited - ended for cited, ended in zip(self.cited, self.ended, strict=True)]


def stream_once(
    engine: AttributionEngine, example: EvaluationExample, model: BaseChatModel, *, live: bool
) -> Streamed:
    """Stream an answer once, and note when its pieces came."""
    chain = cite(_chain(model, example), engine, live=live)
    found = Streamed()
    cited: dict[int, float] = {}
    places: list[tuple[int, float]] = []
    answer = ""
    started = time.perf_counter()
    for piece in chain.stream(example.question):
        now = time.perf_counter() - started
        if text := piece.get("answer"):
            found.first = found.first or now
            answer += text
            places.append((len(answer), now))
        for each in piece.get("support", []):
            cited.setdefault(each["statement_index"], now)
    found.total, found.written, found.tokens = now, places[-1][1], len(places)
    for statement in find_statements(answer, ()):
        found.ended.append(next(when for place, when in places if place >= statement.end))
        found.cited.append(cited.get(statement.index, found.total))
    return found


def _chain(model: BaseChatModel, example: EvaluationExample) -> Runnable[Any, Any]:
    documents = [Document(each.text) for each in example.chunks]

    def joined(found: list[Document]) -> str:
        return "\n\n".join(each.page_content for each in found)

    prompt = ChatPromptTemplate.from_messages(
        [
            ("system", "Answer in full sentences, from the documents."),
            ("human", "{context}\n\nQuestion: {question}"),
        ]
    )
    inputs = {"context": _Found(documents=documents) | joined, "question": RunnablePassthrough()}
    return inputs | prompt | model | StrOutputParser()
