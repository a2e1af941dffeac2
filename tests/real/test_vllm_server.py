"""A real vLLM on loopback, started and stopped here.

It needs an environment of its own, whose `vllm` program the variable ATTRIBOT_VLLM names; see the
page on servers.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from attribot_integrations import Attribution, AttributionEngine, EngineOptions, LanguageModel
from attribot_integrations.demo.library import library_chunks

pytestmark = [pytest.mark.real, pytest.mark.enable_socket]

STARTS_WITHIN = 420.0
"""Seconds."""
ASKED = {
    "Voyager": ("Where did Voyager 2 go after Saturn?", "Voyager 2 went on to Uranus in 1986."),
    "Suez": ("Why was the Suez Canal closed?", "It was closed for eight years after a war."),
}


@pytest.fixture(scope="module")
def folder(smollm2_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of the GGUF file in float32, as safetensors."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    made = tmp_path_factory.mktemp("smollm2")
    place: Any = smollm2_file.parent
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=smollm2_file.name)
    tokenizer.save_pretrained(made)
    plain = GgufConfig(dequantize=True)
    model: Any = AutoModelForCausalLM.from_pretrained(
        place, gguf_file=smollm2_file.name, quantization_config=plain, dtype="float32"
    )
    model.save_pretrained(made)
    return made


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = os.environ.get("ATTRIBOT_VLLM")
    if not program:
        pytest.skip("ATTRIBOT_VLLM does not name a vllm program")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("vllm") / "log.txt"
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    options = ["--dtype", "float32", "--max-model-len", "2048", "--enforce-eager"]
    command = [program, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--served-model-name", "smollm2"],
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(process, address, log)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < end:
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            try:
                if client.get(f"{address}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(1)
    pytest.fail(f"vLLM did not start: {log.read_text(errors='replace')[-2000:]}")


def _above(result: Attribution) -> list[int]:
    """Sources by score, those above the least score of a citation."""
    scores = result.scores.sum(axis=1)
    return [int(row) for row in np.argsort(-scores) if scores[row] >= 0.2]


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy is set, it is not asked for this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("api", ["vllm", "echo"])
def test_scores_are_those_of_the_model_here(folder: Path, url: str, api: Any) -> None:
    options = EngineOptions(method="exact")
    here = AttributionEngine(LanguageModel.from_pretrained(folder), options=options)
    there = AttributionEngine.from_server(url, api=api, tokenizer=folder, options=options)
    for title, (question, answer) in ASKED.items():
        chunks = [each for each in library_chunks() if title in str(each.metadata["title"])][:2]
        expected = here.attribute(question, chunks, answer)
        found = there.attribute(question, chunks, answer)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
        assert _above(found) == _above(expected) != []
        assert [each.source_id for each in found.citations] == [
            each.source_id for each in expected.citations
        ]


def test_the_interface_is_found_by_itself(folder: Path, url: str) -> None:
    model = AttributionEngine.from_server(url, tokenizer=folder).target
    assert (model.name, model.way) == ("smollm2", "vllm")
