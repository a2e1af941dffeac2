"""How the models of the demo pipelines write an answer."""

from __future__ import annotations

from typing import Any

__all__ = ["write_answer"]


def write_answer(model: Any, tokenizer: Any, messages: Any, max_new_tokens: int) -> str:
    """Answer messages with the likeliest token each time.

    Args:
        model: A causal language model of transformers.
        tokenizer: The model's own, with a chat template.
        messages: Messages as chat templates take them.
        max_new_tokens: Most tokens of the answer.
    """
    import torch

    encoded = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
    ).to(model.device)
    with torch.inference_mode():
        output = model.generate(**encoded, max_new_tokens=max_new_tokens, do_sample=False)
    new = output[0, encoded["input_ids"].shape[1] :]
    text: str = tokenizer.decode(new, skip_special_tokens=True)
    return text
