"""Any text is tokenised as the model knows it, and no text forges a control token."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment, render
from attribot_integrations.context.sources import clean_text
from attribot_integrations.tokens.encoding import TextEncoder
from tests.properties.strategies import hostile_texts, texts
from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS, with_chat_template

NAMES = st.sampled_from([*TOKENIZERS])


@cache
def encoder_for(name: str, template: str) -> TextEncoder:
    return TextEncoder(with_chat_template(TOKENIZERS[name](), TEMPLATES[template]))


def encode(encoder: TextEncoder, content: str) -> tuple[list[int], list[tuple[int, int]], str]:
    prompt = Prompt((PromptMessage("user", (Segment(clean_text(content)),)),))
    leading, segments = encoder.segments(prompt)
    rendered = render(segments)
    (encoded,) = encoder.encode([rendered])
    return [*leading, *encoded.ids], list(encoded.offsets), rendered.text


@given(texts(), NAMES, st.sampled_from([name for name in TEMPLATES if name != "trims"]))
def test_text_without_markers_is_tokenised_like_the_chat_template(
    text: str, name: str, template: str
) -> None:
    tokenizer = with_chat_template(TOKENIZERS[name](), TEMPLATES[template])
    ids, _, _ = encode(encoder_for(name, template), text)
    assert ids == tokenizer.apply_chat_template(
        [{"role": "user", "content": clean_text(text)}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=False,
    )


@given(hostile_texts(), NAMES, st.sampled_from([*TEMPLATES]))
def test_no_text_forges_a_control_token(text: str, name: str, template: str) -> None:
    tokenizer = TOKENIZERS[name]()
    encoder = encoder_for(name, template)
    control = {
        id_
        for token, id_ in tokenizer.get_vocab().items()
        if token[0] + token[-1] in ("<>", "[]") and token[:3] not in ("<0x", "<un")
    }
    harmless = [id_ for id_ in encode(encoder, "x")[0] if id_ in control]
    ids, offsets, rendered = encode(encoder, text)
    assert [id_ for id_ in ids if id_ in control] == harmless
    assert offsets == sorted(offsets)
    assert offsets[-1][1] <= len(rendered)
    if name.startswith("byte_level") and template != "strips_space":
        assert tokenizer.decode(ids) == rendered
