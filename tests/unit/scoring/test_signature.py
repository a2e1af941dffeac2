"""What tells models apart."""

from __future__ import annotations

import torch

from attribot_integrations.scoring.signature import model_signature
from tests.parity.architectures import ARCHITECTURES


def test_a_copy_in_low_precision_has_the_same() -> None:
    model = ARCHITECTURES["llama"].build()
    signature = model_signature(model)
    assert (signature.architecture, signature.layers, signature.vocabulary) == (
        "LlamaForCausalLM",
        4,
        640,
    )
    assert signature.probe.shape == (64, 16)
    assert signature.difference(model_signature(model.bfloat16())) is None


def test_other_models_have_others() -> None:
    signature = model_signature(ARCHITECTURES["llama"].build())
    with torch.no_grad():
        other = ARCHITECTURES["llama"].build()
        for weight in other.get_input_embeddings().parameters():
            weight.copy_(torch.randn(640, 64))
    assert "other embeddings" in str(signature.difference(model_signature(other)))
    mistral = ARCHITECTURES["mistral"].build()
    assert "architecture" in str(signature.difference(model_signature(mistral)))
    # Some models scale embeddings; what is looked at is what they run with.
    assert model_signature(ARCHITECTURES["gemma3"].build()).vocabulary == 640
