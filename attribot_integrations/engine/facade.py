"""`AttributionEngine`: chunks, a question and an answer in, an `Attribution` out.

What runs a model in this process is imported where it is needed: scoring on a server needs no
torch.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.context.locating import CapturedPrompt
from attribot_integrations.context.prompts import PromptTemplate
from attribot_integrations.context.sources import Chunk
from attribot_integrations.engine.attributing import SharedContexts, attribute_answer
from attribot_integrations.engine.batching import ContextSharer, attribute_all
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.engine.following import AnswerFollower
from attribot_integrations.engine.method_choice import check_models, expected_method
from attribot_integrations.filtering import ChunkScores, Granularity, RelevanceSignal, SignalName
from attribot_integrations.filtering.chunk_scoring import score_chunks
from attribot_integrations.requests.options import (
    AttributionRequest,
    EngineOptions,
    check_count,
    checked_flag,
    given_options,
)
from attribot_integrations.results import Attribution, FailedAttribution
from attribot_integrations.scoring.loading import LoadingOptions
from attribot_integrations.scoring.protocols import ScoringModel
from attribot_integrations.scoring.servers import ServerModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from typing_extensions import Unpack

    from attribot_integrations.scoring.loading import LoadingKeywords
    from attribot_integrations.scoring.servers import ServerKeywords
    from attribot_integrations.scoring.servers.routes import Api

__all__ = ["AttributionEngine"]


class AttributionEngine:
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

    def __init__(
        self,
        target: ScoringModel,
        proxy: ScoringModel | None = None,
        options: EngineOptions | None = None,
    ) -> None:
        self.target = target
        self.proxy = proxy
        self.options = given_options(options, EngineOptions())
        self._held: SharedContexts | None = None
        check_models(target, proxy, self.options)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        proxy: str | Path | None = None,
        *,
        options: EngineOptions | None = None,
        **loading: Unpack[LoadingKeywords],
    ) -> AttributionEngine:
        """Load a target, and if wanted a proxy, from the Hugging Face hub, folders or GGUF files.

        Args:
            model: The target's name on the hub, or path, see `LanguageModel.from_pretrained`.
            proxy: The proxy's; another family with another tokenizer will do. It is loaded with
                the same settings, but for `revision`, and `gguf_file` in `model_options`.
            options: What to do with each request.
            **loading: `device_map`, `dtype`, `revision`, `trust_remote_code`, `use_safetensors`,
                `model_options` and `chat_options`, see `LoadingOptions`.

        Raises:
            ConfigurationError: If an argument has a value that it cannot have.
            UnsupportedModelError: If a checkpoint is no causal language model.
            ModelError: If one cannot be loaded.
            MissingExtraError: If one is a GGUF file, and the `gguf` package is not installed.
        """
        return cls.load(model, proxy, LoadingOptions(**loading), options=options)

    @classmethod
    def load(
        cls,
        model: str | Path,
        proxy: str | Path | None,
        loading: LoadingOptions,
        *,
        options: EngineOptions | None = None,
    ) -> AttributionEngine:
        """Do what `from_pretrained` does, with its keywords in one object."""
        from attribot_integrations.scoring.gguf_files import for_another_model
        from attribot_integrations.scoring.language_model import LanguageModel

        target = LanguageModel.load(model, loading)
        small = LanguageModel.load(proxy, for_another_model(loading)) if proxy else None
        return cls(target, small, options)

    @classmethod
    def from_model(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        proxy: ScoringModel | None = None,
        options: EngineOptions | None = None,
        chat_options: Mapping[str, Any] | None = None,
    ) -> AttributionEngine:
        """Use a model that is already loaded; neither it nor its tokenizer is changed.

        Args:
            model: A causal language model in evaluation mode.
            tokenizer: The model's own fast tokenizer.
            proxy: A smaller model, see `LanguageModel.from_model`.
            options: What to do with each request.
            chat_options: Variables for the chat template.

        Raises:
            UnsupportedModelError: If the model is no causal language model.
            ModelError: If the model is in training mode.
        """
        from attribot_integrations.scoring.language_model import LanguageModel

        target = LanguageModel.from_model(model, tokenizer, chat_options=chat_options)
        return cls(target, proxy, options)

    @classmethod
    def from_langchain(
        cls,
        llm: object,
        *,
        proxy: ScoringModel | None = None,
        options: EngineOptions | None = None,
    ) -> AttributionEngine:
        """Share the model of LangChain's `HuggingFacePipeline` or `ChatHuggingFace`, unchanged.

        Args:
            llm: The LangChain model.
            proxy: A smaller model, see `LanguageModel.from_model`.
            options: What to do with each request.

        Raises:
            UnsupportedModelError: If the `llm` runs no causal language model in this process.
            ModelError: If the model is in training mode.
        """
        from attribot_integrations.scoring.borrowed import model_of_langchain

        return cls(model_of_langchain(llm), proxy, options)

    @classmethod
    def from_llama_index(
        cls,
        llm: object,
        *,
        proxy: ScoringModel | None = None,
        options: EngineOptions | None = None,
    ) -> AttributionEngine:
        """Share model and tokenizer with LlamaIndex's `HuggingFaceLLM`; neither is changed.

        Prompts that the `llm` has seen are scored as it saw them, its chat markup included, and
        answers by the ids that it generated, where it reports them. Arguments and errors are those
        of `from_langchain`.
        """
        from attribot_integrations.scoring.borrowed import model_of_llama_index

        return cls(model_of_llama_index(llm), proxy, options)

    @classmethod
    def from_server(
        cls,
        url: str,
        *,
        model: str | None = None,
        api: Api = "auto",
        tokenizer: str | Path | PreTrainedTokenizerBase | None = None,
        proxy: ScoringModel | None = None,
        options: EngineOptions | None = None,
        **server: Unpack[ServerKeywords],
    ) -> AttributionEngine:
        """Score with a model that a server runs: vLLM, SGLang, or what has `echo` and `logprobs`.

        The server is checked first: what it says of a short text must be what it said when it wrote
        it. Methods that only remove text work, "exact" without a proxy by default. With a local
        proxy, that one screens, and what may matter is rescored on the server. Methods that hide
        text from attention run on the proxy alone.

        Args:
            url: Address of the server, such as "http://localhost:8000".
            model: The server's name for the model; not needed where it has only one.
            api: Its interface, "vllm", "vllm-tokens", "sglang" or "echo"; by default the first that
                works.
            tokenizer: The model's own: name on the hub, folder, `tokenizer.json`, or one that is
                loaded. By default the model's name is the tokenizer's, too.
            proxy: A smaller model, see `LanguageModel.from_pretrained`.
            options: What to do with each request.
            **server: `api_key`, `timeout`, `max_parallel`, `attempts`, `chat_options` and `client`,
                see `ServerOptions`.

        Raises:
            ConfigurationError: If an argument has a value that it cannot have, or the server has no
                such model.
            ServerError: If the server cannot be reached, gives no log-probabilities of prompts, or
                wrong ones; the message says what is wrong.
            ModelError: If the tokenizer cannot be loaded.
            MissingExtraError: If httpx or tenacity is not installed.
        """
        target = ServerModel.connect(url, model=model, api=api, tokenizer=tokenizer, **server)
        return cls(target, proxy, options)

    @classmethod
    def demo(
        cls, *, proxy: bool = False, options: EngineOptions | None = None
    ) -> AttributionEngine:
        """Load the bundled tiny target, if wanted with its proxy: for a look, not for real text."""
        return cls.from_pretrained(
            bundled_model_path("target"),
            bundled_model_path("proxy") if checked_flag("proxy", proxy) else None,
            options=options,
        )

    def attribute(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Score every source of the context, and cite those that carry the answer.

        Args:
            question: The user's question; may be empty if a captured prompt is given.
            chunks: The retrieved chunks, in the order of the prompt.
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
        request = AttributionRequest(question, chunks, answer, prompt, id)
        return self.attribute_request(request, options=options)

    async def aattribute(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Do what `attribute` does in a worker thread, leaving the event loop free.

        When it is cancelled, the thread stops behind the pass that it is in.
        """
        request = AttributionRequest(question, chunks, answer, prompt, id)
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

    @property
    def uses_chat_template(self) -> bool:
        """Whether the target puts chat messages into a chat format of its own."""
        return self.target.uses_chat_template

    def runs(self, model: object) -> bool:
        """Tell whether the target is this very model, such as one that a framework has loaded."""
        return self.target.runs(model)

    def sharing_context(self) -> ContextSharer:
        """Return what attributes requests with the same chunks in turn, running those once."""
        return ContextSharer(self.target, self.proxy, self.options, self._held)

    def following_answer(self) -> AnswerFollower:
        """Return what attributes one answer while it grows, running only what is new of it."""
        return AnswerFollower(self.target, self.proxy, self.options)

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        *,
        signal: RelevanceSignal | SignalName = "draft",
        granularity: Granularity = "chunk",
        options: EngineOptions | None = None,
    ) -> ChunkScores:
        """Say how relevant each chunk is, before there is an answer; `ChunkScores.keep` chooses.

        If there is a proxy, it judges, and the target drafts, where the signal needs a draft.
        The granularity "sentence" scores sentences in addition. Chunks may be blank, or none.

        Raises:
            InputError: If the question is blank, or chunks are of a wrong type or do not fit in.
            ConfigurationError: If the signal or granularity is unknown.
        """
        return score_chunks(
            self.proxy or self.target,
            question,
            chunks,
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

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "an AttributionEngine cannot be pickled, for it holds loaded models: build one in each "
            "process, with AttributionEngine.from_pretrained for example"
        )

    def __repr__(self) -> str:
        proxy = f", proxy={self.proxy.name!r}" if self.proxy else ""
        method = expected_method(self.target, self.proxy, self.options)
        way = self.target.way
        return (
            f"AttributionEngine({self.target.name!r}{proxy}, method={method.name!r}, path={way!r})"
        )
