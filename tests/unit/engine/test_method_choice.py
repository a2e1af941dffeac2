"""Which method a request gets."""

from __future__ import annotations

import pytest

from attribot_integrations import EngineOptions
from attribot_integrations.engine.method_choice import (
    check_models,
    chosen_method,
    default_method,
    expected_method,
)
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import METHODS, Knockout, LeaveOneOut
from tests.unit.words import WordModel


def test_a_method_is_given_by_name_or_as_an_object() -> None:
    assert chosen_method(EngineOptions(method="fast"), has_proxy=True) is METHODS["fast"]
    own = Knockout(rerun=2)
    assert chosen_method(EngineOptions(method=own), has_proxy=False) is own
    assert chosen_method(EngineOptions(), has_proxy=False) is None


def test_a_proxy_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="the engine has none: pass proxy="):
        chosen_method(EngineOptions(method=LeaveOneOut(on="proxy")), has_proxy=False)


@pytest.mark.parametrize(
    ("can_knock_out", "on_proxy", "name"),
    [
        (True, False, METHODS["balanced"].name),
        (False, False, "exact"),
        (True, True, f"{METHODS['proxy-knockout'].name}, then rescored"),
        (False, True, f"{METHODS['proxy'].name}, then rescored"),
    ],
)
def test_the_default_is_what_the_models_can_do(
    can_knock_out: bool, on_proxy: bool, name: str
) -> None:
    assert default_method(can_knock_out=can_knock_out, on_proxy=on_proxy).name == name


def test_the_expected_method_asks_the_proxy_first() -> None:
    masked, plain = WordModel(can_knock_out=True), WordModel()
    options = EngineOptions()
    assert expected_method(masked, None, options) is METHODS["balanced"]
    assert expected_method(masked, plain, options).name.startswith("exact on proxy")
    assert expected_method(plain, None, EngineOptions(method="knockout")) is METHODS["knockout"]


@pytest.mark.parametrize(
    ("target", "proxy", "message"),
    [
        ("gpt2", None, "the target must be a LanguageModel, not str"),
        (None, None, "the target must be a LanguageModel, not NoneType"),
        (WordModel(), "gpt2", "the proxy must be a LanguageModel, not str"),
    ],
)
def test_what_is_no_model_is_refused(target: object, proxy: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_models(target, proxy, EngineOptions())
