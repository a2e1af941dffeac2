"""What cited sets hold and what is lost with them, in worlds that are written down."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from attribot_integrations.context.sources import SourceSet, Span, as_chunks
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import (
    CertifySets,
    Knockout,
    LeaveOneOut,
    Method,
    MethodInput,
    MethodScores,
)
from attribot_integrations.results import Certificate, Citation, ModelCost, Statement
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.policies import CiteDependence, CiteEvidence
from attribot_integrations.results.statements import statement_scores
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.protocols import AblationScores
from attribot_integrations.tokens.ablated import Ablation

TEXTS = ("A one. B two.", "C three. D four.")
SENTENCES = "ABCD"
EXACT = LeaveOneOut()


class World:
    """Two tokens, each a statement, whose log-probabilities follow from the sentences kept."""

    token_spans: tuple[Span, ...] = ((0, 4), (4, 8))
    can_knock_out = True
    cost = ModelCost("world", 0, 0, 0, 0)

    def __init__(self, *likelihoods: Callable[[str], float], most: int | None = None) -> None:
        self._likelihoods = likelihoods
        self._most = most
        self.asked: list[list[str]] = []
        self.budget = Budget(max_tokens=1)

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        kept = [
            "".join(letter for place, letter in enumerate(SENTENCES) if place not in removed)
            for removed in ablations
        ]
        self.asked.append(kept)
        log_probs = np.array([self._row(each) for each in kept], np.float32)
        reference = np.array([self._row(SENTENCES)] * len(kept), np.float32)
        if self._most is None or len(kept) <= self._most:
            return AblationScores(log_probs, reference)
        scored = np.arange(len(kept)) < self._most
        self.budget.allows(2)  # refused, and so from now on
        return AblationScores(log_probs * scored[:, None], reference * scored[:, None], scored)

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        return self.score(ablations)

    def within(self, removed: Ablation) -> World:
        raise NotImplementedError

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        return 1 if rerun is None else 0

    def _row(self, kept: str) -> list[float]:
        return [likelihood(kept) for likelihood in self._likelihoods]


def additive(**worth: float) -> Callable[[str], float]:
    return lambda kept: -20.0 + sum(worth.get(each, 0.0) for each in kept)


def nothing(kept: str) -> float:
    return -3.0


def inputs_of(world: World, proxy: World | None = None) -> MethodInput:
    context = SourceSet.build(as_chunks(TEXTS))
    statements = (Statement(0, 0, 4, "One.", (0, 1)), Statement(1, 4, 8, "Two.", (1, 2)))
    return MethodInput(
        world, proxy, context.sentences, context, statements, world.token_spans, world.budget
    )


def cited(
    world: World, certify: CertifySets | None = None, method: Method = EXACT
) -> tuple[MethodInput, MethodScores, tuple[Citation, ...]]:
    inputs = inputs_of(world)
    result = method.run(inputs)
    world.asked.clear()
    policy = CiteDependence()
    citations = make_citations(
        policy if certify is None else certify.policy(inputs, result, policy),
        inputs.statements,
        as_chunks(TEXTS),
        inputs.sources,
        statement_scores(result.scores, inputs.statements),
        result.exact,
    )
    return inputs, result, citations


def certificates(world: World, method: Method = EXACT) -> tuple[Certificate, ...]:
    inputs, result, citations = cited(world, method=method)
    return CertifySets()(inputs, result, citations)


def letters(citations: Sequence[Citation], statement: int) -> str:
    own = [each for each in citations if each.statement_index == statement]
    return "".join(SENTENCES[each.source_id] for each in own)


def test_what_is_held_and_lost() -> None:
    world = World(additive(A=6.0, B=4.0, C=1.0), additive(D=5.0))
    first, second = certificates(world)
    assert first == Certificate(0, (0, 1), gain=11.0, hold=10.0, drop=10.0)
    assert second == Certificate(1, (3,), gain=5.0, hold=5.0, drop=5.0)
    assert first.held == pytest.approx(10 / 11)


def test_sets_are_not_sums() -> None:
    """A and B are each needed; C takes their place when both are gone."""

    def likelihood(kept: str) -> float:
        return -1.0 if {"A", "B"} <= {*kept} else -6.0 if "C" in kept else -21.0

    (only,) = certificates(World(likelihood, nothing))
    assert only == Certificate(0, (0, 1), gain=20.0, hold=20.0, drop=5.0)


def test_all_are_asked_for_at_once_and_single_ones_as_the_method_did() -> None:
    world = World(additive(A=6.0, B=4.0), additive(D=5.0))
    certificates(world)
    (asked,) = world.asked
    assert asked[0] == ""  # which the method has asked for, too
    assert {*asked[1:]} == {"CD", "AB", "ABC", "D"}


@pytest.mark.parametrize("method", [Knockout(), Knockout(on="proxy")])
def test_sets_are_removed_where_sources_were_hidden(method: Method) -> None:
    world, proxy = World(nothing, nothing), World(additive(A=6.0), nothing)
    inputs = inputs_of(proxy if method == Knockout() else world, proxy)
    result = method.run(inputs)
    citations = cited(World(additive(A=6.0), nothing))[2]
    assert CertifySets()(inputs, result, citations) == (Certificate(0, (0,), 6.0, 6.0, 6.0),)


def test_statements_that_owe_the_context_little_are_left_out() -> None:
    world = World(additive(A=0.75), nothing)
    assert letters(cited(world)[2], 0) == "A"
    assert certificates(world) == ()
    assert world.asked == []
    inputs, result, citations = cited(world)
    (small,) = CertifySets(min_gain=0.5)(inputs, result, citations)
    assert small.gain == 0.75
    assert CertifySets()(inputs, result, ()) == ()


def test_what_the_budget_leaves_no_room_for_is_left_out() -> None:
    inputs, result, citations = cited(World(additive(A=6.0), additive(D=5.0)))
    short = World(additive(A=6.0), additive(D=5.0), most=4)
    (only,) = CertifySets()(replace(inputs, target=short, budget=short.budget), result, citations)
    assert only.statement_index == 0
    spent = World(additive(A=6.0), additive(D=5.0))
    spent.budget.allows(2)
    assert (
        CertifySets()(replace(inputs, target=spent, budget=spent.budget), result, citations) == ()
    )
    assert spent.asked == []


# Citing until a share is held


def test_citing_ends_when_the_share_is_held() -> None:
    world = World(additive(A=6.0, B=3.0, C=0.6, D=0.4), additive(A=3.0, B=3.0, C=3.0, D=3.0))
    assert letters(cited(world)[2], 0) == "AB"
    for share, first, second in ((0.5, "A", "AB"), (0.9, "AB", "ABCD"), (0.95, "ABC", "ABCD")):
        citations = cited(world, CertifySets(hold=share))[2]
        assert (letters(citations, 0), letters(citations, 1)) == (first, second)


def test_it_is_judged_by_the_set_and_not_by_the_scores() -> None:
    """Each loses much, but the first alone restores all that the context adds."""

    def likelihood(kept: str) -> float:
        return -1.0 if kept == "A" or len(kept) == 4 else -11.0

    world = World(likelihood, nothing)
    assert len(letters(cited(world)[2], 0)) == 4
    assert letters(cited(world, CertifySets(hold=0.95))[2], 0) == "A"


def test_all_prefixes_are_run_at_once() -> None:
    world = World(additive(A=6.0, B=3.0, C=0.6), nothing)
    cited(world, CertifySets(hold=0.95, most=2))
    assert world.asked == [["", "A", "AB"]]


def test_where_the_rule_cannot_be_followed_the_policy_decides() -> None:
    world = World(additive(A=6.0, B=3.0, C=0.6, D=0.4), additive(D=0.75))
    citations = cited(world, CertifySets(hold=0.95, most=2))[2]
    assert letters(citations, 0) == letters(cited(world)[2], 0) == "AB"
    assert letters(citations, 1) == "D"  # of a gain that is too small
    inputs, result, _ = cited(world)
    policy = CiteDependence()
    assert CertifySets().policy(inputs, result, policy) is policy
    short = World(additive(A=6.0, B=3.0), nothing, most=2)  # no context, and the first prefix
    chosen = CertifySets(hold=0.95).policy(
        replace(inputs, target=short, budget=short.budget), result, policy
    )
    scores = statement_scores(result.scores, inputs.statements)[:, 0]
    assert list(chosen(inputs.statements[0], inputs.sources, scores, None)) == [0, 1]
    assert CertifySets(hold=0.9).policy(replace(inputs, budget=short.budget), result, policy) is (
        policy
    )


def test_what_states_the_statement_is_cited_beside() -> None:
    world = World(additive(A=6.0, B=3.0, C=0.6), nothing)
    inputs, result, _ = cited(world)
    chosen = CertifySets(hold=0.5).policy(inputs, result, CiteEvidence())
    scores = statement_scores(result.scores, inputs.statements)[:, 0]
    stated = np.array([0.0, 0.2, 0.0, 1.0], np.float32)
    assert list(chosen(inputs.statements[0], inputs.sources, scores, stated)) == [0, 3]
    assert list(chosen(inputs.statements[0], inputs.sources, scores, None)) == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hold": 0.0}, "hold must be a share above 0 and up to 1, got 0.0"),
        ({"hold": 95}, "hold must be a share above 0 and up to 1, got 95"),
        ({"most": 0}, "most must be at least 1, got 0"),
        ({"min_gain": 0}, "min_gain must be above 0 nats, got 0"),
    ],
)
def test_wrong_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        CertifySets(**options)  # type: ignore[arg-type]
