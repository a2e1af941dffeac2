"""Which sources are rescored does not depend on rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.methods.base import MethodInput, MethodScores
from attribot_integrations.methods.rescoring import ScreenAndRescore
from attribot_integrations.results import Statement
from attribot_integrations.scoring.protocols import AblationScores

TOKENS = 3
STATEMENTS = (Statement(0, 0, 1, "a", (0, TOKENS)),)


def noise(rng: np.random.Generator, rows: int) -> Any:
    return rng.uniform(-1e-5, 1e-5, (rows, TOKENS)).astype(np.float32)


@dataclass
class _Scorer:
    """Loses a fixed amount by each sentence, give or take rounding."""

    losses: Sequence[float]
    rng: np.random.Generator
    token_spans: tuple[tuple[int, int], ...] = tuple((place, place + 1) for place in range(TOKENS))

    def within(self, removed: frozenset[int]) -> _Scorer:
        return self

    def tokens_for(self, removed: frozenset[int], rerun: int | None = None) -> int:
        return 1 if rerun is None else 0

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        log_probs = np.zeros((len(ablations), TOKENS), dtype=np.float32)
        log_probs[:, 0] = [-sum(self.losses[id_] for id_ in each) for each in ablations]
        return AblationScores(log_probs + noise(self.rng, len(ablations)), np.zeros_like(log_probs))


@dataclass
class _Screen:
    """Puts sources where it is told to, give or take rounding."""

    scores: Sequence[float]
    rng: np.random.Generator
    name: str = "screen"
    needs_proxy: bool = False

    def run(self, inputs: MethodInput) -> MethodScores:
        scores = np.zeros((len(self.scores), TOKENS), dtype=np.float32)
        scores[:, 0] = self.scores
        return MethodScores(
            scores + noise(self.rng, len(self.scores)),
            tuple("target_knockout" for _ in self.scores),
            np.zeros(TOKENS, np.float32),
            np.zeros(TOKENS, np.float32),
        )


def run(screened: Sequence[float], losses: Sequence[float], seed: int, **options: Any) -> list[int]:
    """Rows that get exact scores."""
    rng = np.random.default_rng(seed)
    context = SourceSet.build(as_chunks([f"Text {place}." for place in range(len(screened))]))
    scorer = _Scorer(losses, rng)
    inputs = MethodInput(
        target=cast("Any", scorer),
        proxy=None,
        sources=context.sentences,
        context=context,
        statements=STATEMENTS,
        token_spans=scorer.token_spans,
    )
    found = ScreenAndRescore(_Screen(screened, rng), **options).run(inputs)
    return [row for row, each in enumerate(found.estimands) if each == "target_loo"]


@pytest.mark.parametrize("options", [{}, {"keep": 4}, {"audit": 2}, {"at_least": 1}])
def test_of_tied_sources_the_same_are_rescored(options: dict[str, Any]) -> None:
    screened = [0.0] * 10 + [2.0] * 3 + [0.0] * 10 + [0.4] * 9
    losses = [0.01] * 32
    expected = run(screened, losses, 0, **options)
    assert 0 < len(expected) < len(screened)
    for seed in range(1, 40):
        assert run(screened, losses, seed, **options) == expected


@given(
    levels=st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0, 1.4, 5.0]), min_size=1, max_size=30),
    seed=st.integers(0, 1 << 16),
)
def test_any_ties(levels: list[float], seed: int) -> None:
    assert run(levels, levels, seed) == run(levels, levels, seed + 1)
