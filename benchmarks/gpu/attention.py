"""Exact leave-one-out with the attention of its packs computed in each of three ways.

In parts, as the engine does; under one dense mask; and by FlexAttention, whose compiled kernel
leaves out the blocks of the mask in which nothing is visible (arXiv 2412.05496).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.packed import PackedPath
from attribot_integrations.scoring.packing import Pack, PackLimits
from attribot_integrations.scoring.state import ModelState
from attribot_integrations.tokens.ablated import AblatedText
from benchmarks.baselines import ablated_prompts, sentence_count
from benchmarks.contexts import Case
from benchmarks.ways import Job, Outcome, Setting, Way, spread

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

__all__ = ["Attention", "attention_way", "block_mask"]

Attention = Literal["parts", "mask", "flex"]
_NAMES = {"parts": "in parts", "mask": "under a mask", "flex": "by FlexAttention"}


def attention_way(attention: Attention, token_budget: int) -> Way:
    """Return exact leave-one-out with packs of one size and attention of one kind.

    Args:
        attention: How attention is computed.
        token_budget: Most tokens in a pack; nothing else limits it.
    """

    def run(job: Job) -> Outcome:
        model, case = job.setting.target, job.cases[0]
        chosen = spread(sentence_count(case), job.ablations)
        prompts, _ = ablated_prompts(job.setting, case, chosen)
        path = _Path(
            model.model,
            model.capabilities,
            AblatedText(model.encoder, case.prompt, frozenset()).ids,
            model.encoder.encode_text(case.answer).ids,
            token_budget,
            model.forward,
        )
        path.attention = attention
        path.least_in_parts = 0 if attention == "parts" else sys.maxsize
        found = path.score(prompts[1:])
        drops = (found.reference - found.log_probs).sum(dim=1).tolist()
        return Outcome(dict(zip(chosen, drops, strict=True)), exact_sources=len(chosen))

    def compile_kernels(setting: Setting, case: Case) -> None:
        run(Job(setting, (case,), sentence_count(case)))

    return Way(
        name=f"exact, {_NAMES[attention]}, {token_budget:,} tokens in a pack",
        group="ours",
        run=run,
        ablations=sentence_count,
        overhead=2,
        prepare=compile_kernels if attention == "flex" else None,
    )


class _Path(PackedPath):
    """Packs of any size, with attention of a kind that is asked for."""

    attention: Attention = "parts"

    def _limits(self) -> PackLimits:
        return replace(super()._limits(), cells=sys.maxsize)

    def _run_pack(self, pack: Pack, cache: DynamicCache) -> torch.Tensor:
        if self.attention != "flex":
            return super()._run_pack(pack, cache)
        shared = self._run_model
        with _flexible(self._model):
            self._run_model = ForwardPass(
                self._model, self._capabilities, ModelState.of(self._model), shared.lock
            )
            logits = self._forward(
                pack.tokens(),
                pack.answer_rows(len(self._answer)),
                position_ids=pack.positions(),
                attention_mask=block_mask(pack, self._run_model.device),
                past_key_values=cache,
                use_cache=True,
            )
            self._run_model = shared
        return self._log_probs(logits, [branch.known for branch in pack.branches])


def block_mask(pack: Pack, device: torch.device) -> BlockMask:
    """Return what the tokens of a pack see, as FlexAttention takes it.

    Args:
        pack: The pack.
        device: Where attention is computed.
    """
    prefix, size = pack.prefix, pack.size
    lengths = torch.tensor(pack.lengths, device=device)
    branch = torch.arange(len(pack.branches), device=device).repeat_interleave(lengths)
    position = pack.positions()[0].to(device)
    shared = torch.zeros((len(pack.branches), prefix), dtype=torch.bool)
    for row, each in zip(shared, pack.branches, strict=True):
        row[: each.start] = True
        for low, high in each.unseen:
            row[low:high] = False
    shared = shared.to(device)
    edge = torch.tensor(prefix, device=device)  # a number would be compiled in, for each pack anew

    def visible(
        batch: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        # Both sides are computed everywhere, so places are kept within bounds.
        seen = shared[branch[query], torch.minimum(key, edge - 1)] & (key < position[query])
        own = torch.maximum(key, edge) - edge
        return torch.where(key < edge, seen, (branch[query] == branch[own]) & (own <= query))

    compiled = device.type == "cuda"  # otherwise all pairs are written out
    return create_block_mask(
        visible, None, None, size, prefix + size, device=str(device), _compile=compiled
    )


@contextmanager
def _flexible(model: PreTrainedModel) -> Iterator[None]:
    """Let a model compute attention by FlexAttention, compiled only where there is a GPU."""
    config: Any = model.config
    before = config._attn_implementation
    config._attn_implementation = "flex_attention"
    stance = "default" if model.device.type == "cuda" else "force_eager"
    try:
        with torch.compiler.set_stance(stance):
            yield
    finally:
        config._attn_implementation = before
