"""What of an answer becomes tokens, and which."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.results.wording import wording_of
from attribot_integrations.tokens.answers import encode_answer
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder

TEXT = "Ada élan ·."


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(AutoTokenizer.from_pretrained(bundled_model_path()))


def encoded(encoder: TextEncoder, answer: str, ids: tuple[int, ...] | None = None) -> EncodedText:
    return encode_answer(encoder, answer, wording_of(answer), ids)


def letters(encoder: TextEncoder, text: str) -> tuple[int, ...]:
    return tuple(id_ for letter in text for id_ in encoder.encode_text(letter).ids)


def test_ids_that_give_the_text_are_kept(encoder: TextEncoder) -> None:
    text = "Ada was born in Tarn."
    written = letters(encoder, text)
    assert encoder.decode(written) == text
    assert written != encoder.encode_text(text).ids
    end = next(iter(encoder.control_ids))
    found = encoded(encoder, text, (5, end, *written, end))
    assert found.ids == written
    assert [text[start:stop] for start, stop in found.offsets] == list(text)


def test_offsets_grow_and_cover_the_text(encoder: TextEncoder) -> None:
    written = letters(encoder, TEXT)
    found = encoded(encoder, TEXT, written)
    if encoder.decode(written) == TEXT:
        assert found.ids == written
    assert found.offsets[0][0] == 0
    assert found.offsets[-1][1] == len(TEXT)
    assert all(start < stop for start, stop in found.offsets)


@pytest.mark.parametrize("ids", [(), (5, 6, 7)])
def test_other_ids_are_left_aside(encoder: TextEncoder, ids: tuple[int, ...]) -> None:
    assert encoded(encoder, TEXT, ids) == encoded(encoder, TEXT)


def test_words_are_scored_and_know_their_place(encoder: TextEncoder) -> None:
    plain = encoded(encoder, "Ada was born in Tarn.")
    answer = "\n**Ada** was [2] born\nin Tarn.【1†x】\n"
    found = encoded(encoder, answer)
    assert found.ids == plain.ids
    pieces = [answer[start:end] for start, end in found.offsets]
    assert pieces[0].startswith("A")
    assert "".join(pieces).replace("**", "").split()[-1] == "Tarn."
    assert list(found.offsets) == sorted(found.offsets)


def test_written_ids_behind_white_space_keep_their_place(encoder: TextEncoder) -> None:
    text = "Ada was born in Tarn."
    written = letters(encoder, text)
    found = encoded(encoder, f"\n\n{text}\n", written)
    assert found.ids == written
    assert found.offsets[0] == (2, 3)


def test_written_white_space_is_scored_too(encoder: TextEncoder) -> None:
    written = letters(encoder, " Ada.")
    assert encoded(encoder, " Ada.", written).ids == written
