"""`engine_from_langchain`: attribute with the very model that a LangChain component has loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from attribot_integrations.config import EngineOptions
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.scoring.models import LanguageModel

__all__ = ["engine_from_langchain"]


def engine_from_langchain(
    llm: Any,
    *,
    proxy: LanguageModel | None = None,
    options: EngineOptions | None = None,
    chat_options: Mapping[str, Any] | None = None,
) -> AttributionEngine:
    """Build an engine on the model of a `HuggingFacePipeline` or `ChatHuggingFace`.

    The model is shared, not loaded again, and neither it nor its tokenizer is changed. Scores are
    then the generator's own dependence on its sources.

    Args:
        llm: The component of langchain-huggingface.
        proxy: A smaller model, see `AttributionEngine.from_model`.
        options: What to do with each request.
        chat_options: Variables for the chat template.

    Raises:
        ConfigurationError: If the component runs no model in this process.
        UnsupportedModelError: If its model is no causal language model.
    """
    from attribot_integrations.engine import AttributionEngine

    pipeline = getattr(getattr(llm, "llm", llm), "pipeline", None)
    model, tokenizer = getattr(pipeline, "model", None), getattr(pipeline, "tokenizer", None)
    if model is None or tokenizer is None:
        raise ConfigurationError(
            f"{type(llm).__name__} runs no transformers model in this process; pass a "
            "HuggingFacePipeline or ChatHuggingFace, or load an open model with "
            "AttributionEngine.from_pretrained"
        )
    return AttributionEngine.from_model(
        model, tokenizer, proxy=proxy, options=options, chat_options=chat_options
    )
