"""Sources that say the same, on the bundled model and on generated facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attribot_integrations import Attribution, AttributionEngine, EngineOptions, FindAlternatives
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.demo import demo_examples
from attribot_integrations.demo.corpus import DemoExample
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer

SEED = 1900


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo(proxy=True)


@pytest.fixture(scope="module")
def examples() -> tuple[DemoExample, ...]:
    return demo_examples(8, seed=SEED, chunks=(4, 6), kinds=("repeated",))


def run(engine: AttributionEngine, example: DemoExample, **options: Any) -> Attribution:
    asked = example.questions[0]
    chosen = EngineOptions(**options)
    return engine.attribute(asked.question, example.chunk_texts, asked.answer, options=chosen)


def places(result: Attribution) -> set[tuple[int, int | None]]:
    found = [result.sources[result.row(each.source_id)] for each in result.citations]
    return {(source.chunk_index, source.sentence_index) for source in found}


@pytest.mark.parametrize("method", ["exact", "balanced", "fast"])
def test_facts_stated_twice_are_cited_twice(
    engine: AttributionEngine, examples: tuple[DemoExample, ...], method: str
) -> None:
    found = without = 0
    for example in examples:
        gold = {place for each in example.questions[0].gold for place in each}
        found += gold <= places(run(engine, example, method=method))
        without += gold <= places(run(engine, example, method=method, alternatives=None))
    assert found >= 0.75 * len(examples)
    assert without <= 0.25 * len(examples)


def test_a_group_says_what_was_measured(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    example = examples[0]
    asked = example.questions[0]
    result = run(engine, example, method="exact")
    (group,) = result.alternatives
    sources = SourceSet.build(as_chunks(example.chunk_texts))
    scorer = Scorer(
        in_process(engine.target), ContextTemplate()(asked.question, sources), asked.answer
    )
    everything = sources.all_ids
    kept = [everything - {id_} for id_ in group.source_ids]
    alone = scorer.score([*kept, everything]).log_probs.sum(axis=1)
    np.testing.assert_allclose(group.sufficiency, alone[:-1] - alone[-1], atol=1e-3)
    together = scorer.score([frozenset(group.source_ids)]).drops.sum()
    assert group.joint_score == pytest.approx(float(together), abs=1e-3)
    assert result.statement_scores.max() < 0.5 * group.joint_score
    first, second = result.citations[:2]
    assert first.alternatives == (second.source_id,)
    assert result.support[0].label == "supported"


def test_nothing_is_run_where_single_sources_explain_the_answer(engine: AttributionEngine) -> None:
    (example,) = demo_examples(1, seed=SEED, chunks=(5, 5), kinds=("single",))
    with_search = run(engine, example, method="exact")
    assert not with_search.alternatives
    plain = run(engine, example, method="exact", alternatives=None)
    assert with_search.cost.tokens == plain.cost.tokens


def test_whole_chunks(engine: AttributionEngine, examples: tuple[DemoExample, ...]) -> None:
    result = run(engine, examples[0], method="exact", levels=("chunk",))
    gold = {chunk for each in examples[0].questions[0].gold for chunk, _ in each}
    assert gold <= {citation.chunk_index for citation in result.citations}


def test_on_the_proxy_the_target_is_never_run(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    result = run(engine, examples[0], method="fast")
    target, proxy = result.cost.models
    assert target.tokens == 0
    assert proxy.tokens > 0


def test_absent_facts_are_not_supported(engine: AttributionEngine) -> None:
    for example in demo_examples(5, seed=SEED, chunks=(4, 8), kinds=("absent",)):
        result = run(engine, example)
        assert [each.label for each in result.support] == ["parametric"]
        assert not result.shown_citations


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_gain": 0.0}, "min_gain must be above 0 nats, got 0.0"),
        ({"explained": 1.5}, "explained must be a share above 0 and up to 1, got 1.5"),
        ({"sufficient": 0.0}, "sufficient must be a share above 0 and up to 1, got 0.0"),
        ({"max_sources": 1}, "max_sources must be at least 2, got 1"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FindAlternatives(**options)
