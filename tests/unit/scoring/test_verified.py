"""What exactness rests on may change after a model is loaded."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from attribot_integrations import LanguageModel
from attribot_integrations.errors import ModelError, PromptTooLongError, UnsupportedModelError
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.scoring.verification import verify_at
from tests.parity.architectures import ARCHITECTURES
from tests.unit.scoring.harbour import ANSWER, ONE_BY_ONE, prompt
from tests.unit.tokenizers_for_tests import byte_level_bpe

Change = Callable[[Any], object]


def loaded(name: str = "llama", **options: Any) -> LanguageModel:
    return LanguageModel.from_model(ARCHITECTURES[name].build(**options), byte_level_bpe())


def with_dropout() -> LanguageModel:
    return loaded("gpt2", attn_pdrop=0.5, resid_pdrop=0.5, embd_pdrop=0.5)


def exact(model: LanguageModel, **options: Any) -> Any:
    return Scorer(model, prompt(), ANSWER, **options).score(ONE_BY_ONE).drops


def hook(model: Any) -> object:
    return model.model.layers[1].register_forward_hook(lambda module, given, output: output * 1.5)


def compile_layers(model: Any) -> None:
    for layer in model.model.layers:
        layer.compile(backend="eager")


def compile_inside(model: Any) -> None:
    model.model = torch.compile(model.model, backend="eager")


def retrain(model: PreTrainedModel) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(0.9)


def swap_a_layer(model: Any) -> None:
    model.model.layers[2] = ARCHITECTURES["llama"].build(initializer_range=0.3).model.layers[2]


CHANGES: dict[str, tuple[Change, str]] = {
    "hook": (hook, "modules"),
    "layers compiled": (compile_layers, "modules"),
    "compiled inside": (compile_inside, "modules"),
    "weights written to": (retrain, "weights"),
    "layer replaced": (swap_a_layer, "modules, weights"),
    "attention switched": (lambda model: model.set_attn_implementation("eager"), "settings"),
    "precision": (lambda model: model.double(), "weights"),
}
NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if name == "compiled inside" else [])
    for name in CHANGES
]
"""Compiling takes fifteen seconds, and more on a machine that does other work."""


@pytest.mark.parametrize("part", ["all", "one layer"])
def test_a_model_put_into_training_mode_is_refused_until_it_is_back(part: str) -> None:
    model = with_dropout()
    network: Any = model.model
    before = exact(model)
    (network if part == "all" else network.transformer.h[1]).train()
    with pytest.raises(ModelError, match=r"is in training mode.*call \.eval\(\)"):
        exact(model)
    network.eval()
    np.testing.assert_array_equal(exact(model), before)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_was_changed_is_checked_anew_and_stays_exact(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = loaded()
    exact(model)
    change, named = CHANGES[name]
    change(model.model)
    with caplog.at_level(logging.INFO):
        got = exact(model)
    assert f"LlamaForCausalLM was changed ({named}" in caplog.text
    assert model.capabilities.path == "packed"
    np.testing.assert_allclose(
        got.sum(axis=1), exact(model, path="plain").sum(axis=1), rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_changes_between_two_passes_gives_no_scores(name: str) -> None:
    model = loaded()
    scorer = Scorer(model, prompt(), ANSWER)
    scorer.score(ONE_BY_ONE[:1])
    change, named = CHANGES[name]
    change(model.model)
    message = rf"was changed while it was in use \({named}.*ask again"
    with pytest.raises(ModelError, match=message):
        scorer.score(ONE_BY_ONE)
    again = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)  # has the model checked anew
    assert np.isfinite(again.drops).all()
    with pytest.raises(ModelError, match=message):
        scorer.score(ONE_BY_ONE)


def test_training_mode_between_two_passes() -> None:
    model = with_dropout()
    scorer = Scorer(model, prompt(), ANSWER)
    scorer.score(ONE_BY_ONE[:1])
    model.model.train()
    with pytest.raises(ModelError, match=r"was changed while it was in use \(training mode\)"):
        scorer.score(ONE_BY_ONE)


def test_what_others_do_with_a_model_is_no_change(caplog: pytest.LogCaptureFixture) -> None:
    model = loaded()
    network: Any = model.model
    scorer = Scorer(model, prompt(), ANSWER)
    scorer.score(ONE_BY_ONE[:1])
    tokens = torch.tensor([[5, 6, 7]])
    network.generate(tokens, max_new_tokens=4, do_sample=False)
    network(tokens, output_hidden_states=True)  # has transformers add hooks that listen
    network(tokens).logits.sum().backward()
    with caplog.at_level(logging.INFO):
        scorer.score(ONE_BY_ONE)
        exact(model)
    assert "was changed" not in caplog.text


def test_scores_are_of_the_models_own_precision_wherever_they_are_asked_for() -> None:
    model = loaded()
    expected = exact(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(exact(model), expected)


def test_a_model_broken_after_loading_is_refused() -> None:
    model = loaded()
    with torch.no_grad():
        model.model.get_output_embeddings().weight.fill_(float("nan"))
    with pytest.raises(UnsupportedModelError, match="not finite"):
        exact(model)


def noted(monkeypatch: pytest.MonkeyPatch, answer: bool | None = None) -> list[int]:
    """Lengths at which attention is looked at after loading."""
    lengths: list[int] = []

    def looking(forward: Any, length: int) -> bool:
        lengths.append(length)
        return verify_at(forward, length) if answer is None else answer

    monkeypatch.setattr("attribot_integrations.scoring.verified.verify_at", looking)
    return lengths


def test_longer_prompts_than_were_verified_are_verified_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("attribot_integrations.scoring.probes._FAR", 32)
    model = loaded("mistral", sliding_window=None)
    assert model.capabilities.verified_length == 32
    lengths = noted(monkeypatch)
    length = len(Scorer(model, prompt(), ANSWER).prompt.ids)
    exact(model)
    assert length > 32
    assert lengths == [model.capabilities.verified_length]
    assert lengths[0] >= length


def test_a_prompt_beyond_the_context_is_refused_before_its_length_is_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("attribot_integrations.scoring.probes._FAR", 32)
    model = loaded(max_position_embeddings=40)
    lengths = noted(monkeypatch)
    with pytest.raises(PromptTooLongError, match="more than the 40 of"):
        Scorer(model, prompt(), ANSWER)
    assert lengths == []


def test_beyond_what_can_be_verified_the_models_own_mask_is_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("attribot_integrations.scoring.probes._FAR", 32)
    model = loaded()
    expected = exact(model, path="plain")
    model = loaded()
    lengths = noted(monkeypatch, answer=False)
    scorer = Scorer(model, prompt(), ANSWER)
    assert scorer.knockout_obstacle is not None
    assert "packs could not be verified at" in scorer.knockout_obstacle
    got = scorer.score(ONE_BY_ONE).drops
    np.testing.assert_allclose(got.sum(1), expected.sum(1), rtol=0, atol=1e-4)
    assert "longer prompts than 32 take a slower path" in caplog.text
    assert len(lengths) == 2
    exact(model)
    assert len(lengths) == 2, "what failed is not tried again for each request"
    assert model.capabilities.path == "packed", "shorter prompts are"


def test_what_goes_wrong_on_a_text_only_is_run_plainly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as attention that is another from some length on, with and without a cache."""
    model = loaded()
    network = model.model
    expected = exact(model, path="plain")
    forward = network.forward

    def leaning(**inputs: Any) -> Any:
        output = forward(**inputs)
        cache = inputs.get("past_key_values")
        if cache is not None and cache.get_seq_length() > inputs["input_ids"].numel() > 1:
            output.logits[..., 0] += 3
        return output

    monkeypatch.setattr(type(network), "forward", staticmethod(leaning))
    got = exact(model)
    np.testing.assert_allclose(got.sum(1), expected.sum(1), rtol=0, atol=1e-4)
    assert "is run plainly from now on, scores stay exact: on a text of 51 tokens" in caplog.text
    assert model.capabilities.path == "plain"


def test_knockout_that_goes_wrong_on_a_text_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded()
    scorer = Scorer(model, prompt(), ANSWER)
    forward = model.model.forward

    def leaning(**inputs: Any) -> Any:
        output = forward(**inputs)
        if "attention_mask" in inputs:
            output.logits[..., 0] += 3
        return output

    monkeypatch.setattr(type(model.model), "forward", staticmethod(leaning))
    with pytest.raises(ModelError, match=r"cannot be knocked out here: .* use exact leave-one-out"):
        scorer.knock_out(ONE_BY_ONE)
    assert not Scorer(model, prompt(), ANSWER).can_knock_out
