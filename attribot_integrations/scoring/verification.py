"""A check at load time that a model's fast path gives the numbers of passes of token ids alone.

Configs do not tell everything: some models accept a mask or positions and ignore them, number
tokens in their own way, or name a window that their code does not use. So made-up prompts are
scored in several ways, and the model falls back to the next path where they differ. Which places
attention reaches is looked at far beyond the length of those prompts, see
`attribot_integrations.scoring.probes`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from attribot_integrations.errors import ModelError, OutOfMemoryError, UnsupportedModelError
from attribot_integrations.scoring.capabilities import AttentionRule, PathName, inner_model
from attribot_integrations.scoring.forward import ForwardPass, tolerance, within_memory
from attribot_integrations.scoring.paths import PATHS, PathScores
from attribot_integrations.scoring.probes import (
    PROMPT_LENGTH,
    FarProbe,
    Probe,
    special_ids,
    worst_difference,
)
from attribot_integrations.scoring.state import ModelState

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attribot_integrations.scoring.capabilities import Capabilities

__all__ = ["check", "verify", "verify_at"]

_logger = logging.getLogger(__name__)

_TAIL = 8
"""Tokens appended to a text to see that they change nothing before them."""


def verify(model: PreTrainedModel, capabilities: Capabilities) -> Capabilities:
    """Return the capabilities of a model with the fastest path that passed, see `check`."""
    forward = ForwardPass(model, capabilities)
    check(forward)
    return forward.capabilities


def check(forward: ForwardPass) -> None:
    """Compare the chosen path with passes of token ids alone, and fall back where they disagree.

    Args:
        forward: Runs the model, as it will be used, with what its config allows. It is left with
            the fastest path that passed, and with the state that the model was in.

    Raises:
        UnsupportedModelError: If the model cannot be run on text alone, if later tokens change
            earlier ones (it is not causal), or if it gives no finite numbers.
    """
    _Verification(forward).run()


def verify_at(forward: ForwardPass, length: int) -> bool:
    """Tell whether packs give the numbers of the model's own mask behind so many tokens."""
    try:
        difference = FarProbe(forward, forward.capabilities.masks.values()).difference(length)
    except ModelError as error:
        _logger.debug("packs could not be checked at %d tokens", length, exc_info=error)
        return False
    return difference <= tolerance(forward.model.dtype)


class _Verification:
    """What is known of a model while it is checked."""

    def __init__(self, forward: ForwardPass) -> None:
        self._forward = forward
        self._name = type(inner_model(forward.model)).__name__
        self._tolerance = tolerance(forward.model.dtype)

    @property
    def _capabilities(self) -> Capabilities:
        return self._forward.capabilities

    def _set(self, **changes: Any) -> None:
        self._forward.capabilities = replace(self._capabilities, **changes)

    def run(self) -> None:
        """Check everything, and leave of the capabilities what holds."""
        probe = Probe.of(self._forward.model)
        self._settle(probe)
        self._check_alone(probe)
        if self._capabilities.takes_logits_to_keep and not self._keeps_logits(probe):
            _logger.info("%s: computes all logits, it takes no list of those to keep", self._name)
            self._set(takes_logits_to_keep=False)
        expected = self._plain(probe)
        if self._capabilities.path != "plain":
            self._number_tokens(probe)
        path = next(path for path in self._paths() if self._holds(path, probe, expected))
        if path != self._capabilities.path:
            reason = "the load-time check ruled out a faster path"
            self._forward.capabilities = self._capabilities.restricted_to(path, reason)
        if path != "plain":
            self._check_special_ids()

    def _settle(self, probe: Probe) -> None:
        """Let the model change itself, as some do when they are first run (RWKV its weights)."""
        with contextlib.suppress(ModelError):  # whatever it raises, it will again
            self._run_alone(probe.prompt[:1])
        self._forward.state = ModelState.of(self._forward.model)

    def _run_alone(self, ids: list[int]) -> torch.Tensor:
        return within_memory(
            partial(self._forward.run, torch.tensor([ids])), lambda: f"a text of {len(ids)} tokens"
        )

    def _check_alone(self, probe: Probe) -> None:
        """Run ids alone, and refuse a model that cannot be, or that looks ahead."""
        ids = [*probe.prompt, *probe.answer]
        try:
            logits, longer = self._run_alone(ids), self._run_alone(ids + ids[:_TAIL])
        except OutOfMemoryError:
            raise
        except ModelError as error:
            raise UnsupportedModelError(
                f"{self._name} cannot be run on text alone: {error}"
            ) from error
        if logits.shape[:-1] != (len(ids),):
            raise UnsupportedModelError(
                f"{self._name} gives logits of shape {list(logits.shape)} for {len(ids)} tokens; "
                "a language model gives one row for each"
            )
        self._alone = _predicted(logits, ids, len(probe.answer))
        if not bool(torch.isfinite(self._alone).all()):
            raise UnsupportedModelError(
                f"{self._name} gives log-probabilities that are not finite; "
                "are its weights loaded, and does its dtype suit them?"
            )
        ahead = _predicted(longer[: len(ids)], ids, len(probe.answer))
        worst = float((ahead - self._alone).abs().max())
        if worst > self._tolerance:
            raise UnsupportedModelError(
                f"{self._name} is not causal: tokens appended to a text change the "
                f"log-probabilities before them by {worst:.3g} nats; a decoder-only model is needed"
            )

    def _keeps_logits(self, probe: Probe) -> bool:
        """Tell whether the model computes the logits that it is asked for, and no others."""
        try:
            kept = self._forward.run(
                torch.tensor([probe.prompt[:4]]), logits_to_keep=torch.tensor([1, 3])
            )
        except ModelError as error:
            _logger.debug("logits_to_keep failed", exc_info=error)
            return False
        return len(kept) == 2

    def _plain(self, probe: Probe) -> PathScores:
        """Run the probe plainly, and refuse a model that gives other numbers without a cache."""
        try:
            scores = probe.score(self._forward, "plain")
        except ModelError as error:
            raise UnsupportedModelError(f"{self._name} cannot be run plainly: {error}") from error
        worst = float((scores.reference[0] - self._alone).abs().max())
        if not worst <= self._tolerance:
            raise UnsupportedModelError(
                f"{self._name} gives other numbers without a cache, by {worst:.3g} nats a token"
            )
        return scores

    def _number_tokens(self, probe: Probe) -> None:
        """Find the positions that the model gives tokens by itself."""
        if self._capabilities.first_position is None:
            return
        ids = [*probe.prompt, *probe.answer]
        tokens, positions = torch.tensor([ids]), torch.arange(len(ids))[None]
        for first in _first_positions(self._forward.model):
            try:
                logits = self._forward.run(
                    tokens, position_ids=(positions + first).to(self._forward.device)
                )
            except ModelError:
                continue
            apart = (_predicted(logits, ids, len(probe.answer)) - self._alone).abs().max()
            if float(apart) <= self._tolerance:
                limit = self._capabilities.context_length
                covered = None if limit is None else limit - first
                self._set(first_position=first, context_length=covered)
                return
        self._set(first_position=None)
        if self._capabilities.path == "packed":
            reason = "it numbers tokens in a way of its own"
            self._forward.capabilities = self._capabilities.restricted_to("cached", reason)

    def _paths(self) -> Iterator[PathName]:
        paths = list(PATHS)
        return iter(paths[paths.index(self._capabilities.path) :])

    def _holds(self, path: PathName, probe: Probe, expected: PathScores) -> bool:
        """Tell whether a path gives the plain one's numbers, and the model's reach is known."""
        if path == "plain":
            return True
        worst, in_parts = float("inf"), self._capabilities.attention_in_parts
        named = self._capabilities.masks.values()
        ways = product(self._mask_rules(path), dict.fromkeys((in_parts, False)))
        for masks, parts in ways:
            self._set(masks=masks, attention_in_parts=parts)
            found = self._difference(path, probe, expected)
            if found <= self._tolerance and path == "packed":
                found = self._far_difference(named)
            if found <= self._tolerance:
                if path == "packed" and parts != in_parts:
                    _logger.info(
                        "%s: attention in parts gives other numbers, so masks are used", self._name
                    )
                return True
            worst = min(worst, found)
        _logger.warning(
            "%s: the %s path differs from the plain one by %.3g nats a token on a probe; "
            "falling back to a slower path, scores stay exact",
            self._name,
            path,
            worst,
        )
        return False

    def _mask_rules(self, path: PathName) -> Iterator[Mapping[str | None, AttentionRule]]:
        """Tell which rules may hold: the config's, or none, where it names what it does not use."""
        rules = self._capabilities.masks
        yield rules
        free = dict.fromkeys(rules, AttentionRule())
        if path == "packed" and free != rules:
            yield free

    def _difference(self, path: PathName, probe: Probe, expected: PathScores) -> float:
        try:
            return worst_difference(probe.score(self._forward, path), expected)
        except ModelError as error:
            _logger.debug("%s: the %s path failed", self._name, path, exc_info=error)
            return float("inf")

    def _far_difference(self, rules: Iterable[AttentionRule]) -> float:
        """Look how far attention reaches, and note up to where that is known."""
        worst, verified = 0.0, PROMPT_LENGTH
        try:
            far = FarProbe(self._forward, rules)
            for length in far.lengths():
                worst = max(worst, far.difference(length))
                verified = length
        except OutOfMemoryError as error:
            _logger.debug("%s: attention is known up to %d", self._name, verified, exc_info=error)
        except ModelError as error:
            _logger.debug("%s: packs could not be checked far", self._name, exc_info=error)
            return float("inf")
        self._set(verified_length=verified)
        return worst

    def _check_special_ids(self) -> None:
        """Note ids by which the model numbers or hides tokens, which only the plain path leaves."""
        ids = special_ids(self._forward.model)
        if self._agrees_with(ids):
            return
        found = {id_ for id_ in ids if not self._agrees_with([id_])}
        _logger.info("%s: texts with the ids %s are run plainly", self._name, sorted(found))
        self._set(plain_ids=frozenset(found or ids))

    def _agrees_with(self, special: list[int]) -> bool:
        probe = Probe.of(self._forward.model, special)
        probe = replace(probe, ablated=probe.ablated[:1])
        try:
            expected = probe.score(self._forward, "plain")
        except ModelError:
            return False
        return self._difference(self._capabilities.path, probe, expected) <= self._tolerance


def _predicted(logits: torch.Tensor, ids: list[int], count: int) -> torch.Tensor:
    """Return the log-probabilities of a text's last tokens, `[count]`, on the CPU."""
    rows = logits[len(ids) - count - 1 : len(ids) - 1].float().log_softmax(-1).cpu()
    return rows.gather(1, torch.tensor(ids[-count:])[:, None])[:, 0]


def _first_positions(model: PreTrainedModel) -> list[int]:
    """Return what a model may call its first position: 0, or what follows that of padding."""
    padding = getattr(model.config.get_text_config(decoder=True), "pad_token_id", None)
    found = [0, *([] if padding is None else [padding + 1])]
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            found.append(module.padding_idx + 1)
    return list(dict.fromkeys([*found, 1, 2]))
