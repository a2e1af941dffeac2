"""Which sources count as alternatives, in a world whose likelihoods are written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from attribot_integrations.context.sources import SourceSet, Span, as_chunks
from attribot_integrations.methods import MethodInput, MethodScores
from attribot_integrations.methods.redundancy import FindAlternatives
from attribot_integrations.results import Alternatives, ModelCost, Statement
from attribot_integrations.scoring.protocols import AblationScores
from attribot_integrations.tokens.ablated import Ablation

ALL = frozenset(range(3))


class World:
    """Scores a one-token answer by which sentences are kept."""

    token_spans: tuple[Span, ...] = ((0, 4),)
    can_knock_out = False
    cost = ModelCost("world", 0, 0, 0, 0)

    def __init__(self, likelihood: Callable[[frozenset[int]], float]) -> None:
        self._likelihood = likelihood

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        values = [[self._likelihood(ALL - removed)] for removed in ablations]
        log_probs = np.array(values, dtype=np.float32)
        return AblationScores(log_probs, np.full_like(log_probs, self._likelihood(ALL)))

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        raise NotImplementedError

    def within(self, removed: Ablation) -> World:
        raise NotImplementedError

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        return 1 if rerun is None else 0


def alternatives(likelihood: Callable[[frozenset[int]], float]) -> tuple[Alternatives, ...]:
    world = World(likelihood)
    sources = SourceSet.build(as_chunks(["It is red.", "Red it is.", "It may be red."]))
    statement = Statement(0, 0, 4, "Red.", (0, 1))
    inputs = MethodInput(world, None, sources.sentences, sources, (statement,), world.token_spans)
    scored = world.score([*(frozenset({id_}) for id_ in range(3)), ALL])
    result = MethodScores(
        scores=scored.drops[:-1],
        estimands=("target_loo",) * 3,
        log_probs=scored.reference[0],
        log_probs_without_context=scored.log_probs[-1],
    )
    return FindAlternatives()(inputs, result)


def test_sources_that_say_the_same_are_alternatives() -> None:
    (group,) = alternatives(lambda kept: -1.0 if kept & {0, 1} else -21.0)
    assert set(group.source_ids) == {0, 1}
    assert group.sufficiency == (20.0, 20.0)
    assert group.joint_score == 20.0


def test_what_keeps_the_statement_back_is_no_alternative() -> None:
    """Source 2 is enough alone, but beside the others it costs the statement 16 nats."""

    def likelihood(kept: frozenset[int]) -> float:
        if kept & {0, 1}:
            return -17.0 if 2 in kept else -1.0
        return -20.0 if kept else -41.0

    (group,) = alternatives(likelihood)
    assert set(group.source_ids) == {0, 1}


def test_one_source_alone_has_no_alternative() -> None:
    """Source 1 is enough alone and costs 16 nats beside source 0, which then has no company."""

    def likelihood(kept: frozenset[int]) -> float:
        return (-1.0 if kept & {0, 1} else -41.0) - (16.0 if {0, 1} <= kept else 0.0)

    assert not alternatives(likelihood)
