"""Certificates of cited sets on the bundled models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations import Attribution, AttributionEngine, EngineOptions, RawPrompt
from attribot_integrations.demo import demo_examples
from attribot_integrations.demo.corpus import DemoExample
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import CertifySets

CERTIFIED = EngineOptions(certificates=CertifySets())


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo(proxy=True)


@pytest.fixture(scope="module")
def examples() -> tuple[DemoExample, ...]:
    return demo_examples(5, seed=1900, chunks=(4, 6))


def run(engine: AttributionEngine, example: DemoExample, options: EngineOptions) -> Attribution:
    asked = example.questions[0]
    return engine.attribute(asked.question, example.chunk_texts, asked.answer, options=options)


@pytest.mark.parametrize("method", ["exact", "balanced", "knockout", "fast"])
def test_cited_sets_are_measured(
    engine: AttributionEngine, examples: tuple[DemoExample, ...], method: Any
) -> None:
    found = 0
    for example in examples:
        result = run(engine, example, replace(CERTIFIED, method=method))
        plain = run(engine, example, EngineOptions(method=method))
        assert result.citations == plain.citations
        assert plain.certificates == ()
        assert Attribution.from_json(result.to_json()).certificates == result.certificates
        for each in result.certificates:
            own = result.citations_of(each.statement_index)
            assert each.source_ids == tuple(citation.source_id for citation in own)
            if len(own) == 1 and own[0].exact:
                assert each.drop == pytest.approx(own[0].score, abs=1e-3)
            assert each.held is not None
            found += each.held > 0.8
    assert found >= 4


def test_what_was_measured_is_told(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    result = run(engine, examples[0], CERTIFIED)
    assert result.certificates
    assert "it." in result.to_text().splitlines()[-1]
    assert "carr" in result.to_text()


def test_citing_until_a_share_is_held(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    for example in examples:
        result = run(engine, example, EngineOptions(certificates=CertifySets(hold=0.9)))
        by_policy = run(engine, example, CERTIFIED)
        for each in result.certificates:
            same = each.source_ids == tuple(
                citation.source_id for citation in by_policy.citations_of(each.statement_index)
            )
            assert same or (each.held or 0.0) >= 0.9


@pytest.mark.slow
def test_sets_cost_little_beside_the_scores(engine: AttributionEngine) -> None:
    tokens = dict.fromkeys(("balanced", "certified", "held"), 0)
    options = {
        "balanced": EngineOptions(method="balanced"),
        "certified": EngineOptions(method="balanced", certificates=CertifySets()),
        "held": EngineOptions(method="balanced", certificates=CertifySets(hold=0.95)),
    }
    for example in demo_examples(3, seed=77, chunks=(20, 20)):
        answer = " ".join(asked.answer for asked in example.questions)
        for name, chosen in options.items():
            question = example.questions[0].question
            result = engine.attribute(question, example.chunk_texts, answer, options=chosen)
            tokens[name] += result.cost.tokens
    assert tokens["certified"] <= 1.1 * tokens["balanced"]
    assert tokens["held"] <= 1.2 * tokens["balanced"]


def test_a_budget_that_ends_before_is_told(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    plain = run(engine, examples[0], EngineOptions(method="balanced", alternatives=None))
    tokens = plain.cost.tokens
    options = replace(CERTIFIED, method="balanced", alternatives=None, max_tokens=tokens)
    result = run(engine, examples[0], options)
    assert result.certificates == ()
    assert [each.source_id for each in result.citations] == [
        each.source_id for each in plain.citations
    ]
    assert result.stopped == (
        f"max_tokens={tokens} reached, so what the citations of some statements carry together "
        "was not measured"
    )


def test_nothing_is_certified_beside_text_that_may_be_left(
    engine: AttributionEngine, examples: tuple[DemoExample, ...]
) -> None:
    asked = examples[0].questions[0]
    chunks = list(examples[0].chunk_texts)
    shown = "\n\n".join([*chunks, chunks[0][: len(chunks[0]) // 2].upper()])
    prompt = RawPrompt(f"{shown}\n\n{asked.question}\n")
    result = engine.attribute(
        asked.question, [*chunks, shown[-40:].lower() + " 7"], asked.answer, prompt=prompt,
        options=CERTIFIED,
    )  # fmt: skip
    if not result.unremoved:
        pytest.fail("the prompt should hold text that cannot be removed")
    assert result.certificates == ()


def test_other_values_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="certificates must be a CertifySets or None"):
        EngineOptions(certificates=True)  # type: ignore[arg-type]
