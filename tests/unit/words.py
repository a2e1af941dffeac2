"""A scoring model that is no language model: it looks for the answer's words in the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from attribot_integrations.context.prompts import Prompt
from attribot_integrations.errors import ModelError
from attribot_integrations.results import ModelCost
from attribot_integrations.results.wording import wording_of
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.protocols import AblationScores, Draft


@dataclass
class WordScorer:
    """Each word of the answer costs a nat, and two more where no sentence left holds it."""

    prompt: Prompt
    answer: str
    asked: list[frozenset[int]]
    can_knock_out: bool = False

    @property
    def token_spans(self) -> tuple[tuple[int, int], ...]:
        wording = wording_of(self.answer)
        spans, end = [], 0
        for word in wording.text.split():
            start = wording.text.index(word, end)
            end = start + len(word)
            spans.append(wording.span(start, end))
        return tuple(spans)

    @property
    def cost(self) -> ModelCost:
        return ModelCost("words", 0, len(self.asked), len(self.asked), len(self.asked))

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        self.asked += ablations
        return AblationScores(
            np.array([self._row(each) for each in ablations], np.float32),
            np.array([self._row(frozenset())] * len(ablations), np.float32),
        )

    def knock_out(self, ablations: Sequence[frozenset[int]], rerun: int = 0) -> AblationScores:
        raise ModelError("words cannot be hidden")

    def within(self, removed: frozenset[int]) -> WordScorer:
        raise NotImplementedError

    def tokens_for(self, removed: frozenset[int], rerun: int | None = None) -> int:
        return 1 if rerun is None else 0

    def _row(self, removed: frozenset[int]) -> list[float]:
        segments = [each for message in self.prompt.messages for each in message.segments]
        left = " ".join(each.text for each in segments if each.shown(removed))
        words = wording_of(self.answer).text.split()
        return [-1.0 if word in left else -3.0 for word in words]


class Held:
    def let_go(self) -> bool:
        return False


@dataclass
class WordModel:
    """A scoring model that is no language model and needs no torch."""

    name: str = "words"
    parameters: int = 0
    can_knock_out: bool = False
    way: str = "counting"
    uses_chat_template: bool = False
    asked: list[frozenset[int]] = field(default_factory=list)

    def runs(self, model: object) -> bool:
        return model is self

    def scorer(
        self,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        generated_ids: Sequence[int] | None = None,
        held: Held | None = None,
        drafted: Draft | None = None,
        budget: Budget | None = None,
    ) -> WordScorer:
        return WordScorer(prompt, answer, self.asked)

    def hold_context(self, most_bytes: int | None = None) -> Held:
        return Held()

    def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
        return Draft("It opened in 1962.", None, max_new_tokens, 1)

    def count_tokens(self, text: str) -> int:
        return len(text.split())
