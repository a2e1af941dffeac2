"""A short answer by a model itself, for when there is none yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.scoring.ablated import AblatedText
from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.forward import within_memory

if TYPE_CHECKING:
    from attribot_integrations.prompts import Prompt
    from attribot_integrations.scoring.models import LanguageModel

__all__ = ["Draft", "draft_answer"]


@dataclass(frozen=True)
class Draft:
    """A drafted answer, and what writing it left behind."""

    text: str
    """The answer, control tokens left out; may be blank."""
    prefix: PrefixCache | None
    """Activations of the prompt, where the model's cache can be shared."""
    tokens: int
    """Tokens run through the model."""
    passes: int
    """Forward passes."""


def draft_answer(model: LanguageModel, prompt: Prompt, max_new_tokens: int) -> Draft:
    """Let a model answer a prompt greedily.

    Args:
        model: The model.
        prompt: The prompt.
        max_new_tokens: Most tokens of the answer.

    Raises:
        OutOfMemoryError: If the prompt does not fit in memory.
    """
    from transformers import DynamicCache, GenerationConfig

    ids = AblatedText(model.encoder, prompt, frozenset()).ids
    tokens = torch.tensor([ids], device=model.forward.device)
    # Without a config every layer keeps all its keys, which scoring on the same cache needs.
    cache = DynamicCache() if model.capabilities.path != "plain" else None
    shared: dict[str, Any] = {} if cache is None else {"past_key_values": cache}
    own = model.model.generation_config
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=own.eos_token_id,
        pad_token_id=own.pad_token_id if own.pad_token_id is not None else 0,
        bos_token_id=own.bos_token_id,
    )

    def run() -> torch.Tensor:
        with model.lock, torch.inference_mode():
            generate: Any = model.model.generate  # typed as a tensor where a model has buffers
            output: torch.Tensor = generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                generation_config=config,
                **shared,
            )
        return output[0, len(ids) :]

    written = within_memory(run, lambda: f"a prompt of {len(ids):,} tokens").tolist()
    return Draft(
        text=model.encoder.decode(written).strip(),
        prefix=None if cache is None else PrefixCache.of(cache),
        tokens=len(ids) + max(0, len(written) - 1),
        passes=max(1, len(written)),
    )
