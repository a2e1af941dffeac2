"""Filters by name, and those that need no model."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.evaluation.filter_contenders import (
    FILTERS,
    RelevanceFilter,
    TfidfFilter,
    context_filters,
    known_filters,
)

CHUNKS = [Chunk("The sea is blue."), Chunk("Ada wrote the first program."), Chunk("Ada slept.")]


def test_similarity() -> None:
    question = "Which program did Ada write?"
    assert TfidfFilter(top_n=1)(question, CHUNKS).kept == (1,)
    assert TfidfFilter(top_n=2)(question, CHUNKS).kept == (1, 2)
    assert TfidfFilter(threshold=0.01)(question, CHUNKS).kept == (1, 2)
    assert TfidfFilter(threshold=0.0)(question, CHUNKS).kept == (0, 1, 2)
    assert TfidfFilter(threshold=0.01)("?", [Chunk("!")]).kept == ()


@pytest.mark.parametrize("options", [{}, {"threshold": 0.1, "top_n": 2}])
def test_one_limit_of_similarity(options: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="give either threshold or top_n, got"):
        TfidfFilter(**options)


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(MissingExtraError, match="the filter tfidf needs packages"):
        TfidfFilter(top_n=1)


def test_names(pair: AttributionEngine) -> None:
    assert known_filters(["draft", "all", "draft"])[0] == "draft"
    assert set(known_filters(["all"])) == set(FILTERS)
    with pytest.raises(ConfigurationError, match="no filter is called 'drft'; there are none, "):
        known_filters(["drft"])
    with pytest.raises(ConfigurationError, match="no filter is left to evaluate"):
        known_filters([])
    lone = AttributionEngine(pair.target)
    assert set(context_filters(["all"], lone)) == {*FILTERS} - {"draft-proxy"}
    with pytest.raises(ConfigurationError, match="'draft-proxy' runs a proxy model, and there is"):
        context_filters(["draft-proxy"], lone)


def test_which_model_drafts_and_which_judges(pair: AttributionEngine) -> None:
    models = {
        name: (each.drafter, each.model)
        for name, each in context_filters(["all"], pair).items()
        if isinstance(each, RelevanceFilter)
    }
    target, proxy = pair.target, pair.proxy
    assert models == {
        "words": (target, proxy),
        "draft": (target, proxy),
        "draft-target": (target, target),
        "draft-proxy": (proxy, proxy),
        "question": (target, proxy),
        "both": (target, proxy),
    }


@pytest.mark.parametrize("name", ["words", "draft"])
def test_filters_are_the_engines_own(pair: AttributionEngine, name: Any) -> None:
    chosen = context_filters([name], pair)[name]
    found = chosen("Which program did Ada write?", CHUNKS)
    scores = pair.score_chunks("Which program did Ada write?", CHUNKS, signal=name)
    assert found.kept == scores.keep()
    assert found.models == scores.cost.models
    everything = context_filters(["draft"], pair, threshold=0.0)["draft"]
    assert everything("Who?", CHUNKS).kept == (0, 1, 2)
