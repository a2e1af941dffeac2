"""The model that a LangChain component has loaded."""

from __future__ import annotations

from typing import Any

from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.scoring.models import LanguageModel

__all__ = ["language_model_of"]


def language_model_of(llm: Any) -> LanguageModel:
    """Wrap the model of a `HuggingFacePipeline` or `ChatHuggingFace`; nothing is loaded again.

    Args:
        llm: The component of langchain-huggingface.

    Raises:
        UnsupportedModelError: If the component runs no model in this process, or one that is no
            causal language model.
    """
    pipeline = getattr(getattr(llm, "llm", llm), "pipeline", None)
    model, tokenizer = getattr(pipeline, "model", None), getattr(pipeline, "tokenizer", None)
    if model is None or tokenizer is None:
        raise UnsupportedModelError(
            f"{type(llm).__name__} runs no transformers model in this process; pass a "
            "HuggingFacePipeline or ChatHuggingFace, or load an open model with "
            "AttributionEngine.from_pretrained"
        )
    return LanguageModel.from_model(model, tokenizer)
