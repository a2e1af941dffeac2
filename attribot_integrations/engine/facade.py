"""`AttributionEngine`: chunks, a question and an answer in, an `Attribution` out."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Iterable, Sequence

from attribot_integrations.context.given_chunks import GivenChunk, given_chunks
from attribot_integrations.context.locating import CapturedPrompt
from attribot_integrations.context.prompts import PromptTemplate
from attribot_integrations.engine.answering import attribute_own_answer
from attribot_integrations.engine.attributing import SharedContexts, attribute_answer
from attribot_integrations.engine.batching import ContextSharer, attribute_all
from attribot_integrations.engine.following import AnswerFollower
from attribot_integrations.engine.model_pair import ModelPair
from attribot_integrations.filtering import ChunkScores, Granularity, RelevanceSignal, SignalName
from attribot_integrations.filtering.chunk_scoring import score_chunks
from attribot_integrations.requests.options import (
    AttributionRequest,
    EngineOptions,
    check_count,
    given_options,
)
from attribot_integrations.results import Attribution, FailedAttribution

__all__ = ["AttributionEngine"]


class AttributionEngine(ModelPair):
    """Measures which sources an answer depends on, and cites them.

    An engine may be shared: calls from many threads or tasks take turns on the model and give the
    same scores as calls in sequence. Nothing that is passed in is changed.

    Args:
        target: The model whose dependence on the sources is measured.
        proxy: A smaller model that stands in for it where a method says so.
        options: What to do with each request.

    Raises:
        ConfigurationError: If an argument is of another type, or the method needs a proxy.
    """

    _held: SharedContexts | None = None

    def attribute(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Score every source of the context, and cite those that carry the answer.

        Args:
            question: The user's question; may be empty if a captured prompt is given.
            chunks: The retrieved chunks, in the order of the prompt: texts, `Chunk` objects,
                LangChain's documents, LlamaIndex's nodes, or dictionaries with `text`.
            answer: The generator's answer; any generator's.
            prompt: The prompt that the generator saw: raw text, or chat messages as
                `{"role": …, "content": …}`. Chunks are located in it; those that cannot be are
                listed in the result's `unlocated`. Where their places are known, a template that
                renders the prompt. By default the options' template renders one.
            options: Options for this call instead of the engine's.
            id: Any identifier, handed back on the result.

        Raises:
            InputError: If question, chunks, answer or prompt cannot be attributed; its subclasses
                say why (`EmptyContextError`, `EmptyAnswerError`, `PromptTooLongError`,
                `ChunkNotFoundError`, `ControlTokenError`, `PromptError`).
            ModelError: If the model cannot run the method, or gives numbers that are not finite.
            OutOfMemoryError: If not even one ablation fits in memory.
        """
        request = AttributionRequest(question, given_chunks(chunks), answer, prompt, id)
        return self.attribute_request(request, options=options)

    async def aattribute(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Do what `attribute` does in a worker thread, leaving the event loop free.

        When it is cancelled, the thread stops behind the pass that it is in.
        """
        request = AttributionRequest(question, given_chunks(chunks), answer, prompt, id)
        chosen = given_options(options, self.options)
        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(self._attribute, request, chosen, cancelled)
        finally:
            cancelled.set()

    def attribute_batch(
        self,
        requests: Iterable[AttributionRequest],
        *,
        options: EngineOptions | None = None,
        progress: bool = True,
        raise_error: bool = False,
    ) -> list[Attribution | FailedAttribution]:
        """Attribute many answers in turn; the chunks that several share are run once for them.

        Args:
            requests: The answers with their questions and chunks.
            options: Options for this call instead of the engine's.
            progress: Whether to show a progress bar on standard error.
            raise_error: Whether the first failure ends the batch. Otherwise it is logged, and a
                `FailedAttribution` takes its place.

        Returns:
            One result for each request, in order.
        """
        engine = copy.copy(self)
        engine.options = given_options(options, self.options)
        return attribute_all(engine, requests, progress=progress, raise_error=raise_error)

    def attribute_request(
        self,
        request: AttributionRequest,
        *,
        options: EngineOptions | None = None,
        cancelled: threading.Event | None = None,
    ) -> Attribution:
        """Do what `attribute` does, with the arguments in one object.

        Args:
            request: The arguments.
            options: Options for this call instead of the engine's.
            cancelled: Set by another thread when the result is not wanted any more; the call then
                raises `concurrent.futures.CancelledError` behind the pass that it is in.
        """
        return self._attribute(request, given_options(options, self.options), cancelled)

    def answer(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        *,
        max_new_tokens: int = 256,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Let the target answer the question from the chunks, and attribute what it writes.

        The prompt is read once, for both: what the model keeps of it while it writes is what the
        answer is scored with. The result's `answer` is the text, `cost` counts both.

        Args:
            question: The user's question.
            chunks: The retrieved chunks, in the order of the prompt.
            max_new_tokens: Most tokens of the answer, written by the likeliest token each time.
            options: Options for this call instead of the engine's.
            id: Any identifier, handed back on the result.

        Raises:
            ConfigurationError: If `max_new_tokens` is less than 1.
            EmptyAnswerError: If the target writes nothing.
            InputError: As `attribute`; `ModelError` and `OutOfMemoryError` likewise.
        """
        check_count("max_new_tokens", max_new_tokens)
        request = AttributionRequest(question, given_chunks(chunks), "", id=id)
        chosen = given_options(options, self.options)
        return attribute_own_answer(self.target, self.proxy, request, chosen, max_new_tokens)

    def hold_contexts(self, most_bytes: int) -> None:
        """Keep activations of contexts between calls: what prompts begin with alike is run once.

        For many questions on the same documents. Scores are those without, but for rounding. When
        memory gets short, what is held is let go of.

        Args:
            most_bytes: How many bytes the target and the proxy may each hold, of the contexts used
                last; 0 lets go of all and holds none, as at first.

        Raises:
            ConfigurationError: If it is negative or no whole number.
        """
        check_count("most_bytes", most_bytes, least=0)
        if self._held is not None:
            self._held.let_go()
        self._held = None
        if most_bytes:
            self._held = SharedContexts.of(self.target, self.proxy, most_bytes)

    def _attribute(
        self, request: AttributionRequest, options: EngineOptions, cancelled: threading.Event | None
    ) -> Attribution:
        if self._held is None:
            return attribute_answer(self.target, self.proxy, request, options, cancelled=cancelled)
        sharer = ContextSharer(self.target, self.proxy, options, self._held)
        return sharer.attribute_request(request, cancelled=cancelled)

    def sharing_context(self) -> ContextSharer:
        """Return what attributes requests with the same chunks in turn, running those once."""
        return ContextSharer(self.target, self.proxy, self.options, self._held)

    def following_answer(self) -> AnswerFollower:
        """Return what attributes one answer while it grows, running only what is new of it."""
        return AnswerFollower(self.target, self.proxy, self.options)

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        *,
        signal: RelevanceSignal | SignalName = "words",
        granularity: Granularity = "chunk",
        options: EngineOptions | None = None,
    ) -> ChunkScores:
        """Say how relevant each chunk is, before there is an answer; `ChunkScores.keep` chooses.

        By default words judge, and no model is run, see `filtering.WordSignal`. For other signals,
        the proxy judges if there is one, and the target drafts. The granularity "sentence" scores
        sentences in addition. Chunks may be blank, or none.

        Raises:
            InputError: If the question is blank, or chunks are of a wrong type or do not fit in.
            ConfigurationError: If the signal or granularity is unknown.
        """
        return score_chunks(
            self.proxy or self.target,
            question,
            given_chunks(chunks),
            signal=signal,
            granularity=granularity,
            options=given_options(options, self.options),
            drafter=self.target,
        )

    def __copy__(self) -> AttributionEngine:
        made = type(self)(self.target, self.proxy, self.options)
        made._held = self._held
        return made

    def __deepcopy__(self, memo: dict[int, object]) -> AttributionEngine:
        made = copy.copy(self)  # the models are shared, any number of threads may use them
        memo[id(self)] = made
        return made
