"""How engines come to their models: loaded, shared with a framework, on a server, bundled.

What runs a model in this process is imported where it is needed: scoring on a server needs no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.engine.method_choice import check_models, expected_method
from attribot_integrations.requests.options import EngineOptions, checked_flag, given_options
from attribot_integrations.scoring.loading import LoadingOptions
from attribot_integrations.scoring.protocols import ScoringModel
from attribot_integrations.scoring.servers import ServerModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from typing_extensions import Self, Unpack

    from attribot_integrations.scoring.loading import LoadingKeywords
    from attribot_integrations.scoring.servers import ServerKeywords
    from attribot_integrations.scoring.servers.routes import Api

__all__ = ["ModelPair"]


class ModelPair:
    """A target, a proxy if there is one, and what to do with them.

    Arguments and errors are those of `AttributionEngine`.
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
        check_models(target, proxy, self.options)

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        proxy: str | Path | None = None,
        *,
        options: EngineOptions | None = None,
        **loading: Unpack[LoadingKeywords],
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    ) -> Self:
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
    def demo(cls, *, proxy: bool = False, options: EngineOptions | None = None) -> Self:
        """Load the bundled tiny target, if wanted with its proxy: for a look, not for real text."""
        return cls.from_pretrained(
            bundled_model_path("target"),
            bundled_model_path("proxy") if checked_flag("proxy", proxy) else None,
            options=options,
        )

    @property
    def uses_chat_template(self) -> bool:
        """Whether the target puts chat messages into a chat format of its own."""
        return self.target.uses_chat_template

    def runs(self, model: object) -> bool:
        """Tell whether the target is this very model, such as one that a framework has loaded."""
        return self.target.runs(model)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "an AttributionEngine cannot be pickled, for it holds loaded models: build one in each "
            "process, with AttributionEngine.from_pretrained for example"
        )

    def __repr__(self) -> str:
        proxy = f", proxy={self.proxy.name!r}" if self.proxy else ""
        method = expected_method(self.target, self.proxy, self.options)
        way = self.target.way
        name = type(self).__name__
        return f"{name}({self.target.name!r}{proxy}, method={method.name!r}, path={way!r})"
