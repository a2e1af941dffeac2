"""A small random model, and a prompt for it, for tests that count what is run."""

from __future__ import annotations

import functools

import torch
from transformers import PreTrainedModel

from attribot_integrations.scoring.capabilities import Capabilities, inspect_model
from tests.parity.architectures import ARCHITECTURES

PROMPT = tuple(range(10, 40))
ANSWER = (50, 51, 52)


@functools.cache
def llama() -> tuple[PreTrainedModel, Capabilities]:
    model = ARCHITECTURES["llama"].build()
    return model, inspect_model(model)


def without(start: int, end: int) -> tuple[int, ...]:
    """The prompt without some of its tokens."""
    return (*PROMPT[:start], *PROMPT[end:])


def log_probs(prompt: tuple[int, ...]) -> torch.Tensor:
    """The answer's log-probabilities by one plain call of the model, `[answer tokens]`."""
    model, _ = llama()
    tokens = torch.tensor([[*prompt, *ANSWER]])
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=tokens).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(-1)[range(len(ANSWER)), list(ANSWER)]
