"""The demo without a framework."""

from __future__ import annotations

import pytest

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.plain_demo import ask
from attribot_integrations.demo.showcase import demo_facts


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo()


def test_questions_are_answered_and_cited(engine: AttributionEngine) -> None:
    for question in demo_facts().questions:
        found = ask(engine, question)
        assert found.question == question
        assert len(found.chunks) == 4
        assert {support.label for support in found.support} == {"supported"}
        for statement in found.statements:
            (first, *_) = found.citations_of(statement.index)
            assert str(found.chunks[first.chunk_index].metadata["title"]) in question


def test_and_one_is_not(engine: AttributionEngine) -> None:
    assert ask(engine, demo_facts().unanswerable).shown_citations == ()


def test_results_hold_no_path_of_a_model(engine: AttributionEngine) -> None:
    found = ask(engine, demo_facts().questions[0], k=2)
    assert [each.model for each in found.cost.models] == ["target"]
    assert engine.target.name not in found.to_json()
    assert len(found.chunks) == 2
