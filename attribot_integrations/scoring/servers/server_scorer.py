"""Exact leave-one-out on a server: one request for each ablated prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import (
    EmptyAnswerError,
    ModelError,
    PromptTooLongError,
    ServerError,
)
from attribot_integrations.results import ModelCost
from attribot_integrations.results.wording import wording_of
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.protocols import AblationScores
from attribot_integrations.scoring.servers.connecting import asked_for
from attribot_integrations.tokens.ablated import AblatedText, Ablation
from attribot_integrations.tokens.answers import encode_answer

if TYPE_CHECKING:
    from attribot_integrations.context.prompts import Prompt
    from attribot_integrations.context.sources import Span
    from attribot_integrations.scoring.servers.server_model import ServerModel

__all__ = ["ServerScorer"]

_Row = npt.NDArray[np.float32]
"""An ablation's log-probabilities, `[answer tokens]`."""
_FULL: Ablation = frozenset()


class ServerScorer:
    """Scores one answer under ablations of one prompt, on a server.

    The prompt is rendered and tokenised anew for every ablation, so scores are exact. Beside each
    group of requests goes the short text that the server was checked with: where its score has
    changed, nothing of the group is passed on.

    Args:
        model: The model.
        prompt: The prompt, with its sources marked.
        answer: The answer to score; never changed. What counts are its words, see `Wording`.
        without: Ids of sentences that are left out for good, see `within`.
        generated_ids: Ids of prompt and answer as this model wrote them, see `encode_answer`.
        budget: What the request may spend; no limit by default.

    Raises:
        EmptyAnswerError: If the answer holds no word.
        PromptTooLongError: If prompt and answer exceed the model's context.
        ControlTokenError: If some text cannot be kept from becoming a control token.
        PromptError: If the model's chat template refuses the prompt.
    """

    can_knock_out = False

    def __init__(
        self,
        model: ServerModel,
        prompt: Prompt,
        answer: str,
        *,
        without: Ablation = _FULL,
        generated_ids: Sequence[int] | None = None,
        budget: Budget | None = None,
    ) -> None:
        wording = wording_of(answer)
        if not wording.text:
            words = "no word among them" if answer.strip() else "white space only"
            raise EmptyAnswerError(f"the answer is blank ({len(answer)} characters, {words})")
        self._model, self._prompt, self._answer = model, prompt, answer
        self._without, self._generated = without, generated_ids
        self._budget = budget or Budget()
        self._encoded = encode_answer(model.encoder, answer, wording, generated_ids)
        self._text = AblatedText(model.encoder, prompt, without)
        self._check_length(len(self._text.ids))
        self._rows: dict[Ablation, _Row] = {}
        self._narrowed: list[ServerScorer] = []
        self._tokens = self._passes = self._naive_tokens = 0

    @property
    def token_spans(self) -> tuple[Span, ...]:
        """Span in the answer of each of its tokens."""
        return self._encoded.offsets

    @property
    def cost(self) -> ModelCost:
        """What has been sent so far: tokens that the server has cached already count, too.

        A server says nothing of its parameters, so they are 0.
        """
        narrowed = [scorer.cost for scorer in self._narrowed]
        return ModelCost(
            model=self._model.name,
            parameters=self._model.parameters,
            tokens=self._tokens + sum(each.tokens for each in narrowed),
            passes=self._passes + sum(each.passes for each in narrowed),
            naive_tokens=self._naive_tokens + sum(each.naive_tokens for each in narrowed),
        )

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        """Score the answer with each set of sentences removed; what is asked again is not rerun.

        Before each request the budget is asked whether to go on; the rest is left unscored.

        Raises:
            ServerError: If the server cannot be reached, or gives log-probabilities that cannot be
                relied on.
            PromptTooLongError: If a prompt that sentences are removed from is too long.
        """
        asked = [ablation - self._without for ablation in ablations]
        new = [each for each in dict.fromkeys(asked) if each not in self._rows]
        if new and self._budget.begin("removals", len(new), len(new) * len(self._text.ids)):
            # The full prompt goes first: without it, no other score is worth anything.
            wanted = [_FULL] * (_FULL not in self._rows) + [each for each in new if each]
            for group, prompts in self._groups(wanted):
                if not self._run(group, prompts):
                    break
        full = self._rows.get(_FULL)
        rows = [None if full is None else self._rows.get(each) for each in asked]
        return self._gathered(rows, full)

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        """Refuse: no server masks attention.

        Raises:
            ModelError: Always.
        """
        raise self._unmasked()

    def _unmasked(self) -> ModelError:
        return ModelError(
            f"knockout needs a mask for each token, which {self._model.name} does not take: it "
            "runs on a server, which gives log-probabilities only; use exact leave-one-out, or a "
            "local proxy to screen with"
        )

    def within(self, removed: Ablation) -> ServerScorer:
        """Return a scorer of the context that is left when sentences are removed for good.

        What it runs counts here too.
        """
        narrowed = ServerScorer(
            self._model,
            self._prompt,
            self._answer,
            without=self._without | removed,
            generated_ids=self._generated,
            budget=self._budget,
        )
        self._narrowed.append(narrowed)
        return narrowed

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        """Return how many tokens one more removal would send.

        Raises:
            ModelError: If `rerun` is given: a server knocks nothing out.
        """
        if rerun is not None:
            raise self._unmasked()
        known = removed - self._without in self._rows
        return 0 if known else len(self._text.ids) + len(self._encoded.ids)

    def _groups(
        self, wanted: Sequence[Ablation]
    ) -> Iterator[tuple[list[Ablation], list[tuple[int, ...]]]]:
        """Yield ablations and what they leave of the prompt, the full one by itself in front."""
        if wanted and not wanted[0]:
            yield [_FULL], [self._text.ids]
            wanted = wanted[1:]
        yield from self._text.without_each(wanted)

    def _run(self, group: Sequence[Ablation], prompts: Sequence[tuple[int, ...]]) -> bool:
        """Score a group of prompts, and tell whether the budget had room for all of it."""
        model, answer = self._model, self._encoded.ids
        connection = model.connection
        for prompt in prompts:
            self._check_length(len(prompt))
        requests = [asked_for(model.encoder, (*each, *answer), len(each)) for each in prompts]
        for asked in requests:
            self._check_start(asked.start is not None)
        requests.append(connection.sample)
        calls = ((len(each.ids), connection.route.scoring(model.name, each)) for each in requests)
        found: dict[int, list[float]] = {}
        for place, reply in model.calls.post_each(calls, self._budget):
            model.check_name(reply)
            found[place] = connection.route.log_probs(reply, requests[place])
            self._tokens += len(requests[place].ids)
            self._passes += 1
            self._budget.advance(1, len(requests[place].ids))
        if found and len(requests) - 1 not in found:
            sample = connection.sample
            reply = model.calls.post(connection.route.scoring(model.name, sample))
            found[len(requests) - 1] = connection.route.log_probs(reply, sample)
            self._tokens += len(sample.ids)
            self._passes += 1
        if found:
            connection.check_same(found.pop(len(requests) - 1), model.name)
        for place, log_probs in found.items():
            self._rows[group[place]] = np.array(log_probs, np.float32)
            self._naive_tokens += len(prompts[place]) + len(answer) - 1
        return len(found) == len(group)

    def _check_start(self, led: bool) -> None:
        if led not in self._model.connection.starts:
            raise ServerError(
                f"the prompt begins {'with' if led else 'without'} the tokenizer's start token, "
                f"and the server's log-probabilities of such prompts are wrong, as was found when "
                "it was connected to"
            )

    def _check_length(self, prompt: int) -> None:
        limit = self._model.context_length
        length = prompt + len(self._encoded.ids) + 1  # a token is generated behind it
        if limit is not None and length > limit:
            raise PromptTooLongError(
                f"prompt and answer take {length:,} positions, {length - limit:,} more than the "
                f"{limit:,} of {self._model.name} on its server: pass fewer or shorter chunks, or "
                "serve the model with a longer context"
            )

    def _gathered(self, rows: Sequence[_Row | None], full: _Row | None) -> AblationScores:
        shape = (len(rows), len(self._encoded.ids))
        log_probs, references = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for place, row in enumerate(rows):
            if row is not None and full is not None:
                log_probs[place], references[place] = row, full
        scored = np.array([row is not None for row in rows], dtype=np.bool_)
        return AblationScores(log_probs, references, None if scored.all() else scored)
