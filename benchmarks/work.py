"""Floating-point operations that a way of scoring needs, counted from the passes that it makes.

What is needed is what the mathematics asks for: tokens that are no padding, and pairs of a query
and a key that it may see. Padding and masked pairs that are computed anyway do not count, so they
lower the achieved share of the ceiling as any other waste does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_forward_hook

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from benchmarks.ceilings import Ceilings

__all__ = ["Arithmetic", "Pass", "Work", "count_work"]


@dataclass(frozen=True)
class Arithmetic:
    """What one token, one pair of query and key, and one row of logits cost in a model."""

    per_token: float
    """Operations of all layers' matrix products."""
    per_pair: float
    """Operations of attention in all layers."""
    per_logit_row: float
    """Operations of the language-model head for one position."""
    layer_bytes: float
    """Bytes of the weights that every pass reads."""

    @classmethod
    def of(cls, model: PreTrainedModel) -> Arithmetic:
        """Read the costs off a model's modules."""
        config: Any = model.config.get_text_config(decoder=True)
        head: Any = model.get_output_embeddings()
        linear = [
            module
            for module in model.modules()
            if isinstance(module, torch.nn.Linear) and module is not head
        ]
        weights = sum(module.weight.numel() for module in linear)
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        width = config.num_attention_heads * size
        return cls(
            per_token=2.0 * weights,
            per_pair=4.0 * config.num_hidden_layers * width,
            per_logit_row=2.0 * head.weight.numel(),
            layer_bytes=float((weights + head.weight.numel()) * head.weight.element_size()),
        )


@dataclass(frozen=True)
class Pass:
    """One forward pass."""

    tokens: int
    """Tokens run, without padding."""
    pairs: int
    """Pairs of a query and a key that it may see."""
    logit_rows: int

    def operations(self, arithmetic: Arithmetic) -> float:
        """Return the floating-point operations it needs."""
        return (
            self.tokens * arithmetic.per_token
            + self.pairs * arithmetic.per_pair
            + self.logit_rows * arithmetic.per_logit_row
        )


@dataclass(frozen=True)
class Work:
    """All passes of one run, on all models."""

    tokens: int = 0
    passes: int = 0
    operations: float = 0.0
    floor_seconds: float = 0.0
    """Least time at the ceilings: each pass computes, or reads the weights, whichever is longer."""

    @classmethod
    def total(cls, parts: Iterable[Work]) -> Work:
        """Add up the work of several models."""
        every = list(parts)
        return cls(
            tokens=sum(part.tokens for part in every),
            passes=sum(part.passes for part in every),
            operations=sum(part.operations for part in every),
            floor_seconds=sum(part.floor_seconds for part in every),
        )

    def scaled(self, factor: float) -> Work:
        """Return so many times the work."""
        return Work(
            tokens=round(self.tokens * factor),
            passes=round(self.passes * factor),
            operations=self.operations * factor,
            floor_seconds=self.floor_seconds * factor,
        )


def summed(passes: Sequence[Pass], arithmetic: Arithmetic, ceilings: Ceilings) -> Work:
    """Add up one model's passes."""
    floors = (
        max(
            each.operations(arithmetic) / ceilings.operations_per_second,
            arithmetic.layer_bytes / ceilings.bytes_per_second,
        )
        for each in passes
    )
    return Work(
        tokens=sum(each.tokens for each in passes),
        passes=len(passes),
        operations=sum(each.operations(arithmetic) for each in passes),
        floor_seconds=sum(floors),
    )


@contextmanager
def count_work(models: Sequence[PreTrainedModel]) -> Iterator[list[list[Pass]]]:
    """Note every forward pass of some models; not for timed runs.

    Yields:
        One list of passes for each model, which grows as they run.
    """
    found: list[list[Pass]] = [[] for _ in models]
    # A hook of the models themselves would be a change of them, for which they are verified anew.
    handle = register_module_forward_hook(_recorder(models, found), with_kwargs=True)
    try:
        yield found
    finally:
        handle.remove()


def _recorder(models: Sequence[PreTrainedModel], found: Sequence[list[Pass]]) -> Any:
    def record(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        for model, passes in zip(models, found, strict=True):
            if module is model:
                passes.append(_pass(args[0] if args else kwargs["input_ids"], kwargs))

    return record


def _pass(tokens: torch.Tensor, kwargs: Mapping[str, Any]) -> Pass:
    cache = kwargs.get("past_key_values")
    # After a pass, its own tokens are in the cache.
    past = int(cache.get_seq_length()) - tokens.shape[1] if cache is not None else 0
    count, pairs = _visible(tokens, past, kwargs.get("attention_mask"))
    return Pass(count, pairs, _rows_kept(tokens, kwargs.get("logits_to_keep", 0)))


def _visible(tokens: torch.Tensor, past: int, mask: Any) -> tuple[int, int]:
    """Return how many tokens are real, and how many pairs of a query and a key are visible."""
    batch, length = tokens.shape
    if isinstance(mask, Mapping):  # one mask for each layer type; windows are a small saving
        mask = max(mask.values(), key=lambda each: _visible(tokens, past, each)[1])
    if mask is None:
        return batch * length, batch * (length * past + length * (length + 1) // 2)
    if isinstance(mask, torch.Tensor) and mask.dim() == 2:
        return _padded(mask, past, length)
    if isinstance(mask, torch.Tensor):
        shown = mask if mask.dtype == torch.bool else mask == 0
        shown = shown.expand(batch, *shown.shape[1:])[:, 0]
        return int(shown.any(-1).sum()), int(shown.sum())
    return batch * length, _block_pairs(mask)


def _padded(mask: torch.Tensor, past: int, length: int) -> tuple[int, int]:
    real = mask.bool()
    seen = real.cumsum(-1)
    queries = real[:, past : past + length]
    return int(queries.sum()), int((seen[:, past : past + length] * queries).sum())


def _block_pairs(mask: Any) -> int:
    """Count the pairs of a FlexAttention block mask; partly visible blocks count in full."""
    rows, columns = mask.BLOCK_SIZE
    return int(mask.to_dense().sum()) * int(rows) * int(columns)


def _rows_kept(tokens: torch.Tensor, kept: Any) -> int:
    batch, length = tokens.shape
    if isinstance(kept, torch.Tensor):
        return batch * kept.numel()
    if isinstance(kept, Sequence):
        return batch * len(kept)
    return batch * (min(int(kept), length) or length)
