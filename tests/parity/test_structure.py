"""Scores of rows and members equal a naive loop over texts that are written without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations import AttributionEngine, Chunk, EngineOptions
from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.context.structure import SplitStructure
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

TOLERANCE = 1e-4
QUESTION, ANSWER = "How long is the pier?", "The pier is 900 metres."
ROWS = ("| pier | 900 |", "| bridge | 120 |", "| quay | 45 |")
MEMBERS = {"pier": 900, "bridge": {"metres": 120}, "quays": [45, "x"]}


def table(rows: Sequence[str]) -> str:
    return (
        "\n".join(("Some sizes.\n\n| what | metres |\n| --- | --- |", *rows)) + "\n\nThat is all."
    )


def data(names: Sequence[str]) -> str:
    return json.dumps({name: MEMBERS[name] for name in names})


@pytest.mark.parametrize("captured", [False, True], ids=["template", "captured"])
@pytest.mark.parametrize(
    ("write", "parts", "first"),
    [(table, ROWS, 1), (data, tuple(MEMBERS), 0)],
    ids=["rows", "members"],
)
def test_rows_and_members(
    write: Callable[[Sequence[str]], str], parts: tuple[str, ...], first: int, captured: bool
) -> None:
    model = ARCHITECTURES["llama"].build()
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    answer = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]

    def prompt(kept: Sequence[str]) -> str:
        return DEFAULT_TEMPLATE.format(context=write(kept), question=QUESTION)

    def likelihood(kept: Sequence[str]) -> float:
        encoded: Any = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt(kept)}],
            add_generation_prompt=True,
            return_dict=True,
        )
        ids = [*encoded["input_ids"], *answer]
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -len(answer) - 1 : -1]
        found = logits.float().log_softmax(-1).gather(1, torch.tensor(answer)[:, None])
        return float(found.sum())

    expected = [
        likelihood(parts) - likelihood([one for one in parts if one != gone]) for gone in parts
    ]
    engine = AttributionEngine.from_model(model, tokenizer, options=EngineOptions(method="exact"))
    given = [{"role": "user", "content": prompt(parts)}] if captured else None
    result = engine.attribute(QUESTION, [Chunk(write(parts))], ANSWER, prompt=given)
    scores = result.source_scores[first : first + len(parts)]
    assert np.abs(expected).max() > 100 * TOLERANCE
    assert np.abs(scores - expected).max() < TOLERANCE
    assert result.exact.all()


def test_structure_is_looked_for_by_default() -> None:
    assert EngineOptions().splitter == SplitStructure()
