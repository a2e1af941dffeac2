from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from attribot_integrations.scoring.state import ModelState
from tests.parity.architectures import ARCHITECTURES


class Adapter(nn.Module):
    """Has the names that PEFT's layers give to what can be switched."""

    def __init__(self) -> None:
        super().__init__()
        self._active_adapter = ["default"]
        self._disable_adapters = False
        self.merged_adapters: list[str] = []


def switch(model: Any) -> None:
    model.adapter._active_adapter = ["other"]


def disable(model: Any) -> None:
    model.adapter._disable_adapters = True


def merge(model: Any) -> None:
    model.adapter.merged_adapters.append("default")


@pytest.mark.parametrize("change", [switch, disable, merge])
def test_adapters_that_are_switched(change: Any) -> None:
    model: Any = ARCHITECTURES["llama"].build()
    model.adapter = Adapter().eval()
    before = ModelState.of(model)
    assert before.changes(ModelState.of(model)) == []
    change(model)
    assert before.changes(ModelState.of(model)) == ["adapters"]


def test_a_hook_that_is_removed_again() -> None:
    model = ARCHITECTURES["llama"].build()
    before = ModelState.of(model)
    handle = model.register_forward_pre_hook(lambda module, given: None)
    assert before.changes(ModelState.of(model)) == ["modules"]
    handle.remove()
    assert before == ModelState.of(model)


def test_weights_that_move_or_are_replaced() -> None:
    model: Any = ARCHITECTURES["llama"].build()
    before = ModelState.of(model)
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    assert before.changes(ModelState.of(model)) == ["weights"]


def test_weights_that_count_no_changes() -> None:
    with torch.inference_mode():
        model = ARCHITECTURES["llama"].build()
    assert ModelState.of(model) == ModelState.of(model)


def test_a_window_that_is_set_later() -> None:
    model = ARCHITECTURES["mistral"].build()
    before = ModelState.of(model)
    model.config.sliding_window = 4
    assert before.changes(ModelState.of(model)) == ["settings"]
