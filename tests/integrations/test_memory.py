"""Where memory really ends, work goes on in smaller passes, with the same scores."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.methods import MethodName
from attribot_integrations.results import FloatArray
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import byte_level_bpe

CHUNKS = [
    f"Number {i} is red and old. The town lies by the river, {i} miles away." for i in range(40)
]
BUDGET = 1 << 16
"""More tokens than all ablations have, so that memory alone decides how many go together."""

_CHILD = """
import json, re, resource, sys
import torch
from attribot_integrations.scoring import packed
from tests.integrations.test_memory import build, scores_of

torch.set_num_threads(1)
engine = build()
scores_of(engine, 2, 512)  # what is set up once takes memory, too
used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
limit = used + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(json.dumps([scores_of(engine).tolist(), engine.target.forward.token_cap]))
"""


def build(device: str = "cpu") -> AttributionEngine:
    model = ARCHITECTURES["llama"].build(max_position_embeddings=4096)
    return AttributionEngine.from_model(moved(model, device), byte_level_bpe())


def moved(model: Any, device: str) -> PreTrainedModel:
    placed: PreTrainedModel = model.to(device)
    return placed


def scores_of(engine: AttributionEngine, chunks: int = 40, budget: int = BUDGET) -> FloatArray:
    options = EngineOptions(method="exact", token_budget=budget, alternatives=None)
    result = engine.attribute("What is red?", CHUNKS[:chunks], "Number 7 is red.", options=options)
    return result.scores


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_a_limit_on_the_address_space_leads_to_smaller_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(40 << 20)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    scores, cap = json.loads(done.stdout.splitlines()[-1])
    expected = scores_of(build(), budget=512)
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    assert cap is not None
    assert cap < BUDGET / 2


@pytest.mark.gpu
def test_a_limit_on_the_device_leads_to_smaller_passes() -> None:
    engine = build("cuda")
    expected = scores_of(engine, budget=512)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (96 << 20)) / total)
    try:
        found = scores_of(engine)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert in_process(engine.target).forward.token_cap is not None


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3", "gemma3", "phi3", "gpt2", "bloom"])
@pytest.mark.parametrize("method", ["exact", "balanced", "knockout"])
def test_devices_agree(name: str, method: MethodName) -> None:
    def scores(device: str) -> tuple[FloatArray, Sequence[str]]:
        model = moved(ARCHITECTURES[name].build(), device)
        engine = AttributionEngine.from_model(model, byte_level_bpe())
        options = EngineOptions(method="exact" if name == "bloom" else method, alternatives=None)
        result = engine.attribute("What is red?", CHUNKS[:6], "Number 3 is red.", options=options)
        return result.scores, result.estimands

    (found, on_gpu), (expected, on_cpu) = scores("cuda"), scores("cpu")
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert on_gpu == on_cpu
