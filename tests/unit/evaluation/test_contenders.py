"""Methods and baselines by the names that the command line takes."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.contenders import (
    BASELINES,
    Contender,
    contenders,
    text_scorer,
)
from attribot_integrations.evaluation.text_scorers import StringFirst, VerifierScores
from attribot_integrations.methods.presets import METHODS
from attribot_integrations.verifying import CrossEncoderVerifier, LexicalVerifier


def test_all_names_everything() -> None:
    general = [name for name in METHODS if name != "instant"]  # that needs a screen
    assert [each.name for each in contenders(["all"], has_proxy=True)] == [*general, *BASELINES]
    few = contenders(["methods"], has_proxy=False)
    assert {each.name for each in few} == {
        name for name in general if not METHODS[name].needs_proxy
    }
    named = contenders(["tfidf", "exact", "baselines"], has_proxy=False)
    assert [each.name for each in named] == ["tfidf", "exact", *(set_without_tfidf())]
    assert len({each.description for each in contenders(["baselines"], has_proxy=False)}) == 8
    assert [each.name for each in contenders(["instant"], has_proxy=False)] == ["instant"]


def set_without_tfidf() -> list[str]:
    return [name for name in BASELINES if name != "tfidf"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["exct"],
            "no method is called 'exct'; there are exact, .*-64, embeddings:MODEL, .*methods",
        ),
        (["proxy"], "the method 'proxy' runs a proxy model, and there is none"),
        ([], "no method is left to evaluate"),
    ],
)
def test_names_there_are_not(names: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        contenders(names, has_proxy=False)


def test_text_scorers_by_name() -> None:
    (found,) = contenders(["embeddings:folder/of/one"], has_proxy=False)
    assert found.name == "embeddings:folder/of/one"
    assert "embeddings, one" in str(found.baseline and found.baseline.name)
    assert text_scorer("string") == StringFirst()
    assert text_scorer("words") == VerifierScores(LexicalVerifier())
    assert text_scorer("cross-encoder:x") == VerifierScores(CrossEncoderVerifier("x"))
    for name in ("embeddings", "embeddings:", "strings"):
        with pytest.raises(ConfigurationError, match=f"there is no text scorer '{name}'"):
            text_scorer(name)


def test_a_contender_is_one_thing() -> None:
    with pytest.raises(ConfigurationError, match="'x' must be either a method or a baseline"):
        Contender("x")
