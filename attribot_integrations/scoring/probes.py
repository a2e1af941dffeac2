"""Made-up requests by which a model is checked.

A short one is run from its first token. How far attention reaches is seen without running as many
tokens: the cached activations of a long text are made up, too. All keys are zero, so that a token
attends to all that it sees alike, and values are zero but at some places around each border. What
a few tokens make of them tells which places they see, in every layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.scoring.paths import PATHS, CachedPath, PackedPath, PathScores

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from attribot_integrations.scoring.capabilities import PathName
    from attribot_integrations.scoring.forward import ForwardPass

__all__ = [
    "PROMPT_LENGTH",
    "REMOVED",
    "FarProbe",
    "Probe",
    "draw_ids",
    "special_ids",
    "worst_difference",
]

PROMPT_LENGTH = 28
_ANSWER_LENGTH = 4
_KEPT = 22
"""Where tokens stand that no ablated prompt is without."""
_SPECIAL = ("pad_token_id", "bos_token_id", "eos_token_id", "unk_token_id", "sep_token_id")
REMOVED = ((2, 5), (9, 16), (20, 21))
"""Token ranges left out of a probe's ablated prompts."""
_AROUND = 8
"""Places before and behind a border whose values are not zero."""
_FAR = 512
"""Tokens before others at which attention is looked at when a model is loaded."""
_BYTES = 1 << 30
"""Most memory of made-up activations then, where a wide window ends farther away."""


@dataclass(frozen=True)
class Probe:
    """A made-up prompt, an answer, and ablated prompts."""

    prompt: list[int]
    answer: list[int]
    ablated: list[list[int]]

    @classmethod
    def of(cls, model: PreTrainedModel, special: Sequence[int] = ()) -> Probe:
        """Make a short one of ordinary ids, with special ones in its midst if they are given."""
        ids = draw_ids(model, PROMPT_LENGTH + _ANSWER_LENGTH)
        ids[_KEPT : _KEPT + len(special)] = special
        prompt, answer = ids[:PROMPT_LENGTH], ids[PROMPT_LENGTH:]
        return cls(prompt, answer, [prompt[:low] + prompt[high:] for low, high in REMOVED])

    def score(self, forward: ForwardPass, path: PathName) -> PathScores:
        """Run it on one path."""
        model, capabilities = forward.model, forward.capabilities
        chosen = PATHS[path](model, capabilities, self.prompt, self.answer, 1 << 12, forward)
        if isinstance(chosen, CachedPath):
            chosen.looks_again = False  # a difference is what is to be seen
        if isinstance(chosen, PackedPath):
            chosen.least_in_parts = 0
        return chosen.score(self.ablated)


def draw_ids(model: PreTrainedModel, count: int) -> list[int]:
    """Draw ids of the model's, the same each time, without those that have a use of their own."""
    vocabulary = model.config.get_text_config(decoder=True).vocab_size
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(vocabulary, (count + 64,), generator=generator).tolist()
    special = special_ids(model)
    ordinary = [id_ for id_ in drawn if id_ not in special] or drawn
    return [ordinary[place % len(ordinary)] for place in range(count)]


def special_ids(model: PreTrainedModel) -> list[int]:
    """Return the ids that mark padding, beginnings and ends, as far as the configs name them."""
    configs = (model.config, model.config.get_text_config(decoder=True))
    vocabulary = configs[-1].vocab_size
    found = {getattr(config, name, None) for config in configs for name in _SPECIAL}
    return sorted(id_ for id_ in found if type(id_) is int and 0 <= id_ < vocabulary)


def worst_difference(left: PathScores, right: PathScores) -> float:
    """Return the largest difference in nats a token; infinity where there is none to tell."""
    pairs = ((left.log_probs, right.log_probs), (left.reference, right.reference))
    worst = max(float((one - other).abs().max()) for one, other in pairs)
    return worst if worst == worst else float("inf")


class FarProbe:
    """Compares packs with the model's own mask, behind many tokens.

    Args:
        forward: Runs the model.
        rules: Whose borders are looked at, whether packs follow them or not.

    Raises:
        ModelError: If the model keeps no activations that could be made up.
    """

    def __init__(self, forward: ForwardPass, rules: Iterable[AttentionRule]) -> None:
        from transformers import DynamicCache

        self._forward = forward
        self._rules = tuple(rules)
        self._ids = draw_ids(forward.model, 2 * _ANSWER_LENGTH)
        cache = DynamicCache()
        forward.run(torch.tensor([self._ids]), past_key_values=cache, use_cache=True)
        self._layers = PrefixCache.of(cache).layers

    def lengths(self) -> list[int]:
        """Return at how many tokens attention is to be looked at, shortest first.

        That is at the borders that the rules name, and as far as it can be at little cost.
        """
        capabilities = self._forward.capabilities
        tensors = (each for layer in self._layers for each in layer if each is not None)
        size = max(1, sum(each[:, :, 0].nbytes for each in tensors))
        most = _BYTES // size
        for limit in (capabilities.context_length, capabilities.packed_limit):
            if limit is not None:
                most = min(most, limit - 4 * _AROUND)
        farthest = min(most, _FAR)
        lengths = {farthest}
        for rule in self._rules:
            if rule.window is not None and rule.window + _AROUND > farthest:
                lengths.add(rule.window + _AROUND)
            if rule.chunk is not None:
                lengths |= {rule.chunk - 2, 2 * rule.chunk - 2}
        return sorted(length for length in lengths if _ANSWER_LENGTH <= length <= most)

    def difference(self, length: int) -> float:
        """Return by how much packs differ from the model's own mask, in nats a token."""
        model, capabilities = self._forward.model, self._forward.capabilities
        base, answer = [self._ids[0]] * (length + 1), self._ids[_ANSWER_LENGTH:]
        prefix = self._made_up(length, list(_marked(self._rules, length)))
        scores = []
        for name in ("packed", "cached"):
            path = PATHS[name](model, capabilities, base, answer, 1 << 12, self._forward)
            assert isinstance(path, CachedPath)
            path.adopt(prefix)
            if isinstance(path, PackedPath):
                path.least_in_parts = 0
            scores.append(path.score([base]))  # which shares all that is made up
        return worst_difference(*scores)

    def _made_up(self, length: int, marked: list[int]) -> PrefixCache:
        generator = torch.Generator().manual_seed(0)
        layers: list[tuple[torch.Tensor | None, torch.Tensor | None]] = []
        for keys, values in self._layers:
            if keys is None or values is None:
                layers.append((keys, values))
                continue
            drawn = torch.randn((len(marked), values.shape[3]), generator=generator).to(values)
            far = values.new_zeros((*values.shape[:2], length, values.shape[3]))
            # Each is one of many that are attended to alike.
            far[:, :, marked] = drawn * float(values.float().std()) * min(length, 1 << 10)
            layers.append((keys.new_zeros((*keys.shape[:2], length, keys.shape[3])), far))
        return PrefixCache(tuple(layers))


def _marked(rules: Iterable[AttentionRule], length: int) -> Iterator[int]:
    """Tell the places whose values are not zero."""
    borders = {0, length}
    for rule in rules:
        if rule.window is not None:
            borders.add(length - rule.window)
        if rule.chunk is not None:
            borders |= {length // rule.chunk * rule.chunk, (length // rule.chunk - 1) * rule.chunk}
    near = {place for each in borders for place in range(each - _AROUND, each + _AROUND)}
    # A border that no rule names lies between two of these.
    spread = {length - (1 << power) for power in range(length.bit_length())}
    return (place for place in sorted(near | spread) if 0 <= place < length)
