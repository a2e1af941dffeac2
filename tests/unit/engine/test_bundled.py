from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from attribot_integrations.demo import demo_examples
from attribot_integrations.demo.corpus import CHOICE_SEEDS
from attribot_integrations.engine.bundled import BUNDLED_MODELS, BundledModel, bundled_model_path
from training.asking import answered_right, each_question
from training.trainer import load_model

LIMIT = 10_000_000  # bytes, both models together


@pytest.mark.parametrize("name", BUNDLED_MODELS)
def test_models_are_plain_float16_checkpoints(name: BundledModel) -> None:
    folder = bundled_model_path(name)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert not list(folder.glob("*.bin"))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert isinstance(model, LlamaForCausalLM)
    assert model.dtype == torch.float32
    assert all(bool(torch.isfinite(weight).all()) for weight in model.parameters())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert model.generation_config.pad_token_id == tokenizer.convert_tokens_to_ids("<|pad|>")


def test_models_are_small_and_can_be_read_by_all() -> None:
    files = [path for name in BUNDLED_MODELS for path in bundled_model_path(name).iterdir()]
    assert sum(path.stat().st_size for path in files) <= LIMIT
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in files)


def test_proxy_is_smaller_than_the_target_and_shares_its_tokenizer() -> None:
    target, proxy = (bundled_model_path(name) for name in BUNDLED_MODELS)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (target, proxy)]
    assert sizes[1] < sizes[0] / 2
    texts = [(folder / "tokenizer.json").read_text() for folder in (target, proxy)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("name", "least"), [("target", 0.8), ("proxy", 0.5)])
def test_models_answer_from_the_context_only(name: BundledModel, least: float) -> None:
    folder = bundled_model_path(name)
    model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
    examples = demo_examples(24, CHOICE_SEEDS.start, chunks=(4, 6), kinds=("single",))
    right = answered_right(model, tokenizer, each_question(examples))
    assert sum(right) >= least * len(right)
    assert not any(answered_right(model, tokenizer, each_question(examples, context=False)))


def test_unknown_models_are_refused() -> None:
    with pytest.raises(ValueError, match="target, proxy"):
        bundled_model_path("large")  # type: ignore[arg-type]


def test_importing_the_package_imports_no_model_library() -> None:
    program = (
        "import sys, attribot_integrations.demo\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.decode().strip() == "[]"
