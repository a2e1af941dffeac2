"""Engines know their models, however they came to them."""

from __future__ import annotations

import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import LeaveOneOut
from attribot_integrations.requests.options import EngineOptions
from tests.unit.words import WordModel


def test_questions_about_the_target_are_its_own() -> None:
    target = WordModel(uses_chat_template=True)
    engine = AttributionEngine(target, WordModel("proxy"))
    assert engine.uses_chat_template
    assert engine.runs(target)
    assert not engine.runs(engine.proxy)


def test_its_repr_names_models_method_and_way() -> None:
    method = LeaveOneOut(on="proxy")
    engine = AttributionEngine(WordModel("T"), WordModel("P"), EngineOptions(method=method))
    assert repr(engine) == (
        "AttributionEngine('T', proxy='P', method='exact on proxy', path='counting')"
    )


def test_a_method_that_needs_a_proxy_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="'exact on proxy' runs a proxy model, and the en"):
        AttributionEngine(WordModel(), options=EngineOptions(method=LeaveOneOut(on="proxy")))


def test_the_demo_is_the_bundled_pair() -> None:
    engine = AttributionEngine.demo(proxy=True)
    assert engine.proxy is not None
    assert engine.proxy.parameters < engine.target.parameters < 2_000_000
    with pytest.raises(ConfigurationError, match="proxy must be a bool, not str"):
        AttributionEngine.demo(proxy="small")  # type: ignore[arg-type]
