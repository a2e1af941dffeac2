from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations.scoring.capabilities import inspect_model
from attribot_integrations.scoring.positions import (
    context_length,
    has_dynamic_rope,
    length_switch,
)
from tests.parity.architectures import ARCHITECTURES

LONGROPE = {"rope_type": "longrope", "original_max_position_embeddings": 64}


def config(rope: Any, **others: Any) -> Any:
    return SimpleNamespace(rope_parameters=rope, max_position_embeddings=1000, **others)


@pytest.mark.parametrize(
    ("rope", "expected"),
    [
        (None, 1000),
        ({"rope_type": "default"}, 1000),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1000}, 4000),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 250}, 1000),
        ({"type": "linear", "factor": 2.0, "original_max_position_embeddings": 1000}, 2000),
        ({"rope_type": "linear", "factor": 8.0}, 1000),
        ({"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 500}, 1000),
        (
            {
                "full_attention": {
                    "rope_type": "yarn",
                    "factor": 3.0,
                    "original_max_position_embeddings": 1000,
                },
                "sliding_attention": {"rope_type": "default"},
            },
            3000,
        ),
    ],
)
def test_stretched_positions_are_covered(rope: Any, expected: int) -> None:
    assert context_length(config(rope)) == expected


def test_positions_without_end() -> None:
    assert context_length(SimpleNamespace(rope_parameters=None)) is None


def test_longrope_switches_at_the_original_length() -> None:
    assert length_switch(config(LONGROPE)) == 64
    assert length_switch(config({"rope_type": "longrope"}, original_max_position_embeddings=7)) == 7
    later = {**LONGROPE, "original_max_position_embeddings": 128}
    nested = {"full_attention": later, "sliding_attention": LONGROPE, "none": None}
    assert length_switch(config(nested)) == 64
    assert length_switch(config({"rope_type": "yarn", "factor": 2.0})) is None


def test_dynamic_positions_of_any_layer_type() -> None:
    dynamic = {"rope_type": "dynamic", "factor": 2.0}
    assert has_dynamic_rope(config(dynamic))
    assert has_dynamic_rope(config({"full_attention": dynamic, "sliding_attention": {}}))
    assert not has_dynamic_rope(config({"full_attention": LONGROPE}))


def test_a_model_with_nested_dynamic_positions_is_run_plainly() -> None:
    model = ARCHITECTURES["gemma3"].build(
        rope_parameters={
            "full_attention": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        }
    )
    capabilities = inspect_model(model)
    assert capabilities.path == "plain"
    assert capabilities.reason == "dynamic rotary embeddings depend on the length of the text"


def test_a_model_with_nested_longrope_reports_the_switch() -> None:
    factors = [1.0] * 8
    model = ARCHITECTURES["gemma3"].build(
        rope_parameters={
            "full_attention": {
                **LONGROPE,
                "rope_theta": 1e4,
                "short_factor": factors,
                "long_factor": factors,
            },
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        }
    )
    assert inspect_model(model).length_switch == 64


@pytest.mark.parametrize(("name", "expected"), [("mpt", 1024), ("gpt2", 1024)])
def test_limits_that_configs_call_otherwise(name: str, expected: int) -> None:
    assert context_length(ARCHITECTURES[name].build().config) == expected
