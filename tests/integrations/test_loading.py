"""Loading real checkpoints from folders, through accelerate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, LlamaConfig, LlamaModel

from attribot_integrations import (
    AttributionEngine,
    EngineOptions,
    Hierarchical,
    LanguageModel,
    LeaveOneOut,
    ScreenAndRescore,
)
from attribot_integrations.errors import ModelError, UnsupportedModelError
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import TOKENIZERS, byte_level_bpe

EXACT = EngineOptions(method="exact")
CHUNKS = ["The harbour opened in 1962. It is old.", "A river runs."]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    ARCHITECTURES["qwen2"].build().half().save_pretrained(tmp_path)
    byte_level_bpe().save_pretrained(tmp_path)
    return tmp_path


def test_half_precision_checkpoints_run_in_float32_on_a_cpu(checkpoint: Path) -> None:
    model = LanguageModel.from_pretrained(checkpoint, device_map="cpu")
    assert model.model.dtype == torch.float32
    assert model.name == str(checkpoint)
    asked = LanguageModel.from_pretrained(checkpoint, device_map="cpu", dtype=torch.bfloat16)
    assert asked.model.dtype == torch.bfloat16


def test_engine_with_a_proxy_of_another_architecture(checkpoint: Path, tmp_path: Path) -> None:
    proxy = tmp_path / "proxy"
    ARCHITECTURES["gpt2"].build().save_pretrained(proxy)
    byte_level_bpe().save_pretrained(proxy)
    engine = AttributionEngine.from_pretrained(checkpoint, proxy)
    screen = Hierarchical(on="proxy", within="full")  # of a price that is not known, so it is run
    options = EngineOptions(method=ScreenAndRescore(screen, at_least=3))
    result = engine.attribute("When?", CHUNKS, "It opened in 1962.", options=options)
    assert [cost.model for cost in result.cost.models] == [checkpoint.name, proxy.name]
    assert all(cost.tokens > 0 for cost in result.cost.models)
    alone = AttributionEngine.from_pretrained(checkpoint)
    exact = alone.attribute("When?", CHUNKS, "It opened in 1962.", options=EXACT)
    np.testing.assert_allclose(result.scores, exact.scores, atol=1e-4)


def test_engine_with_a_proxy_of_another_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    proxy = tmp_path / "proxy"
    ARCHITECTURES["gpt2"].build().save_pretrained(proxy)
    TOKENIZERS["unigram"]().save_pretrained(proxy)
    question, answer = "When did it open?", "It opened in 1962. It is old."
    engine = AttributionEngine.from_pretrained(checkpoint, proxy)
    assert engine.proxy is not None
    own, other = in_process(engine.target).encoder, in_process(engine.proxy).encoder
    assert own.encode_text(answer).offsets != other.encode_text(answer).offsets
    options = EngineOptions(method=LeaveOneOut(on="proxy"))
    result = engine.attribute(question, CHUNKS, answer, options=options)
    # Each model reads its own tokens; the scores are spread over the target's.
    assert result.token_spans == own.encode_text(answer).offsets
    alone = AttributionEngine.from_pretrained(proxy)
    expected = alone.attribute(question, CHUNKS, answer, options=EXACT)
    np.testing.assert_allclose(result.source_scores, expected.source_scores, atol=1e-3)
    np.testing.assert_allclose(result.statement_scores, expected.statement_scores, atol=1e-3)
    # The usual method screens on the proxy, and what it rescores is the target's.
    both = engine.attribute(question, CHUNKS, answer)
    target = AttributionEngine.from_pretrained(checkpoint)
    exact = target.attribute(question, CHUNKS, answer, options=EXACT)
    assert both.exact.any()
    np.testing.assert_allclose(both.scores[both.exact], exact.scores[both.exact], atol=1e-4)


@pytest.mark.parametrize("name", ["gemma3-vision", "qwen2.5-vision"])
def test_multimodal_checkpoints_score_text(name: str, tmp_path: Path) -> None:
    model = ARCHITECTURES[name].build()
    model.save_pretrained(tmp_path)
    byte_level_bpe().save_pretrained(tmp_path)
    loaded = AttributionEngine.from_pretrained(tmp_path, options=EXACT)
    assert type(in_process(loaded.target).model) is type(model)
    given = AttributionEngine.from_model(model, byte_level_bpe(), options=EXACT)
    result, expected = (each.attribute("When?", CHUNKS, "In 1962.") for each in (loaded, given))
    np.testing.assert_allclose(result.scores, expected.scores, atol=1e-4)


def test_offloading_to_disk_gives_the_same_scores(checkpoint: Path, tmp_path: Path) -> None:
    whole = AttributionEngine.from_pretrained(checkpoint, options=EXACT)
    expected = whole.attribute("When?", CHUNKS, "In 1962.")
    engine = AttributionEngine.from_pretrained(
        checkpoint,
        device_map={
            "model.embed_tokens": "cpu",
            "model.norm": "cpu",
            "model.rotary_emb": "cpu",
            "lm_head": "cpu",
            "model.layers": "disk",
        },
        model_options={"offload_folder": str(tmp_path / "offload")},
    )
    result = engine.attribute("When?", CHUNKS, "In 1962.", options=EXACT)
    np.testing.assert_allclose(result.scores, expected.scores, atol=1e-4)


def test_encoder_decoder_checkpoints_are_refused(tmp_path: Path) -> None:
    config = BartConfig(
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        vocab_size=640,
    )
    BartForConditionalGeneration(config).save_pretrained(tmp_path)
    byte_level_bpe().save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModelError, match=r"is an encoder-decoder \(bart\)"):
        LanguageModel.from_pretrained(tmp_path)


def test_checkpoints_without_a_head_are_refused(tmp_path: Path) -> None:
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=640,
        tie_word_embeddings=False,
    )
    LlamaModel(config).save_pretrained(tmp_path)
    byte_level_bpe().save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModelError, match=r"holds no weights for 'lm_head.weight'"):
        LanguageModel.from_pretrained(tmp_path)


def test_pickled_weights_are_refused_unless_asked_for(tmp_path: Path) -> None:
    model = ARCHITECTURES["llama"].build()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    byte_level_bpe().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"cannot load .*safetensors"):
        LanguageModel.from_pretrained(tmp_path)
    loaded = LanguageModel.from_pretrained(tmp_path, use_safetensors=False)
    assert loaded.capabilities.path == "packed"


def test_code_of_a_checkpoint_is_not_run(checkpoint: Path) -> None:
    config = checkpoint / "config.json"
    text = config.read_text(encoding="utf-8")
    auto = '"auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"},'
    text = text.replace('"model_type": "qwen2"', '"model_type": "no_such_type"')
    config.write_text(text.replace("{", "{" + auto, 1), encoding="utf-8")
    (checkpoint / "evil.py").write_text("raise SystemExit('run')\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"(?s)cannot load .*trust_remote_code"):
        LanguageModel.from_pretrained(checkpoint)


def test_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot load .*nowhere"):
        LanguageModel.from_pretrained(tmp_path / "nowhere")
