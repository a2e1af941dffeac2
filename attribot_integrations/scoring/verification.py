"""A check at load time that a model's fast path gives the plain path's numbers.

Configs do not tell everything: some models accept a mask or positions and ignore them. Made-up
prompts are scored both ways, and the model falls back to the next path where they differ: a short
prompt with ablations, and, where layers see only a window, one that is longer than the window.
Faults that only very long texts show (wide windows, position scaling) are excluded by rule
instead, see `attribot_integrations.scoring.capabilities`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from attribot_integrations.errors import OutOfMemoryError, UnsupportedModelError
from attribot_integrations.scoring.capabilities import Capabilities, PathName, inner_model
from attribot_integrations.scoring.forward import ForwardPass
from attribot_integrations.scoring.packed import PackedPath
from attribot_integrations.scoring.paths import PATHS, PathScores, PlainPath

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["tolerance", "verify"]

_logger = logging.getLogger(__name__)

_PROMPT_LENGTH, _ANSWER_LENGTH = 28, 4
_REMOVED = ((2, 5), (9, 16), (20, 21))
"""Token ranges left out of the short probe's ablated prompts."""
_BEYOND = 32
"""Tokens by which the long probe exceeds the window."""
_LONGEST = {"cpu": 1152}
"""Most tokens of a long probe by type of device: a second or so of work."""
_LONGEST_ELSEWHERE = 4608
_FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, IndexError, KeyError)
"""What a model raises that cannot be run in some way."""


@dataclass(frozen=True)
class _Probe:
    """A made-up request, and what the plain path makes of it."""

    prompt: list[int]
    answer: list[int]
    ablated: list[list[int]]
    expected: PathScores


def verify(model: PreTrainedModel, capabilities: Capabilities) -> Capabilities:
    """Compare the chosen path with the plain one, and fall back where they disagree.

    Args:
        model: The model, as it will be used.
        capabilities: What its config allows.

    Returns:
        The capabilities with the fastest path that passed.

    Raises:
        UnsupportedModelError: If the model cannot be run on text alone, if later tokens change
            earlier ones (it is not causal), or if it gives no finite numbers.
    """
    name = type(inner_model(model)).__name__
    if capabilities.takes_logits_to_keep and not _keeps_logits(model, capabilities):
        _logger.info("%s: computes all logits, it takes no list of those to keep", name)
        capabilities = replace(capabilities, takes_logits_to_keep=False)
    try:
        probes = [_short_probe(model, capabilities)]
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(f"{name} cannot be run on text alone: {error}") from error
    _check_causal(model, capabilities, probes[0])
    if capabilities.path != "plain":
        probes += _long_probes(model, capabilities)
    if capabilities.attention_in_parts and not _attends_in_parts(model, capabilities, probes[0]):
        _logger.info("%s: attention in parts gives other numbers, so masks are used", name)
        capabilities = replace(capabilities, attention_in_parts=False)
    paths = list(PATHS)
    for path in paths[paths.index(capabilities.path) : -1]:
        worst = max(_difference(model, capabilities, path, probe) for probe in probes)
        if worst <= tolerance(model.dtype):
            if path == capabilities.path:
                return capabilities
            return capabilities.restricted_to(path, "the load-time check ruled out a faster path")
        _logger.warning(
            "%s: the %s path differs from the plain one by %.3g nats a token on a probe; "
            "falling back to a slower path, scores stay exact",
            name,
            path,
            worst,
        )
    if capabilities.path == "plain":
        return capabilities
    return capabilities.restricted_to("plain", "the load-time check ruled out the faster paths")


def tolerance(dtype: torch.dtype) -> float:
    """Return the largest difference, in nats a token, that rounding in `dtype` explains."""
    if dtype not in (torch.float32, torch.float64):
        return 0.3
    if torch.get_float32_matmul_precision() == "highest":
        return 2e-4
    return 0.03  # products are rounded to 10 bits


def _keeps_logits(model: PreTrainedModel, capabilities: Capabilities) -> bool:
    """Tell whether the model really computes the logits that it is asked for, and no others."""
    forward = ForwardPass(model, capabilities)
    tokens, positions = torch.tensor([_draw(model, 4)]), torch.arange(4)[None]
    try:
        logits = forward(tokens, torch.tensor([1, 3]), position_ids=positions, use_cache=False)
    except _FAILURES as error:
        _logger.debug("logits_to_keep failed", exc_info=error)
        return False
    return len(logits) == 2


def _short_probe(model: PreTrainedModel, capabilities: Capabilities) -> _Probe:
    ids = _draw(model, _PROMPT_LENGTH + _ANSWER_LENGTH)
    prompt, answer = ids[:_PROMPT_LENGTH], ids[_PROMPT_LENGTH:]
    ablated = [prompt[:start] + prompt[end:] for start, end in _REMOVED]
    plain = PlainPath(model, capabilities, prompt, answer, token_budget=1)
    return _Probe(prompt, answer, ablated, plain.score(ablated))


def _long_probes(model: PreTrainedModel, capabilities: Capabilities) -> list[_Probe]:
    """Return a probe that exceeds the widest window that it can at little cost, if there is one."""
    device = ForwardPass(model, capabilities).device.type
    longest = min(
        _LONGEST.get(device, _LONGEST_ELSEWHERE),
        (capabilities.context_length or _LONGEST_ELSEWHERE) - _ANSWER_LENGTH,
    )
    windows = {rule.window or rule.chunk or 0 for rule in capabilities.masks.values()}
    # Narrower ones show in the short probe.
    wide = [window for window in windows if window >= _PROMPT_LENGTH - _ANSWER_LENGTH]
    fitting = (window + _BEYOND for window in wide if window + _BEYOND <= longest)
    length = max(fitting, default=None)
    if length is None:
        return []
    ids = _draw(model, length + _ANSWER_LENGTH)
    prompt, answer = ids[:length], ids[length:]
    plain = PlainPath(model, capabilities, prompt, answer, token_budget=1)
    try:
        # Nothing is removed: what is run over the cached prefix is all beyond the window.
        return [_Probe(prompt, answer, [prompt], plain.score([prompt]))]
    except OutOfMemoryError:
        return []


def _draw(model: PreTrainedModel, count: int) -> list[int]:
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    generator = torch.Generator().manual_seed(0)
    ids: list[int] = torch.randint(vocabulary, (count,), generator=generator).tolist()
    return ids


def _difference(
    model: PreTrainedModel, capabilities: Capabilities, name: PathName, probe: _Probe
) -> float:
    path = PATHS[name](model, capabilities, probe.prompt, probe.answer, token_budget=1 << 12)
    try:
        got = path.score(probe.ablated)
    except _FAILURES as error:
        _logger.debug("%s: the %s path failed", type(model).__name__, name, exc_info=error)
        return float("inf")
    expected = probe.expected
    pairs = ((got.log_probs, expected.log_probs), (got.reference, expected.reference))
    worst = max(float((left - right).abs().max()) for left, right in pairs)
    return worst if worst == worst else float("inf")


def _attends_in_parts(model: PreTrainedModel, capabilities: Capabilities, probe: _Probe) -> bool:
    """Tell whether packs give the numbers without a mask that they give with one."""
    start = len(probe.prompt) - 2

    def scores(parts: bool) -> tuple[PathScores, PathScores]:
        chosen = replace(capabilities, attention_in_parts=parts)
        path = PackedPath(model, chosen, probe.prompt, probe.answer, token_budget=1 << 12)
        path.least_in_parts = 0
        return path.score(probe.ablated), path.knock_out(start, [[each] for each in _REMOVED], 2)

    try:
        pairs = zip(scores(True), scores(False), strict=True)
        worst = max(float((one.log_probs - other.log_probs).abs().max()) for one, other in pairs)
    except _FAILURES as error:
        _logger.debug("%s: attention in parts failed", type(model).__name__, exc_info=error)
        return False
    return worst <= tolerance(model.dtype)


def _check_causal(model: PreTrainedModel, capabilities: Capabilities, probe: _Probe) -> None:
    name = type(inner_model(model)).__name__
    expected = probe.expected.reference[0]
    if not bool(torch.isfinite(expected).all()):
        raise UnsupportedModelError(
            f"{name} gives log-probabilities that are not finite; "
            "are its weights loaded, and does its dtype suit them?"
        )
    longer = [*probe.answer, *probe.prompt[: len(probe.answer)]]
    plain = PlainPath(model, capabilities, probe.prompt, longer, token_budget=1)
    got = plain.score([probe.prompt]).log_probs[0, : len(probe.answer)]
    worst = float((got - expected).abs().max())
    if worst > tolerance(model.dtype):
        raise UnsupportedModelError(
            f"{name} is not causal: tokens appended to a text change the "
            f"log-probabilities before them by {worst:.3g} nats; a decoder-only model is needed"
        )
