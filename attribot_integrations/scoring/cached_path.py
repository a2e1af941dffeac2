"""Ablated prompts one at a time, over the cached activations of what they share."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import torch

from attribot_integrations.scoring.attention import AttentionReader, GroupSums
from attribot_integrations.scoring.capabilities import inner_model
from attribot_integrations.scoring.forward import tolerance, within_memory
from attribot_integrations.scoring.growing import GrowingAnswer
from attribot_integrations.scoring.packing import Branch
from attribot_integrations.scoring.path_base import PathScores
from attribot_integrations.scoring.plain_path import PlainPath
from attribot_integrations.scoring.prefix_path import PrefixPath

__all__ = ["CachedPath"]

_logger = logging.getLogger(__name__)

_SLACK = 5
"""How many times the rounding of a short text that of a long one may be."""


class CachedPath(PrefixPath):
    """One suffix at a time over the cached activations of the shared prefix.

    The prefix is computed once. No mask is passed, so it suits models that build their own.

    Where this gives the unablated answer other numbers than the pass over prompt and answer did, at
    this length or on this text, all is run plainly.
    """

    looks_again = True
    """Whether that is looked at."""
    _instead: PlainPath | None = None
    _reference: torch.Tensor | None = None

    def score(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        """Score the answer behind each ablated prompt, as many of them as the budget allows."""
        scores = PathScores.nothing_yet(len(prompts), len(self._answer))
        for branch in self._branches(prompts):
            if not self._allows(len(branch.tokens)):
                break
            if self._reference is None:
                self._reference = self._run_alone(self._unablated(len(self._prompt) - 1))
            if not self._confirmed(self._reference):
                return self._plainly(prompts)
            same = tuple(prompts[branch.index]) == self._prompt
            row = self._reference if same else self._run_alone(branch, self._reference)
            scores.put(branch.index, row, self._reference)
            self.budget.advance(1, len(branch.tokens))
        return scores

    def read(
        self, start: int, sums: GroupSums, beside: Iterable[Sequence[int]] = ()
    ) -> list[torch.Tensor]:
        """Return the attention of the unablated prompt's end and the answer.

        It is read while the prompt's prefix is computed, or, where that has been done, as the end
        is run again.
        """
        if self._grown is not None:
            return self._read_grown(self._grown, start, sums, beside)
        if self._cache is not None:
            return self._read_again(start, sums)
        return self._read_prefix(self._reader_of(self._rows_from(start), sums))

    def _read_grown(
        self,
        grown: GrowingAnswer,
        start: int,
        sums: GroupSums,
        beside: Iterable[Sequence[int]],
    ) -> list[torch.Tensor]:
        """Read what an answer attends to that goes on, as far as that has not been read."""
        whole = self._unablated(start) if grown.confirmed else self._whole_branch()
        branch = self._continued(whole)
        known = grown.reading(sums, self._answer[: branch.known])
        if known is None or not (grown.confirmed or self._cache is None):
            layers = self._read_again(start, sums)
        elif not branch.left:
            layers = known
        else:
            new = (
                self._read_on(branch, self._branches(tuple(beside)), sums)
                if grown.confirmed
                else self._read_prefix(self._reader_of(branch.left, sums))
            )
            layers = [torch.cat(both, dim=1) for both in zip(known, new, strict=True)]
        grown.keep_reading(sums, self._answer, layers)
        return layers

    def _read_on(
        self, branch: Branch, beside: Sequence[Branch], sums: GroupSums
    ) -> list[torch.Tensor]:
        """Run what is new of the unablated answer, and read what it attends to.

        Args:
            branch: The unablated answer, as far as it has been run.
            beside: What is scored next, and may be run in the same pass.
            sums: The groups of tokens that are asked for.
        """
        reader = AttentionReader(branch.left, sums)
        self._prefix(0)  # unseen by the reader
        with reader:
            self._run_alone(branch)
        return reader.layers

    def _read_prefix(self, reader: AttentionReader) -> list[torch.Tensor]:
        """Read while the prompt's prefix, and the answer, are run."""
        self._reader = reader
        try:
            self._prefix(0)
        finally:
            self._reader = None
        return reader.layers

    def _read_again(self, start: int, sums: GroupSums) -> list[torch.Tensor]:
        """Read while the end of the prompt, and the answer, are run again."""
        end, reader = self._unablated(start), self._reader_of(self._rows_from(start), sums)
        self._prefix(0)  # unseen by the reader
        within_memory(
            lambda: self._run_read(end, reader),
            lambda: f"the end of a prompt with its answer, of {len(end.tokens):,} tokens,",
        )
        return reader.layers

    def _reader_of(self, rows: int, sums: GroupSums) -> AttentionReader:
        return AttentionReader(rows, sums, 0 if self._length_held is None else 1)

    def _run_read(self, branch: Branch, reader: AttentionReader) -> None:
        """Run a branch in one pass, with the model's own mask, while the reader looks on."""
        with reader:
            self._forward(
                torch.tensor([branch.tokens]),
                torch.tensor([len(branch.tokens) - 1]),
                position_ids=branch.positions()[None],
                past_key_values=self._prefix(branch.start),
                use_cache=True,
            )

    def _run_alone(self, branch: Branch, reference: torch.Tensor | None = None) -> torch.Tensor:
        """Run one branch by itself, with the model's own mask: `[answer tokens]`.

        A long one is run in pieces, whose masks grow with its length and not with its square.

        Args:
            branch: The branch.
            reference: The unablated answer's log-probabilities, unless the branch is that.
        """
        branch = self._continued(branch)
        if not branch.left:
            return self._row(branch, torch.empty(0))
        cache = self._cache_for([branch], branch.start)
        new = within_memory(
            lambda: self._run_pieces(branch, cache),
            lambda: (
                f"a single ablation of {branch.left:,} tokens over a prefix of {branch.start:,}"
            ),
        )
        row = self._row(branch, new)
        self._keep([branch], [row], row if reference is None else reference, cache)
        return row

    def _confirmed(self, reference: torch.Tensor) -> bool:
        """Tell whether the unablated answer has the numbers that a pass over all of it gave."""
        if self._whole is None or not self.looks_again or self._instead is not None:
            return self._instead is None
        apart = (reference - self._whole).abs()
        exact = self._model.dtype.itemsize >= 4
        worst = float(apart.max() if exact else apart.mean())
        self._whole = None  # looked at once
        most = tolerance(self._model.dtype) * (_SLACK if exact else 1)
        if not worst > most:  # what is not finite is told by whoever takes the scores
            if self._grown is not None:
                self._grown.confirmed = exact
            return True
        name = type(inner_model(self._model)).__name__
        reason = (
            f"on a text of {len(self._prompt):,} tokens, the {self._capabilities.path} path "
            f"differed by {worst:.3g} nats a token"
        )
        _logger.warning("%s is run plainly from now on, scores stay exact: %s", name, reason)
        plain = self._run_model.capabilities.restricted_to("plain", reason)
        self._run_model.capabilities = plain
        self._instead = PlainPath(
            self._model, plain, self._prompt, self._answer, self._token_budget, self._run_model
        )
        self._instead.work = self.work
        self._instead.budget = self.budget
        return False

    def _plainly(self, prompts: Sequence[Sequence[int]]) -> PathScores:
        assert self._instead is not None
        self._cache = self._reference = None
        return self._instead.score(prompts)
