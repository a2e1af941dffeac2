from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate.big_modeling import cpu_offload, disk_offload, dispatch_model
from accelerate.hooks import AlignDevicesHook, ModelHook, SequentialHook

from attribot_integrations import LanguageModel
from attribot_integrations.errors import OutOfMemoryError
from attribot_integrations.scoring.capabilities import inspect_model
from attribot_integrations.scoring.forward import ForwardPass, execution_device, within_memory
from attribot_integrations.scoring.paths import PATHS
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import byte_level_bpe

PROMPT, ANSWER = list(range(3, 40)), [50, 51]
ABLATED = [PROMPT[:5] + PROMPT[9:], PROMPT[:20] + PROMPT[30:]]


def scores(model: Any) -> torch.Tensor:
    language_model = LanguageModel.from_model(model, byte_level_bpe())
    assert language_model.capabilities.path == "packed"
    path = PATHS["packed"](
        model, language_model.capabilities, PROMPT, ANSWER, 1 << 10, language_model.forward
    )
    return path.score(ABLATED).log_probs


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_takes_a_list_of_logits_to_keep(name: str) -> None:
    model: Any = ARCHITECTURES[name].build()
    capabilities = inspect_model(model)
    if not capabilities.takes_logits_to_keep:
        pytest.skip("computes all logits")
    tokens, rows = torch.tensor([PROMPT]), torch.tensor([3, 7, 8])
    given: dict[str, Any] = {"position_ids": torch.arange(len(PROMPT))[None], "use_cache": False}
    expected = ForwardPass(model, capabilities)(tokens, rows, **given)
    model.hf_device_map = {"layers": 0, "head": 1}
    got = ForwardPass(model, capabilities)(tokens, rows, **given)
    torch.testing.assert_close(got, expected)


def test_on_several_devices_places_are_given_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor would be on the first layer's device, and the last layer's may be another."""
    model: Any = ARCHITECTURES["llama"].build()
    model.hf_device_map = {"layers": 0, "head": 1}
    seen: list[Any] = []
    forward = model.forward

    def noting(**inputs: Any) -> Any:
        seen.append(inputs["logits_to_keep"])
        return forward(**inputs)

    monkeypatch.setattr(model, "forward", noting)
    ForwardPass(model, inspect_model(ARCHITECTURES["llama"].build()))(
        torch.tensor([PROMPT]), torch.tensor([2, 4]), position_ids=torch.arange(len(PROMPT))[None]
    )
    assert seen == [[2, 4]]


@pytest.mark.parametrize("offload", ["cpu", "disk", "dispatch"])
def test_offloaded_weights(offload: str, tmp_path: Any) -> None:
    expected = scores(ARCHITECTURES["llama"].build())
    model: Any = ARCHITECTURES["llama"].build()
    cpu = torch.device("cpu")
    if offload == "cpu":
        cpu_offload(model, execution_device=cpu)
    elif offload == "disk":
        disk_offload(model, str(tmp_path), execution_device=cpu)
    else:
        dispatch_model(
            model,
            {"model": "disk", "lm_head": "disk"},
            main_device=cpu,
            offload_dir=str(tmp_path),
            force_hooks=True,
        )
    assert model.device.type == "meta"
    assert execution_device(model) == cpu
    torch.testing.assert_close(scores(model), expected)


def test_the_execution_device_of_several_hooks() -> None:
    hooks: Any = SequentialHook
    aligned = hooks(ModelHook(), AlignDevicesHook(execution_device="cpu"))
    embeddings = SimpleNamespace(_hf_hook=aligned)
    model: Any = SimpleNamespace(get_input_embeddings=lambda: embeddings)
    assert execution_device(model) == torch.device("cpu")
    embeddings = SimpleNamespace(weight=torch.empty(1, device="meta"))
    assert execution_device(model) == torch.device("meta")


def test_an_error_for_lack_of_memory_holds_on_to_nothing() -> None:
    def run() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")

    with pytest.raises(OutOfMemoryError, match=r"^this does not fit in memory; .* Tried") as raised:
        within_memory(run, lambda: "this")
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None


def test_other_errors_pass() -> None:
    def run() -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match=r"^shapes do not match$"):
        within_memory(run, lambda: "this")


def test_the_remembered_budget_only_falls_and_not_to_nothing() -> None:
    forward = ForwardPass(
        ARCHITECTURES["llama"].build(), inspect_model(ARCHITECTURES["llama"].build())
    )
    assert forward.token_cap is None
    for shortage, cap in ((4000, 4000), (9000, 4000), (2000, 2000), (3, 256)):
        forward.remember_shortage(shortage)
        assert forward.token_cap == cap
