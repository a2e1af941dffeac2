"""What tells one model's attention heads from another's, whatever precision it is loaded in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import execution_device
from attribot_integrations.scoring.protocols import ModelSignature

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["model_signature"]

_PROBED = (64, 16)
"""Tokens whose embeddings are looked at, and how many numbers of each."""


def model_signature(model: PreTrainedModel) -> ModelSignature:
    """Return what tells this model from others.

    The embeddings of some tokens are run as the model runs them, wherever its weights are kept.
    """
    config = model.config.get_text_config(decoder=True)
    embeddings = model.get_input_embeddings()
    count = int(getattr(embeddings, "num_embeddings", None) or config.vocab_size)
    tokens = torch.linspace(0, count - 1, _PROBED[0]).round().long()
    with torch.inference_mode():
        probe = embeddings(tokens.to(execution_device(model)))[:, : _PROBED[1]]
    return ModelSignature(
        architecture=type(inner_model(model)).__name__,
        layers=int(config.num_hidden_layers),
        vocabulary=count,
        probe=probe.float().cpu().numpy().astype(np.float32),
    )
