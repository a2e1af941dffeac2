"""Real models, each loaded once; where one is missing, its tests are skipped with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from attribot_integrations import LanguageModel
from benchmarks.real_models import FOLDER


def real_file(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not there: run `make models`")
    return path


@pytest.fixture(scope="session")
def smollm2_file() -> Path:
    return real_file("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="session")
def gemma_file() -> Path:
    return real_file("gemma-3-270m-q4_k_m.gguf")


@pytest.fixture(scope="session")
def smollm2(smollm2_file: Path) -> LanguageModel:
    """SmolLM2-135M-Instruct: Llama's architecture, with a chat template."""
    return LanguageModel.from_pretrained(smollm2_file)


@pytest.fixture(scope="session")
def gemma(gemma_file: Path) -> LanguageModel:
    """Gemma 3 270M: a base model whose layers mostly see 512 tokens."""
    return LanguageModel.from_pretrained(gemma_file)
