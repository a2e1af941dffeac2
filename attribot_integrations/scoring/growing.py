"""An answer that goes on while it is scored: what was run for its beginning is not run again.

The activations of the prompt and of every ablation's branch are kept, with those of the answer so
far behind each. When the answer has gone on, only its new tokens are run, once for each branch; so
the passes for all of an answer's beginnings together take about as many tokens as those for the
answer alone.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import torch

from attribot_integrations.scoring.cache import PrefixCache
from attribot_integrations.scoring.packing import Branch, common_prefix

if TYPE_CHECKING:
    from transformers import DynamicCache

    from attribot_integrations.scoring.attention import GroupSums

__all__ = ["GrowingAnswer", "KeptBranch", "Room"]

_MOST_BYTES: Final = 1 << 30
"""What all answers that grow in this process keep together; the rest is run anew."""

_Key = tuple[object, ...]


class Room:
    """Counts the bytes that are kept, which have a limit; any thread may ask.

    Args:
        most: The limit.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        """Bytes that are kept now."""
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Take so many bytes, and tell whether there was room for them."""
        with self._lock:
            if self.taken + count > self.most:
                return False
            self.taken += count
            return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        with self._lock:
            self.taken -= count


_everywhere: Final = Room(_MOST_BYTES)


@dataclass(frozen=True)
class KeptBranch:
    """What is kept of a branch."""

    own: PrefixCache
    """Activations of its own tokens, those of the answer but its last included."""
    answer: tuple[int, ...]
    """The answer that it was run with."""
    log_probs: torch.Tensor
    """`[answer tokens]`, of the branch."""
    reference: torch.Tensor
    """`[answer tokens]`, of the unablated prompt, run beside it."""


@dataclass(frozen=True)
class _Reading:
    """What was read of an answer: small beside the activations, so not counted with them."""

    sums: GroupSums
    answer: tuple[int, ...]
    layers: tuple[torch.Tensor, ...]


class _Taken:
    """Bytes that one answer has taken; given back when it is forgotten, whoever forgets it."""

    def __init__(self, room: Room) -> None:
        self.room, self.count = room, 0

    def change(self, by: int) -> bool:
        if not self.room.take(by):
            return False
        self.count += by
        return True

    def give_back(self) -> None:
        self.room.give(self.count)
        self.count = 0


class GrowingAnswer:
    """One model's activations of a prompt, its ablations, and an answer that goes on.

    It is for requests in turn, not for several threads.

    Args:
        room: Where the bytes are taken from; by default one for the whole process, of 1 GiB.
    """

    def __init__(self, room: Room = _everywhere) -> None:
        self._prompt: tuple[int, ...] = ()
        self._branches: dict[_Key, KeptBranch] = {}
        self._reading: _Reading | None = None
        self.confirmed = False
        """Whether behind this prompt the way to run ablations gives the unablated answer, as far as
        it went, the numbers of a plain pass in full precision. What it goes on with is not looked
        at again, but for lengths that the model has not been checked at, see `verified`."""
        self._taken = _Taken(room)
        weakref.finalize(self, self._taken.give_back)

    def begin(self, prompt: tuple[int, ...]) -> None:
        """Take note of the prompt that is scored; what is kept of another one is let go."""
        if prompt != self._prompt:
            self.let_go()
            self._prompt = prompt

    def let_go(self) -> bool:
        """Free what is held, and tell whether there was anything."""
        held = bool(self._branches)
        self._branches, self._prompt, self._reading = {}, (), None
        self.confirmed = False
        self._taken.give_back()
        return held

    def of(self, branch: Branch, answer: tuple[int, ...]) -> KeptBranch | None:
        """Return what is kept of a branch that ends in an answer, if anything is."""
        return self._branches.get(_key(branch, answer))

    def continued(self, branch: Branch, answer: tuple[int, ...]) -> Branch:
        """Return a branch that goes on from what is kept of it, up to where the answers part."""
        kept = self.of(branch, answer)
        known = 0 if kept is None else common_prefix(kept.answer, answer)
        if not known:  # the answer's first token is predicted by the prompt, which is not kept
            return branch
        # The last token that is known has not been run, if the answer ended there.
        done = len(branch.tokens) - len(answer) + known
        return replace(branch, done=min(done, len(branch.tokens)), known=known)

    def keep(
        self,
        branch: Branch,
        answer: tuple[int, ...],
        own: PrefixCache,
        log_probs: torch.Tensor,
        reference: torch.Tensor,
    ) -> None:
        """Keep what a branch has come to, if there is room for it."""
        key = _key(branch, answer)
        before = self._branches.get(key)
        grown = own.size - (0 if before is None else before.own.size)
        if self._taken.change(grown):
            self._branches[key] = KeptBranch(own, answer, log_probs, reference)

    def reading(self, sums: GroupSums, known: tuple[int, ...]) -> list[torch.Tensor] | None:
        """Return what has been read of the beginning of an answer, for each attention.

        Args:
            sums: The groups of tokens that are asked for.
            known: The beginning, by which the rows before its end are known.

        Returns:
            `[heads, tokens of the beginning, groups]` each; `None` if it has not been read.
        """
        kept = self._reading
        if not known or kept is None or kept.answer[: len(known)] != known:
            return None
        return [each[:, : len(known)] for each in kept.layers] if kept.sums.same(sums) else None

    def keep_reading(
        self, sums: GroupSums, answer: tuple[int, ...], layers: Sequence[torch.Tensor]
    ) -> None:
        """Keep what has been read of an answer, in the place of what was read before."""
        self._reading = _Reading(sums, answer, tuple(layers))

    def behind(self, branches: Sequence[Branch], answer: tuple[int, ...]) -> list[PrefixCache]:
        """Return the activations of what is done of each branch that has been continued."""
        return [
            kept.own.part(0, branch.done)
            for branch in branches
            if branch.done and (kept := self.of(branch, answer)) is not None
        ]


def own_of(cache: DynamicCache, branches: Sequence[Branch], prefix: int) -> list[PrefixCache]:
    """Cut what a pass has left in a cache into copies for each branch.

    Args:
        cache: The prefix, what was kept of each branch, and what was run of each, in this order.
        branches: The branches.
        prefix: How many tokens the prefix has.
    """
    whole = PrefixCache.of(cache)
    kept, new = prefix, prefix + sum(branch.done for branch in branches)
    found = []
    for branch in branches:
        found.append(
            whole.part(kept, kept + branch.done).followed_by(whole.part(new, new + branch.left))
        )
        kept, new = kept + branch.done, new + branch.left
    return found


def _key(branch: Branch, answer: Sequence[int]) -> _Key:
    prompt = branch.tokens[: len(branch.tokens) - (len(answer) - 1)]
    return branch.start, prompt, branch.hidden, branch.rerun, branch.shift
