"""Models that a component of a framework has loaded, shared and not loaded again.

The components are looked at by their attributes, so no framework is imported.
"""

from __future__ import annotations

from typing import Any

from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["model_of_langchain", "model_of_llama_index"]


def model_of_langchain(llm: object) -> LanguageModel:
    """Wrap the model of a `HuggingFacePipeline` or `ChatHuggingFace`; nothing is loaded again.

    Args:
        llm: The component of langchain-huggingface.

    Raises:
        UnsupportedModelError: If the component runs no model in this process, or one that is no
            causal language model.
    """
    pipeline: Any = getattr(getattr(llm, "llm", llm), "pipeline", None)
    model, tokenizer = getattr(pipeline, "model", None), getattr(pipeline, "tokenizer", None)
    if model is None or tokenizer is None:
        raise UnsupportedModelError(
            f"{type(llm).__name__} runs no transformers model in this process; pass a "
            "HuggingFacePipeline or ChatHuggingFace, or load an open model with "
            "AttributionEngine.from_pretrained"
        )
    return LanguageModel.from_model(model, tokenizer)


def model_of_llama_index(llm: object) -> LanguageModel:
    """Return the model and tokenizer of a `HuggingFaceLLM`, ready to score; neither is changed.

    Args:
        llm: The LlamaIndex model. Its `model_name` is not read, as it may name another one.

    Raises:
        UnsupportedModelError: If it holds no transformers model and tokenizer, or one that cannot
            be scored.
        ModelError: If the model is in training mode.
    """
    model: Any = getattr(llm, "_model", None)
    tokenizer: Any = getattr(llm, "_tokenizer", None)
    if model is None or tokenizer is None or not hasattr(model, "generate"):
        raise UnsupportedModelError(
            f"{type(llm).__name__} holds no transformers model and tokenizer to share, as "
            "HuggingFaceLLM does; use AttributionEngine.from_pretrained or from_model"
        )
    return LanguageModel.from_model(model, tokenizer)
