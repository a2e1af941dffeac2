"""The demo without a framework."""

from __future__ import annotations

import pytest

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.plain_demo import PlainDemo


@pytest.fixture(scope="module")
def demo() -> PlainDemo:
    return PlainDemo(AttributionEngine.demo())


def test_questions_are_answered_and_cited(demo: PlainDemo) -> None:
    for question in demo.facts.questions:
        found = demo.ask(question)
        assert found.question == question
        assert len(found.chunks) == 4
        assert {support.label for support in found.support} == {"supported"}
        for statement in found.statements:
            (first, *_) = found.citations_of(statement.index)
            assert str(found.chunks[first.chunk_index].metadata["title"]) in question


def test_and_one_is_not(demo: PlainDemo) -> None:
    assert demo.ask(demo.facts.unanswerable).shown_citations == ()


def test_results_hold_no_path_of_a_model(demo: PlainDemo) -> None:
    found = demo.ask(demo.facts.questions[0])
    assert [each.model for each in found.cost.models] == ["target"]
    assert demo.engine.target.name not in found.to_json()
