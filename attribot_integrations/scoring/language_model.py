"""A language model with its own tokenizer, ready to score.

Loading goes through transformers and accelerate: devices, several GPUs and offload are
`device_map`'s business and not this package's. Safetensors weights only, and no code from the
checkpoint, unless asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import (
    ConfigurationError,
    MissingExtraError,
    ModelError,
    UnsupportedModelError,
)

try:
    import torch
    from accelerate.state import PartialState

    if find_spec("transformers") is None:  # only looked for: importing it takes long
        raise ModuleNotFoundError("No module named 'transformers'", name="transformers")
except ImportError as error:
    raise MissingExtraError("running a model in this process", "local") from error

from attribot_integrations.scoring.cache import SharedContext
from attribot_integrations.scoring.capabilities import inner_model, inspect_model
from attribot_integrations.scoring.drafting import draft_answer
from attribot_integrations.scoring.gguf_files import (
    find_gguf,
    gguf_loading,
    gguf_name,
    warn_of_positions,
)
from attribot_integrations.scoring.growing import GrowingAnswer
from attribot_integrations.scoring.hub_access import check_reachable, quiet_loading
from attribot_integrations.scoring.loading import LoadingOptions, located_checkpoint, shown_name
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.scoring.signature import model_signature
from attribot_integrations.scoring.verified import VerifiedModel
from attribot_integrations.tokens.encoding import TextEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from typing_extensions import Unpack

    from attribot_integrations.context.prompts import Prompt
    from attribot_integrations.scoring.budget import Budget
    from attribot_integrations.scoring.capabilities import Capabilities
    from attribot_integrations.scoring.forward import ForwardPass
    from attribot_integrations.scoring.loading import LoadingKeywords
    from attribot_integrations.scoring.protocols import Draft, ModelSignature, ScoringModel

__all__ = ["LanguageModel", "in_process"]


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model bound to its tokenizer, chat template and fastest valid path."""

    model: PreTrainedModel
    encoder: TextEncoder
    name: str
    parameters: int
    """Number of parameters, shared ones counted once."""
    verified: VerifiedModel = field(repr=False)
    """Knows how the model may be run."""

    @property
    def forward(self) -> ForwardPass:
        """Runs the model."""
        return self.verified.forward

    @property
    def capabilities(self) -> Capabilities:
        """How the model may be run, as it was when that was last verified."""
        return self.forward.capabilities

    @property
    def lock(self) -> threading.Lock:
        """Held during forward passes, so that threads share the device in turn."""
        return self.forward.lock

    @cached_property
    def shown_name(self) -> str:
        """What results and messages call it: a path says where someone keeps files."""
        return shown_name(self.name)

    @cached_property
    def signature(self) -> ModelSignature:
        """What tells its attention heads from another model's."""
        return model_signature(self.model)

    @property
    def can_knock_out(self) -> bool:
        """Whether its scorers can knock sources out, as far as no prompt stands in the way."""
        return self.capabilities.path == "packed"

    @property
    def way(self) -> str:
        """Name of the path that it scores on."""
        return self.capabilities.path

    @property
    def uses_chat_template(self) -> bool:
        """Whether chat messages are put into a chat format of the model's own."""
        return self.encoder.uses_chat_template

    def runs(self, model: object) -> bool:
        """Tell whether this is what it runs: a framework's model that it shares."""
        return model is not None and model is self.model

    def scorer(
        self,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        generated_ids: Sequence[int] | None = None,
        held: SharedContext | GrowingAnswer | None = None,
        drafted: Draft | None = None,
        budget: Budget | None = None,
    ) -> Scorer:
        """Return a `Scorer`, see `ScoringModel.scorer` for arguments and errors."""
        return Scorer(
            self,
            prompt,
            answer,
            token_budget=token_budget,
            generated_ids=generated_ids,
            shared=held,
            prefix=None if drafted is None else drafted.prefix,
            budget=budget,
        )

    def hold_context(self, most_bytes: int | None = None) -> SharedContext:
        """Return what keeps contexts' activations between scorers, at first nothing.

        Args:
            most_bytes: How many bytes they may take; by default the last context alone is kept.
        """
        return SharedContext(most_bytes)

    def hold_answer(self) -> GrowingAnswer:
        """Return what keeps an answer's activations while it grows, at first nothing."""
        return GrowingAnswer()

    def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
        """Answer a prompt, see `draft_answer` for arguments and errors."""
        return draft_answer(self, prompt, max_new_tokens)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, those that the model adds by itself left out."""
        return len(self.encoder.encode_text(text).ids)

    @classmethod
    def from_model(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str | None = None,
        chat_options: Mapping[str, Any] | None = None,
    ) -> LanguageModel:
        """Wrap a model that is already loaded; neither it nor its tokenizer is changed.

        Args:
            model: A causal language model in evaluation mode, on any device or several.
            tokenizer: The model's own fast tokenizer.
            name: Name for results; the checkpoint's by default.
            chat_options: Variables for the chat template.

        Raises:
            UnsupportedModelError: If the model is not a causal language model, or the tokenizer
                is none, reports no offsets or has ids that the model lacks.
            ModelError: If the model is in training mode.
        """
        _check_loaded(model, tokenizer)
        inspect_model(model)
        _check_vocabulary(model, tokenizer)
        return cls(
            model=model,
            encoder=TextEncoder(tokenizer, chat_options),
            verified=VerifiedModel(model),
            name=name or model.config.name_or_path or type(inner_model(model)).__name__,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
        )

    @classmethod
    def from_pretrained(
        cls,
        checkpoint: str | Path,
        **loading: Unpack[LoadingKeywords],
    ) -> LanguageModel:
        """Load a checkpoint from the Hugging Face hub, a folder or a GGUF file.

        Args:
            checkpoint: Name on the hub, or path; "~" is the home folder. A GGUF file is named by
                its path, or in `model_options` as the `gguf_file` of a folder or repository.
            **loading: `device_map`, `dtype`, `revision`, `trust_remote_code`, `use_safetensors`,
                `model_options` and `chat_options`, see `LoadingOptions`.

        Raises:
            ConfigurationError: If the checkpoint is neither text nor path, or an option has a value
                that it cannot have.
            UnsupportedModelError: If it is no causal language model.
            ModelError: If it cannot be loaded, or weights are missing from the checkpoint.
            MissingExtraError: If it is a GGUF file, and the `gguf` package is not installed.
        """
        return cls.load(checkpoint, LoadingOptions(**loading))

    @classmethod
    def load(cls, checkpoint: str | Path, loading: LoadingOptions) -> LanguageModel:
        """Do what `from_pretrained` does, with its keywords in one object."""
        from transformers import AutoConfig, AutoTokenizer

        name = place = located_checkpoint(checkpoint)
        if not (loading.model_options or {}).get("local_files_only"):
            check_reachable(place, loading.revision)
        shared: dict[str, Any] = {}
        file = find_gguf(place, loading)
        if file is not None:
            shared["gguf_file"] = file.path.name
            name = gguf_name(place, loading)
            place, loading = gguf_loading(file, loading)
        shared["revision"] = loading.revision or "main"
        shared["trust_remote_code"] = loading.trust_remote_code
        try:
            config = AutoConfig.from_pretrained(place, **shared)
            if config.is_encoder_decoder:
                raise UnsupportedModelError(
                    f"{name} is an encoder-decoder ({config.model_type}); a decoder-only "
                    "causal language model is needed"
                )
            if file is not None:
                warn_of_positions(file, config)
            tokenizer = AutoTokenizer.from_pretrained(place, **shared)
            # The declared return type does not know of output_loading_info.
            with quiet_loading():
                loaded: Any = _auto_class(config.model_type).from_pretrained(
                    place,
                    device_map=loading.device_map,
                    dtype=_usual_precision() if loading.dtype is None else loading.dtype,
                    use_safetensors=loading.use_safetensors,
                    output_loading_info=True,
                    **shared,
                    **(loading.model_options or {}),
                )
        except (OSError, ValueError, KeyError, RuntimeError, AssertionError) as error:
            raise ModelError(f"cannot load {name}: {error}") from error
        model, info = loaded
        if info["missing_keys"]:
            missing = sorted(info["missing_keys"])
            raise UnsupportedModelError(
                f"{name} holds no weights for {missing[0]!r} ({len(missing)} missing), they "
                "would be random; is it a causal language model?"
            )
        return cls.from_model(model.eval(), tokenizer, name=name, chat_options=loading.chat_options)


def in_process(model: ScoringModel) -> LanguageModel:
    """Return a model whose inside can be looked at.

    Raises:
        ConfigurationError: If it runs elsewhere.
    """
    if not isinstance(model, LanguageModel):
        raise ConfigurationError(
            f"{model.name} does not run in this process, which a LanguageModel does; "
            f"it is a {type(model).__name__}"
        )
    return model


def _usual_precision() -> str | torch.dtype:
    """Return the precision that suits the device."""
    device = PartialState().device
    return torch.float32 if device is None or device.type == "cpu" else "auto"


def _check_loaded(model: Any, tokenizer: Any) -> None:
    """Refuse names, and what else is no model or tokenizer of transformers."""
    inner: Any = inner_model(model)
    if not (hasattr(inner, "config") and hasattr(inner, "get_output_embeddings")):
        raise UnsupportedModelError(
            f"the model must be a transformers model that is loaded, not {type(inner).__name__}; "
            "from_pretrained loads one by its name"
        )
    if not hasattr(tokenizer, "get_added_vocab"):
        raise UnsupportedModelError(
            "the tokenizer must be a transformers tokenizer that is loaded, "
            f"not {type(tokenizer).__name__}; AutoTokenizer.from_pretrained loads one"
        )


def _auto_class(model_type: str) -> Any:
    """Return what loads a kind of model: some language models come only with an image encoder."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.models.auto import modeling_auto

    multimodal = model_type in modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    if multimodal and model_type not in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return AutoModelForImageTextToText
    return AutoModelForCausalLM


def _check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer of another model: one with ordinary ids that have no embedding.

    Added tokens may lie beyond the embeddings, as Gemma 3's image token does in its text models.
    """
    embeddings = getattr(model.get_input_embeddings(), "num_embeddings", None)
    known = embeddings or model.config.get_text_config(decoder=True).vocab_size
    added = tokenizer.get_added_vocab()
    ordinary = (id_ for token, id_ in tokenizer.get_vocab().items() if token not in added)
    highest = max(ordinary, default=-1)
    if highest >= known:
        raise UnsupportedModelError(
            f"the tokenizer has ids up to {highest:,}, {type(inner_model(model)).__name__} only "
            f"{known:,} embeddings; is it the model's own?"
        )
