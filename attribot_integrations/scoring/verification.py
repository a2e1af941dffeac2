"""A check at load time that a model's fast path gives the plain path's numbers.

Configs do not tell everything: some models accept a mask or positions and ignore them. A short
made-up prompt is scored both ways, and the model falls back to the next path where they differ.
Faults that only long texts show (windows, position scaling) are excluded by rule instead, see
`attribot_integrations.scoring.capabilities`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.scoring.capabilities import Capabilities, PathName
from attribot_integrations.scoring.paths import PATHS, PathScores, PlainPath

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["tolerance", "verify"]

_logger = logging.getLogger(__name__)

_PROMPT_LENGTH, _ANSWER_LENGTH = 28, 4
_REMOVED = ((2, 5), (9, 16), (20, 21))
"""Token ranges left out of the probe's ablated prompts."""


def verify(model: PreTrainedModel, capabilities: Capabilities) -> Capabilities:
    """Compare the chosen path with the plain one, and fall back where they disagree.

    Args:
        model: The model, as it will be used.
        capabilities: What its config allows.

    Returns:
        The capabilities with the fastest path that passed.

    Raises:
        UnsupportedModelError: If later tokens change earlier ones (the model is not causal), or
            if the model gives no finite numbers.
    """
    prompt, answer, ablated = _probe(model)
    plain = PlainPath(model, capabilities, prompt, answer, token_budget=1)
    expected = plain.score(ablated)
    _check_causal(model, capabilities, prompt, answer, expected.reference[0])
    names = list(PATHS)
    for name in names[names.index(capabilities.path) : -1]:
        worst = _difference(model, capabilities, name, (prompt, answer, ablated), expected)
        if worst <= tolerance(model.dtype):
            if name == capabilities.path:
                return capabilities
            return capabilities.restricted_to(name, "the load-time check ruled out a faster path")
        _logger.warning(
            "%s: the %s path differs from the plain one by %.3g nats a token on a probe; "
            "falling back to a slower path, scores stay exact",
            type(model).__name__,
            name,
            worst,
        )
    if capabilities.path == "plain":
        return capabilities
    return capabilities.restricted_to("plain", "the load-time check ruled out the faster paths")


def tolerance(dtype: torch.dtype) -> float:
    """Return the largest difference, in nats a token, that rounding in `dtype` explains."""
    return 1e-3 if dtype in (torch.float32, torch.float64) else 0.3


def _probe(model: PreTrainedModel) -> tuple[list[int], list[int], list[list[int]]]:
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (_PROMPT_LENGTH + _ANSWER_LENGTH,), generator=generator)
    prompt, answer = ids[:_PROMPT_LENGTH].tolist(), ids[_PROMPT_LENGTH:].tolist()
    return prompt, answer, [prompt[:start] + prompt[end:] for start, end in _REMOVED]


def _difference(
    model: PreTrainedModel,
    capabilities: Capabilities,
    name: PathName,
    probe: tuple[list[int], list[int], list[list[int]]],
    expected: PathScores,
) -> float:
    prompt, answer, ablated = probe
    path = PATHS[name](model, capabilities, prompt, answer, token_budget=1 << 12)
    try:
        got = path.score(ablated)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        _logger.debug("%s: the %s path failed", type(model).__name__, name, exc_info=error)
        return float("inf")
    pairs = ((got.log_probs, expected.log_probs), (got.reference, expected.reference))
    worst = max(float((left - right).abs().max()) for left, right in pairs)
    return worst if worst == worst else float("inf")


def _check_causal(
    model: PreTrainedModel,
    capabilities: Capabilities,
    prompt: Sequence[int],
    answer: Sequence[int],
    expected: torch.Tensor,
) -> None:
    if not bool(torch.isfinite(expected).all()):
        raise UnsupportedModelError(
            f"{type(model).__name__} gives log-probabilities that are not finite; "
            "are its weights loaded, and does its dtype suit them?"
        )
    longer = [*answer, *prompt[: len(answer)]]
    plain = PlainPath(model, capabilities, prompt, longer, token_budget=1)
    got = plain.score([prompt]).log_probs[0, : len(answer)]
    worst = float((got - expected).abs().max())
    if worst > tolerance(model.dtype):
        raise UnsupportedModelError(
            f"{type(model).__name__} is not causal: tokens appended to a text change the "
            f"log-probabilities before them by {worst:.3g} nats; a decoder-only model is needed"
        )
