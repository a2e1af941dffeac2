"""Ids that the scoring model itself has written are scored as they are."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.tokens.encoding import TextEncoder
from attribot_integrations.tokens.generated import encode_generated

TEXT = "Ada élan 🙂."


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(AutoTokenizer.from_pretrained(bundled_model_path()))


def letters(encoder: TextEncoder, text: str) -> tuple[int, ...]:
    return tuple(id_ for letter in text for id_ in encoder.encode_text(letter).ids)


def test_ids_that_give_the_text_are_kept(encoder: TextEncoder) -> None:
    text = "Ada was born in Tarn."
    written = letters(encoder, text)
    assert encoder.decode(written) == text
    assert written != encoder.encode_text(text).ids
    end = next(iter(encoder.control_ids))
    found = encode_generated(encoder, text, (5, end, *written, end))
    assert found.ids == written
    assert [text[start:stop] for start, stop in found.offsets] == list(text)


def test_offsets_grow_and_cover_the_text(encoder: TextEncoder) -> None:
    written = letters(encoder, TEXT)
    found = encode_generated(encoder, TEXT, written)
    if encoder.decode(written) == TEXT:
        assert found.ids == written
    assert found.offsets[0][0] == 0
    assert found.offsets[-1][1] == len(TEXT)
    assert all(start < stop for start, stop in found.offsets)


@pytest.mark.parametrize("ids", [(), (5, 6, 7)])
def test_other_ids_are_left_aside(encoder: TextEncoder, ids: tuple[int, ...]) -> None:
    assert encode_generated(encoder, TEXT, ids) == encoder.encode_text(TEXT)
