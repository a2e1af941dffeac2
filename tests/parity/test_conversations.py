"""Scores of what was said equal a naive loop over chats that are written without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations import AttributionEngine, Chunk, EngineOptions
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import (
    CHATML,
    REFUSES_SYSTEM,
    byte_level_bpe,
    with_chat_template,
)

TOLERANCE = 1e-4
ANSWER = "The pier is 900 metres."
FACT = "The pier is 900 m long."
CALL = '{"name": "find", "arguments": {"pier": "North"}}'
ALTERNATES = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}"
) + REFUSES_SYSTEM.replace("{{ bos_token }}", "")
"""As Gemma's: no system role, no tools, and the user and the model take turns."""

CHAT: list[dict[str, str]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "My pier is North. It is red."},
    {"role": "assistant", "content": "A fine pier."},
    {"role": "user", "content": f"{FACT}\n\nHow long is my pier?"},
    {"role": "assistant", "content": "", "calls": CALL, "name": "find"},
    {"role": "tool", "content": "North: 900 m.", "name": "find"},
]
SHOWN = [each["content"] or CALL for each in CHAT]


def chatml(texts: Sequence[str]) -> str:
    spoken = zip(CHAT, texts, strict=True)
    turns = "".join(f"<|im_start|>{one['role']}\n{text}<|im_end|>\n" for one, text in spoken)
    return f"{turns}<|im_start|>assistant\n"


def alternating(texts: Sequence[str]) -> str:
    system, asked, answered, question, call, output = texts
    turns = (f"{system}\n\n{asked}", answered, question, call, output)
    roles = ("user", "model", "user", "model", "user")
    spoken = zip(roles, turns, strict=True)
    shown = "".join(f"<start_of_turn>{role}\n{text}<end_of_turn>\n" for role, text in spoken)
    return f"{shown}<start_of_turn>model\n"


WRITTEN = {"chatml": (CHATML, chatml), "alternates": (ALTERNATES, alternating)}


def without(number: int, text: str) -> list[str]:
    """The texts of the chat with another in the place of one."""
    return [*SHOWN[:number], text, *SHOWN[number + 1 :]]


@pytest.mark.parametrize(("family", "template"), [("llama", "chatml"), ("gemma3", "alternates")])
def test_what_was_said(family: str, template: str) -> None:
    model = ARCHITECTURES[family].build()
    source, write = WRITTEN[template]
    tokenizer = with_chat_template(byte_level_bpe(), source)
    answer = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]

    def likelihood(texts: Sequence[str]) -> float:
        encoded: Any = tokenizer(write(texts), add_special_tokens=False)
        ids = [*encoded["input_ids"], *answer]
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -len(answer) - 1 : -1]
        found = logits.float().log_softmax(-1).gather(1, torch.tensor(answer)[:, None])
        return float(found.sum())

    removed: Mapping[tuple[str, str], list[str]] = {
        ("retrieved", "sentence"): without(3, "\n\nHow long is my pier?"),
        ("system", "sentence"): without(0, ""),
        ("user", "My pier is North."): without(1, "It is red."),
        ("user", "It is red."): without(1, "My pier is North."),
        ("user", "chunk"): without(1, ""),
        ("assistant", "chunk"): without(2, ""),
        ("tool_call", "chunk"): without(4, ""),
        ("tool", "chunk"): without(5, ""),
    }
    options = EngineOptions(sources="all", method="exact", levels=("sentence", "chunk"))
    engine = AttributionEngine.from_model(model, tokenizer, options=options)
    result = engine.attribute("How long is my pier?", [Chunk(FACT)], ANSWER, prompt=CHAT)
    full = likelihood(SHOWN)
    assert result.log_likelihood == pytest.approx(full, abs=TOLERANCE)
    nothing = ["", "", "", "\n\nHow long is my pier?", "", ""]
    bare = result.log_likelihood_without_context
    assert bare == pytest.approx(likelihood(nothing), abs=TOLERANCE)
    scores: dict[tuple[str, str], float] = {
        key: float(score)
        for one, score in zip(result.sources, result.source_scores, strict=True)
        for kind in (result.chunks[one.chunk_index].kind,)
        for key in ((kind, one.level), (kind, one.text))
    }
    expected = {key: full - likelihood(texts) for key, texts in removed.items()}
    assert max(map(abs, expected.values())) > 100 * TOLERANCE
    found = [scores[key] for key in expected]
    assert np.abs(np.array(found) - list(expected.values())).max() < TOLERANCE
    assert result.exact.all()
    assert len(result.chunks) == 6
