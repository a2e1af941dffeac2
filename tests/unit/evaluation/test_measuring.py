"""What is measured of each contender on one example."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.contenders import contenders
from attribot_integrations.evaluation.examples import demo_set
from attribot_integrations.evaluation.measuring import MeasureOptions, measure
from attribot_integrations.requests.options import EngineOptions
from tests.unit.evaluation.tiny import EXAMPLE, tiny_engine

DATA = demo_set(4, chunks=(3, 4))


def test_row_of_an_example(pair: AttributionEngine) -> None:
    row = measure(
        pair, DATA.examples[0], contenders(["exact", "proxy"], has_proxy=True), MeasureOptions()
    )
    exact, proxy = row["methods"]["exact"], row["methods"]["proxy"]
    assert exact["top1"] == exact["map_top1"] == exact["exact_share"] == 1.0
    assert exact["pearson"] == pytest.approx(1.0)
    assert exact["error_vs_naive"] < 1e-4
    assert proxy["exact_share"] == 0.0
    assert proxy["error_vs_naive"] is None
    assert exact["tokens_vs_naive"] == exact["cost_vs_naive"] < 1
    ratio = pair.proxy.parameters / pair.target.parameters if pair.proxy else 0
    assert proxy["cost_vs_naive"] == pytest.approx(proxy["tokens_vs_naive"] * ratio)
    assert row["naive"]["passes"] == row["sources"] + 1
    json.dumps(row, allow_nan=False)


def test_drops_and_datamodelling_by_hand() -> None:
    engine = tiny_engine()
    options = MeasureOptions(drop_counts=(1, 2, 9), ablations=5)
    row = measure(engine, EXAMPLE, contenders(["exact"], has_proxy=False), options, index=3)
    result = engine.attribute(
        EXAMPLE.question, EXAMPLE.chunks, EXAMPLE.answer, options=EngineOptions(method="exact")
    )
    found = row["methods"]["exact"]
    assert found["drop_1"] == pytest.approx(result.source_scores.max(), abs=1e-4)
    # There are three sources, so the best nine are all of them.
    whole = result.log_likelihood - result.log_likelihood_without_context
    assert found["drop_9"] == pytest.approx(whole, abs=1e-4)
    assert found["lds"] is None or -1 <= found["lds"] <= 1


def test_all_contenders_share_the_random_ablations(pair: AttributionEngine) -> None:
    """Alone or beside others, a method gets the same figures."""
    alone = measure(pair, DATA.examples[1], contenders(["proxy"], has_proxy=True), MeasureOptions())
    beside = measure(
        pair,
        DATA.examples[1],
        contenders(["tfidf", "exact", "proxy"], has_proxy=True),
        MeasureOptions(),
    )
    for name, value in alone["methods"]["proxy"].items():
        if value is not None and not name.startswith("seconds"):
            # Where ablations change nothing but noise, the passes they run in change their ranks.
            atol = 0.02 if name == "lds" else 1e-4
            np.testing.assert_allclose(beside["methods"]["proxy"][name], value, atol=atol)


@pytest.mark.parametrize("options", [{"drop_counts": (0,)}, {"ablations": 1}], ids=str)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must"):
        MeasureOptions(**options)


def test_examples_with_nothing_to_find_count_apart(pair: AttributionEngine) -> None:
    chosen = contenders(["tfidf"], has_proxy=True)
    high = MeasureOptions(min_score=1e6)
    figures = measure(pair, DATA.examples[1], chosen, high)["methods"]["tfidf"]
    assert figures["map"] is None
    assert figures["top1"] is None
    assert figures["map_all"] is not None
    assert figures["top1_all"] is not None
