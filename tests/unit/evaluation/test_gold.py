"""Citations and rankings, compared with marked evidence."""

from __future__ import annotations

from dataclasses import replace

from attribot_integrations.evaluation.contenders import contenders
from attribot_integrations.evaluation.measuring import MeasureOptions, measure
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results.policies import CiteDependence
from tests.unit.evaluation.tiny import EXAMPLE, tiny_engine


def test_citations_against_gold() -> None:
    engine = tiny_engine()
    for least, cited in ((1e9, 0), (-1.0, 3)):
        policy = CiteDependence(1e-9 if cited else least, 9)
        engine.options = EngineOptions(policy=policy)
        chosen = contenders(["exact", "tfidf", "contextcite-32"], has_proxy=False)
        figures = measure(engine, EXAMPLE, chosen, MeasureOptions())["methods"]
        if not cited:
            assert figures["exact"]["sentence_precision"] is None
            assert figures["exact"]["sentence_recall"] == figures["exact"]["chunk_f1"] == 0.0
        else:
            assert figures["exact"]["sentence_recall"] in (0.0, 1.0)
        for baseline in ("tfidf", "contextcite-32"):  # they cite nothing on principle
            assert "sentence_f1" not in figures[baseline]
            assert 0 < figures[baseline]["gold_map"] <= 1


def test_no_gold_and_gold_that_names_nothing() -> None:
    engine = tiny_engine()
    chosen = contenders(["exact"], has_proxy=False)
    unknown = measure(engine, replace(EXAMPLE, gold=None), chosen, MeasureOptions())
    assert "gold_map" not in unknown["methods"]["exact"]
    absent = measure(engine, replace(EXAMPLE, gold=()), chosen, MeasureOptions())["methods"][
        "exact"
    ]
    assert absent["gold_map"] is None
    assert absent["silent_without_gold"] in (0.0, 1.0)
    assert "sentence_f1" not in absent
