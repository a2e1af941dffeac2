"""Every method against scores computed with the scorer alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from attribot_integrations import (
    Attribution,
    AttributionEngine,
    EngineOptions,
    Hierarchical,
    Knockout,
    LanguageModel,
    LeaveOneOut,
    ScreenAndRescore,
)
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.methods import METHODS, Method, ScreenAndPrune
from attribot_integrations.methods.base import MethodInput, MethodScores
from attribot_integrations.results.statements import statement_scores
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, TOKENIZERS, byte_level_bpe, with_chat_template

QUESTION = "When did the harbour open?"
CHUNKS = [
    "The harbour opened in 1962. It is old.",
    "A river runs. The bridge crosses it.",
    "Ana Ruiz is an engineer. She built it. The market is near.",
    "Dr. Smith paid for apples. The rest were left.",
]
ANSWER = "It opened in 1962. The bridge crosses it."
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    """A target and a proxy whose tokenizers divide the answer differently."""
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    proxy = LanguageModel.from_model(
        ARCHITECTURES["gpt2"].build(), TOKENIZERS["unigram"](), name="proxy"
    )
    return AttributionEngine.from_model(ARCHITECTURES["llama"].build(), tokenizer, proxy=proxy)


def run(engine: AttributionEngine, method: Method, **options: Any) -> Attribution:
    chosen = EngineOptions(method=method, **options)
    return engine.attribute(QUESTION, CHUNKS, ANSWER, options=chosen)


@pytest.fixture(scope="module")
def exact(engine: AttributionEngine) -> Attribution:
    return run(engine, LeaveOneOut(), levels=("sentence", "chunk"))


@pytest.fixture(scope="module")
def sources() -> SourceSet:
    return SourceSet.build(as_chunks(CHUNKS))


def scorer(engine: AttributionEngine, sources: SourceSet) -> Scorer:
    return Scorer(in_process(engine.target), ContextTemplate()(QUESTION, sources), ANSWER)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "instant"])
def test_every_method_runs_on_every_level(
    engine: AttributionEngine, exact: Attribution, name: Any
) -> None:
    result = run(engine, METHODS[name], levels=("sentence", "chunk"))
    assert result.scores.shape == exact.scores.shape
    assert np.isfinite(result.scores).all()
    assert set(np.flatnonzero(result.exact)) == {
        row for row, estimand in enumerate(result.estimands) if estimand == "target_loo"
    }
    np.testing.assert_allclose(
        result.scores[result.exact], exact.scores[result.exact], atol=TOLERANCE
    )
    assert result.method == METHODS[name].name


def test_proxy_runs_for_the_target(engine: AttributionEngine) -> None:
    for method in (LeaveOneOut(on="proxy"), Knockout(on="proxy")):
        result = run(engine, method)
        assert not result.exact.any()
        target, proxy = result.cost.models
        assert target.tokens == 0
        assert proxy.tokens > 0
        assert proxy.model == "proxy"


def test_proxy_scores_keep_their_sums_across_tokenizers(
    engine: AttributionEngine, sources: SourceSet
) -> None:
    assert engine.proxy is not None
    alone = Scorer(in_process(engine.proxy), ContextTemplate()(QUESTION, sources), ANSWER)
    drops = alone.score([frozenset({each.id}) for each in sources.sentences]).drops
    result = run(engine, LeaveOneOut(on="proxy"))
    assert drops.shape[1] != result.scores.shape[1]
    np.testing.assert_allclose(result.source_scores, drops.sum(1), atol=TOLERANCE)


def test_knockout_and_sufficiency(engine: AttributionEngine, sources: SourceSet) -> None:
    result = run(engine, Knockout(sufficiency=True))
    everything = sources.all_ids
    single = scorer(engine, sources)
    each = [frozenset({source.id}) for source in sources.sentences]
    rerun = Knockout().rerun
    alone = single.knock_out([everything - one for one in each], rerun).log_probs
    none = single.knock_out([everything], rerun).log_probs
    assert result.sufficiency is not None
    np.testing.assert_allclose(result.sufficiency, alone - none, atol=TOLERANCE)
    np.testing.assert_allclose(result.scores, single.knock_out(each, rerun).drops, atol=TOLERANCE)
    np.testing.assert_allclose(result.token_log_probs_without_context, none[0], atol=TOLERANCE)
    without = run(engine, Knockout())
    assert without.sufficiency is None
    assert without.cost.tokens < run(engine, LeaveOneOut()).cost.tokens


def test_many_sources_are_hidden_in_groups(engine: AttributionEngine) -> None:
    levels = ("sentence", "chunk")
    apart = run(engine, Knockout(groups=None), levels=levels)
    assert "dropped" not in apart.estimands
    all_divided = run(engine, Knockout(groups=2, group_score=-1e9), levels=levels)
    assert all_divided.estimands == apart.estimands
    np.testing.assert_allclose(all_divided.scores, apart.scores, atol=TOLERANCE)
    none_divided = run(engine, Knockout(groups=2, group_score=1e9), levels=levels)
    assert set(none_divided.estimands) == {"dropped"}
    assert not none_divided.scores.any()
    assert none_divided.cost.tokens < apart.cost.tokens < all_divided.cost.tokens
    np.testing.assert_allclose(
        none_divided.token_log_probs_without_context,
        apart.token_log_probs_without_context,
        atol=TOLERANCE,
    )


def test_only_groups_that_matter_are_divided(engine: AttributionEngine, sources: SourceSet) -> None:
    halves = [frozenset(range(4)), frozenset(range(4, 9))]
    assert sources.all_ids == halves[0] | halves[1]
    rerun = Knockout().rerun
    drops = scorer(engine, sources).knock_out(halves, rerun).drops
    statements = run(engine, Knockout()).statements
    best = statement_scores(drops, statements).max(axis=1)
    assert best[0] != pytest.approx(best[1], abs=1e-3)
    result = run(engine, Knockout(groups=2, group_score=float(best.mean())))
    scored = frozenset(row for row, each in enumerate(result.estimands) if each != "dropped")
    assert scored == halves[int(best.argmax())]
    apart = run(engine, Knockout(groups=None))
    rows = sorted(scored)
    np.testing.assert_allclose(result.scores[rows], apart.scores[rows], atol=TOLERANCE)


def test_hiding_everything_resembles_removing_everything(
    engine: AttributionEngine, exact: Attribution
) -> None:
    """Without any context left, only positions differ between hiding and removing."""
    hidden = run(engine, Knockout())
    gap = abs(hidden.log_likelihood_without_context - exact.log_likelihood_without_context)
    assert gap < 0.5 * abs(exact.log_likelihood_without_context)


@pytest.mark.parametrize("within", ["full", "pruned"])
def test_hierarchical(
    engine: AttributionEngine, exact: Attribution, sources: SourceSet, within: Any
) -> None:
    result = run(engine, Hierarchical(keep=1, within=within), levels=("sentence", "chunk"))
    chunk_rows = exact.rows("chunk")
    np.testing.assert_allclose(result.scores[chunk_rows], exact.scores[chunk_rows], atol=TOLERANCE)
    best = set(np.argmax(exact.statement_scores[chunk_rows], axis=0).tolist())
    kept = [row for row in exact.rows("sentence") if exact.sources[row].chunk_index in best]
    dropped = [row for row in exact.rows("sentence") if row not in kept]
    assert {result.estimands[row] for row in dropped} == {"dropped"}
    assert not result.scores[dropped].any()
    if within == "full":
        expected = exact.scores[kept]
        assert {result.estimands[row] for row in kept} == {"target_loo"}
    else:
        gone = frozenset(exact.sources[row].id for row in dropped)
        each = [gone | {exact.sources[row].id} for row in kept]
        pruned = scorer(engine, sources).score([gone, *each]).log_probs
        expected = pruned[0] - pruned[1:]
        assert {result.estimands[row] for row in kept} == {"target_pruned_loo"}
    np.testing.assert_allclose(result.scores[kept], expected, atol=TOLERANCE)


def test_hierarchical_keeps_chunks_above_a_score_only(engine: AttributionEngine) -> None:
    result = run(engine, Hierarchical(keep=4, min_score=1e9))
    assert set(result.estimands) == {"dropped"}
    everything = run(engine, Hierarchical(keep=4, min_score=-1e9))
    assert everything.exact.all()


@dataclass(frozen=True)
class _Unpriced:
    """A method of which nobody knows what it will cost."""

    method: Method

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def needs_proxy(self) -> bool:
        return self.method.needs_proxy

    def run(self, inputs: MethodInput) -> MethodScores:
        return self.method.run(inputs)


def test_screening_rescores_as_many_as_needed(
    engine: AttributionEngine, exact: Attribution
) -> None:
    sentences = exact.rows("sentence")
    screen = _Unpriced(Knockout())
    none_needed = run(engine, ScreenAndRescore(screen, min_score=1e9))
    assert none_needed.exact.sum() == 3
    best = np.argsort(-run(engine, screen).statement_scores.max(1), kind="stable")[:3]
    assert set(np.flatnonzero(none_needed.exact)) == set(best.tolist())
    all_needed = run(engine, ScreenAndRescore(screen, at_least=99, at_most=99))
    assert all_needed.exact.all()
    np.testing.assert_allclose(all_needed.scores, exact.scores[sentences], atol=TOLERANCE)
    capped = run(engine, ScreenAndRescore(screen, at_least=5, keep=5))
    assert capped.exact.sum() == 5


def test_screening_that_costs_more_is_left_out(engine: AttributionEngine) -> None:
    found = run(engine, ScreenAndRescore(Knockout()))  # of a short text
    assert found.exact.all()
    assert found.cost.models[0].tokens == run(engine, LeaveOneOut()).cost.models[0].tokens


def test_caution_covers_the_screens_error(engine: AttributionEngine, exact: Attribution) -> None:
    """A screen that is wrong on what is rescored goes on further than one that is trusted."""
    scores = exact.statement_scores[exact.rows("sentence")].max(1)
    threshold = float(np.sort(scores)[-4])

    def rescored(caution: float) -> int:
        method = ScreenAndRescore(
            Knockout(), min_score=threshold, min_share=0, caution=caution, step=1
        )
        return int(run(engine, method).exact.sum())

    trusting, wary = rescored(0), rescored(50)
    assert 4 <= trusting <= wary


def test_audit_estimates_the_recall(engine: AttributionEngine, exact: Attribution) -> None:
    scores = exact.statement_scores[exact.rows("sentence")].max(1)
    method = ScreenAndRescore(Knockout(), min_score=1e9, audit=4)
    lost_none = run(engine, method)
    assert lost_none.audit is not None
    assert (lost_none.audit.sampled, lost_none.audit.missed) == (4, 0)
    assert lost_none.audit.recall == 1.0
    assert lost_none.exact.sum() == 3 + 4
    # Rescore only three, where every source matters that helps at all: the audit must see the loss.
    method = ScreenAndRescore(Knockout(), min_score=1e-6, min_share=0, keep=3, audit=99)
    lost_most = run(engine, method)
    assert lost_most.audit is not None
    dropped = len(scores) - 3
    assert (lost_most.audit.dropped, lost_most.audit.sampled) == (dropped, dropped)
    best = np.argsort(-run(engine, Knockout()).statement_scores.max(1), kind="stable")[:3]
    helping = scores >= 1e-6
    assert lost_most.audit.missed == helping.sum() - helping[best].sum() > 0
    assert lost_most.audit.recall == pytest.approx(helping[best].sum() / helping.sum())


def test_pruning(engine: AttributionEngine, sources: SourceSet) -> None:
    result = run(engine, ScreenAndPrune(LeaveOneOut(on="proxy"), keep=3))
    proxy = run(engine, LeaveOneOut(on="proxy"))
    kept = sorted(np.argsort(-proxy.statement_scores.max(1), kind="stable")[:3].tolist())
    assert [row for row, each in enumerate(result.estimands) if each == "target_pruned_loo"] == kept
    gone = sources.all_ids - set(kept)
    pruned = scorer(engine, sources).score([gone, *(gone | {id_} for id_ in kept)]).log_probs
    np.testing.assert_allclose(result.scores[kept], pruned[0] - pruned[1:], atol=TOLERANCE)
    assert not result.exact.any()


def test_a_small_pruned_context(engine: AttributionEngine) -> None:
    result = run(engine, ScreenAndPrune(Knockout(on="proxy"), keep=1))
    assert result.estimands.count("target_pruned_loo") == 1
    assert result.method == "knockout on proxy, then rescored in the pruned context"


def test_names_of_the_papers_methods() -> None:
    """Stored results are told apart by them."""
    assert METHODS["attribot"].name == (
        "hierarchical on proxy: chunks, then sentences in the pruned context, "
        "then rescored in the pruned context"
    )
    assert METHODS["pruning"].name == "exact on proxy, then rescored in the pruned context"
    assert METHODS["pruning-full"].name == "exact on proxy, then rescored"


def test_work_in_a_pruned_context_is_counted(engine: AttributionEngine, sources: SourceSet) -> None:
    whole = scorer(engine, sources)
    part = whole.within(frozenset({0, 1, 2}))
    part.score([frozenset({3})])
    assert whole.cost.tokens == part.cost.tokens > 0
    assert len(part.prompt.ids) < len(whole.prompt.ids)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Knockout(groups=0), "groups must be at least 1, got 0"),
        (lambda: Knockout(group_score=float("nan")), "group_score must be a number, got nan"),
        (lambda: Knockout(on=cast("Any", "both")), 'on must be "target" or "proxy", got \'both\''),
        (lambda: Hierarchical(keep=0), "keep must be at least 1, got 0"),
        (
            lambda: Hierarchical(within=cast("Any", "half")),
            'within must be "pruned" or "full", got \'half\'',
        ),
        (lambda: ScreenAndRescore(Knockout(), at_least=0), "at_least must be at least 1, got 0"),
        (lambda: ScreenAndRescore(Knockout(), step=0), "step must be at least 1, got 0"),
        (lambda: ScreenAndRescore(Knockout(), keep=2), "keep must be at least at_least = 3, got 2"),
        (lambda: ScreenAndRescore(Knockout(), audit=-1), "must not be negative, got -1 and 2.0"),
        (lambda: ScreenAndPrune(Knockout(), keep=0), "keep must be at least 1, got 0"),
    ],
)
def test_bad_options(build: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize(
    ("method", "option"),
    [
        (Hierarchical, {"knockout": True}),
        (Hierarchical, {"rerun": 4}),
        (ScreenAndRescore, {"screen": Knockout(), "within": "pruned"}),
    ],
)
def test_options_that_are_another_methods(method: Any, option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        method(**option)


def test_combinations_without_sense_are_refused(engine: AttributionEngine) -> None:
    with pytest.raises(ConfigurationError, match="'exact' already gives exact scores"):
        run(engine, ScreenAndPrune(LeaveOneOut()))
    with pytest.raises(ConfigurationError, match='levels must hold "sentence"'):
        run(engine, Hierarchical(), levels=("chunk",))


def test_knockout_on_a_model_without_masks_is_refused() -> None:
    engine = AttributionEngine.from_model(ARCHITECTURES["mamba"].build(), byte_level_bpe())
    with pytest.raises(ModelError, match=r"does not take here: recurrent layers .* use exact"):
        run(engine, Knockout())
