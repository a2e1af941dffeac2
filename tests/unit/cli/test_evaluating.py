"""What the commands that evaluate share."""

from __future__ import annotations

import pytest

from attribot_integrations.cli.evaluating import EvaluatedModels, evaluated_models
from attribot_integrations.engine.bundled import bundled_model_path


@pytest.mark.parametrize(
    ("model", "proxy", "options", "expected"),
    [
        ("m", "p", None, EvaluatedModels("m", "p", "m", "p")),
        ("m", None, ["a=1", "b=2"], EvaluatedModels("m", None, "m a=1 b=2", None)),
        (None, "p", None, EvaluatedModels(None, "p", "the bundled target", "p")),
    ],
)
def test_models_that_are_named(
    model: str | None, proxy: str | None, options: list[str] | None, expected: EvaluatedModels
) -> None:
    assert evaluated_models(model, proxy, options) == expected


def test_the_bundled_pair_goes_together() -> None:
    models = evaluated_models(None, None, None)
    assert models.target is None
    assert models.proxy == str(bundled_model_path("proxy"))
    assert (models.target_name, models.proxy_name) == ("the bundled target", "the bundled proxy")
