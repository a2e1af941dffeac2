"""A short answer by a model itself, for when there is none yet."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import within_memory
from attribot_integrations.scoring.protocols import Draft
from attribot_integrations.tokens.ablated import AblatedText

if TYPE_CHECKING:
    from attribot_integrations.context.prompts import Prompt
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["draft_answer"]


def draft_answer(model: LanguageModel, prompt: Prompt, max_new_tokens: int) -> Draft:
    """Let a model answer a prompt by its likeliest tokens, whatever its own generation config says.

    Args:
        model: The model.
        prompt: The prompt.
        max_new_tokens: Most tokens of the answer; fewer where the model's context ends.

    Raises:
        PromptTooLongError: If the prompt alone exceeds the model's context.
        OutOfMemoryError: If the prompt does not fit in memory.
    """
    from transformers import DynamicCache

    ids = AblatedText(model.encoder, prompt, frozenset()).ids
    room = min(max_new_tokens, _room(model, len(ids)))
    tokens = torch.tensor([ids], device=model.forward.device)
    # Without a config every layer keeps all its keys, which scoring on the same cache needs.
    cache = DynamicCache() if model.capabilities.path != "plain" else None
    shared: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
    writer = _greedy(model)

    def run() -> torch.Tensor:
        with model.lock, torch.inference_mode():
            output: torch.Tensor = writer.generate(
                tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=room, **shared
            )
        return output[0, len(ids) :]

    written = within_memory(run, lambda: f"a prompt of {len(ids):,} tokens").tolist()
    return Draft(
        text=model.encoder.decode(written).strip(),
        prefix=None if cache is None else PrefixCache.of(cache),
        tokens=len(ids) + max(0, len(written) - 1),
        passes=max(1, len(written)),
    )


def _room(model: LanguageModel, prompt: int) -> int:
    limit = model.capabilities.context_length
    if limit is None:
        return sys.maxsize
    if prompt > limit:
        raise PromptTooLongError(
            f"the prompt takes {prompt:,} positions, {prompt - limit:,} more than the {limit:,} of "
            f"{model.shown_name}: pass fewer or shorter chunks, or use a model with a longer "
            "context"
        )
    return limit - prompt + 1  # nothing is predicted from the last token


def _greedy(model: LanguageModel) -> Any:
    """Return the model with a generation config that only knows its special tokens.

    Whatever `generate` is not told it takes from the model's own config: beams, penalties, kinds of
    cache. That one may be in use elsewhere, so a shallow copy, with the same weights, gets another.
    """
    from transformers import GenerationConfig

    inner = inner_model(model.model)
    own = inner.generation_config
    writer = copy.copy(inner)
    writer.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id if own.pad_token_id is not None else 0,
        bos_token_id=own.bos_token_id,
    )
    return writer
