from __future__ import annotations

import pytest

from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results import Attribution
from attribot_integrations.results.judging import judged
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.results.support import LabelSupport
from tests.unit.evaluation.tiny import EXAMPLE, tiny_engine


@pytest.fixture(scope="module")
def attribution() -> Attribution:
    engine = tiny_engine()
    return engine.attribute(
        EXAMPLE.question,
        EXAMPLE.chunks,
        EXAMPLE.answer,
        options=EngineOptions(policy=CiteDependence(1e-6), method="exact"),
    )


def test_the_same_choices_give_the_same(attribution: Attribution) -> None:
    again = judged(attribution, CiteDependence(1e-6), EngineOptions().support)
    assert again.citations == attribution.citations
    assert again.support == attribution.support


def test_other_choices(attribution: Attribution) -> None:
    assert attribution.citations
    none = judged(attribution, CiteDependence(1e6), LabelSupport())
    assert none.citations == ()
    assert (none.scores == attribution.scores).all()
