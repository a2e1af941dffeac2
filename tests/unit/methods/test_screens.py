"""Files of attention screens, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.methods.screens import AttentionScreen, bundled_screens
from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.scoring.protocols import AttentionReading
from tests.unit.methods.reading import SCREEN, SIGNATURE, signature

WEIGHTS = np.array([0.5, 2.0], np.float32)
METADATA = {
    "format": "attribot attention screen 1",
    "model": "tiny",
    "revision": "",
    "architecture": "Tiny",
    "layers": "1",
    "vocabulary": "9",
    "figures": "{}",
}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    screen = AttentionScreen(WEIGHTS, SIGNATURE, "tiny", "abc", {"held_back_map": 0.5, "data": []})
    screen.save(path)
    loaded = AttentionScreen.load(str(path))
    np.testing.assert_array_equal(loaded.weights, WEIGHTS)
    assert loaded.signature.difference(SIGNATURE) is None
    assert (loaded.model, loaded.revision) == ("tiny", "abc")
    assert loaded.figures == screen.figures
    assert loaded.digest == screen.digest == SCREEN.digest
    assert loaded.digest in repr(loaded)
    assert AttentionScreen(WEIGHTS * 2, SIGNATURE, "tiny").digest != screen.digest


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([], np.float32), "one number for each head"),
        (np.array([[1.0]], np.float32), "one number for each head"),
        (np.array([1.0, np.nan], np.float32), "numbers that are not negative"),
        (np.array([1.0, -1.0], np.float32), "numbers that are not negative"),
        ([1.0, 1.0], "one number for each head"),
    ],
)
def test_weights_that_cannot_be(weights: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AttentionScreen(weights, SIGNATURE, "tiny")
    with pytest.raises(ConfigurationError, match="2 weights cannot be those of 3 layers"):
        AttentionScreen(WEIGHTS, signature(layers=3), "tiny")


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({}, None, "its format is None"),
        ({}, METADATA | {"format": "another"}, "its format is 'another'"),
        ({}, {key: value for key, value in METADATA.items() if key != "layers"}, "layers"),
        ({}, METADATA | {"layers": "many"}, "invalid literal"),
        ({}, METADATA | {"figures": "[]"}, "its figures are no object"),
        ({}, METADATA | {"figures": "{"}, "is no attention screen"),
        ({"weights": WEIGHTS.astype(np.float64)}, METADATA, "float64 numbers in 1 dim"),
        ({"weights": WEIGHTS[None]}, METADATA, "float32 numbers in 2 dim"),
        ({"weights": -WEIGHTS}, METADATA, "not negative"),
        ({"probe": np.full((2, 3), np.inf, np.float32)}, METADATA, "not finite"),
    ],
)
def test_a_file_is_checked(
    tmp_path: Path, tensors: dict[str, Any], metadata: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "one.safetensors"
    whole = {"weights": WEIGHTS, "probe": SIGNATURE.probe, **tensors}
    path.write_bytes(save(whole, metadata))
    with pytest.raises(DataFileError, match=message):
        AttentionScreen.load(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 64, b"{}"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"one.safetensors is no attention screen"):
        AttentionScreen.load(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    with path.open("wb") as file:
        file.truncate(100 << 20)  # takes no room
    with pytest.raises(DataFileError, match="it has 104,857,600 bytes"):
        AttentionScreen.load(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"architecture": "Other"}, "this model has architecture Other, not Tiny"),
        ({"layers": 2}, "layers 2, not 1"),
        ({"vocabulary": 8}, "vocabulary 8, not 9"),
        ({"probe": np.ones((2, 4), np.float32)}, "embeddings of another width"),
        ({"probe": -SIGNATURE.probe}, r"other embeddings \(cosine -1.00\)"),
        ({"probe": np.zeros((2, 3), np.float32)}, r"other embeddings \(cosine 0.00\)"),
    ],
)
def test_another_model_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SCREEN.check(signature(**changed))


def test_a_rounded_copy_of_the_model_is_not() -> None:
    SCREEN.check(signature(probe=SIGNATURE.probe + np.float32(0.1)))


def test_attention_of_another_number_of_heads_is_refused() -> None:
    reading = AttentionReading(np.zeros((3, 1, 1), np.float32), SIGNATURE)
    with pytest.raises(ConfigurationError, match="with 2 heads, and this model has 3"):
        SCREEN.scores(reading)


def test_the_bundled_target_has_one() -> None:
    (screen,) = bundled_screens()
    model = LanguageModel.from_pretrained(bundled_model_path())
    screen.check(model.signature)
    assert screen.model == "the bundled target"
    assert screen.figures["held_back_map"] > 0.5
