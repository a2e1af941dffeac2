"""Baselines that read the model's attention or gradient instead of ablating the context."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

from attribot_integrations.errors import ModelError
from attribot_integrations.evaluation.baselines import BaselineInput, BaselineScores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["AttentionWeights", "GradientNorm"]


@dataclass(frozen=True)
class AttentionWeights:
    """Attention that the positions predicting the answer pay to a source.

    score(s) = sum over the tokens of s of the mean attention weight, over layers, heads and the
    positions that predict the answer's tokens (the average-attention baseline of arXiv 2409.00729,
    section 4).

    Fused attention gives no weights, so a private copy of the model runs with eager attention; it
    shares the weights and the caller's model stays as it is. All weights of all layers are in
    memory at once: layers * heads * tokens ** 2 numbers.
    """

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "mean attention"

    def run(self, inputs: BaselineInput) -> BaselineScores:
        """Score every source.

        Raises:
            ModelError: If the model has no attention to show.
        """
        model = _eager_copy(inputs.model.model)
        tokens = _tokens(inputs).to(inputs.model.forward.device)
        options: dict[str, Any] = {"output_attentions": True, "use_cache": False}
        if inputs.model.capabilities.takes_logits_to_keep:
            options["logits_to_keep"] = 1
        with inputs.model.lock, torch.inference_mode():
            layers = [
                layer
                for layer in model(input_ids=tokens, **options).attentions or ()
                if layer is not None
            ]
        if not layers:
            raise ModelError(f"{inputs.model.name} shows no attention weights")
        first = len(inputs.prompt_ids) - 1
        rows = [layer[0, :, first:].float().mean(dim=(0, 1)).cpu() for layer in layers]
        weights = torch.stack(rows).mean(dim=0).numpy()
        return BaselineScores(inputs.per_source(weights), tokens=tokens.numel(), passes=1)


@dataclass(frozen=True)
class GradientNorm:
    """Euclidean norm of the gradient of the answer's log-likelihood at a source's embeddings.

    score(s) = || d log p(answer | prompt) / d E_s ||, E_s the input embeddings of the tokens of s
    (saliency as in Simonyan et al. 2014, arXiv 1312.6034, section 3, with the norm in the place of
    the maximum). The backward pass, down to the inputs and to no weight, is counted as one more
    forward pass over all tokens.
    """

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "gradient norm"

    def run(self, inputs: BaselineInput) -> BaselineScores:
        """Score every source."""
        model = inputs.model.model
        tokens = _tokens(inputs).to(inputs.model.forward.device)
        first = len(inputs.prompt_ids) - 1
        with inputs.model.lock, torch.enable_grad():
            embedded = model.get_input_embeddings()(tokens).detach().requires_grad_()
            logits = model(inputs_embeds=embedded, use_cache=False).logits[0, first:]
            wanted = torch.tensor(inputs.answer_ids, device=logits.device)[:, None]
            likelihood = logits.float().log_softmax(-1).gather(1, wanted).sum()
            (gradient,) = torch.autograd.grad(likelihood, embedded)  # leaves the weights' .grad
        norms = gradient[0].float().norm(dim=-1).cpu().numpy()
        scores = inputs.per_source(norms, squared=True)
        return BaselineScores(scores, tokens=2 * tokens.numel(), passes=2)


def _tokens(inputs: BaselineInput) -> torch.Tensor:
    """Return prompt and answer but its last token, which nothing is predicted from: `[1, n]`."""
    return torch.tensor([[*inputs.prompt_ids, *inputs.answer_ids[:-1]]])


def _eager_copy(model: PreTrainedModel) -> PreTrainedModel:
    """Return a model of its own modules and config, with eager attention and the same weights."""
    shared = {id(each): each for each in chain(model.parameters(), model.buffers())}
    private = copy.deepcopy(model, shared)
    private.set_attn_implementation("eager")
    return private
