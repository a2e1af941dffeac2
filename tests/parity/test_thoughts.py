"""Scores through thoughts equal a naive loop over texts that are written without a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from attribot_integrations import AttributionEngine, AttributionRequest, EngineOptions
from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.context.sources import Chunk, Source
from attribot_integrations.results import Attribution, FloatArray, Statement
from tests.parity.architectures import ARCHITECTURES
from tests.unit.answers.answering import captured
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

TOLERANCE = 1e-4
QUESTION, WORDS = "How long is the pier?", "The pier is 900 metres long."
CHUNKS = ("The pier is 900 metres long.", "The bridge is 120 metres long.")
THOUGHTS = ("They ask for the pier.", "That is 900.")


@dataclass
class Noting:
    """Keeps what an engine finds at each hop."""

    engine: AttributionEngine
    seen: list[Attribution] = field(default_factory=list)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.seen.append(self.engine.attribute_request(request))
        return self.seen[-1]


def everything(
    statement: Statement,
    sources: Sequence[Source],
    scores: FloatArray,
    stated: FloatArray | None = None,
) -> Sequence[int]:
    """Cite whatever there is, so that the thoughts are followed."""
    return range(len(sources))


def asked(chunks: Sequence[str]) -> str:
    # What a captured prompt loses is the chunk alone; the white space around it stays.
    context = "\n\n".join(chunk if chunk in chunks else "" for chunk in CHUNKS)
    return DEFAULT_TEMPLATE.format(context=context, question=QUESTION)


def begun(thoughts: Sequence[str]) -> str:
    return f"<think>\n{' '.join(thoughts)}\n</think>\n\n"


def chat(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    message = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False))


def plain(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    return f"{prompt}\n\nAnswer:\n"


@pytest.mark.parametrize("render", [chat, plain])
def test_sources_and_thoughts(render: Callable[[PreTrainedTokenizerFast, str], str]) -> None:
    model = ARCHITECTURES["llama"].build()
    tokenizer = byte_level_bpe()
    if render is chat:
        tokenizer = with_chat_template(tokenizer, CHATML)

    def likelihood(chunks: Sequence[str], begun: str, said: str) -> float:
        def ids(text: str) -> list[int]:
            encoded: Any = tokenizer(text, add_special_tokens=False)
            return list(encoded["input_ids"])

        answer = ids(said)
        text = [*ids(render(tokenizer, asked(chunks)) + begun), *answer]
        with torch.inference_mode():
            logits = model(torch.tensor([text])).logits[0, -len(answer) - 1 : -1]
        found = logits.float().log_softmax(-1).gather(1, torch.tensor(answer)[:, None])
        return float(found.sum())

    def without(items: Sequence[str], gone: str) -> list[str]:
        return [one for one in items if one != gone]

    whole = likelihood(CHUNKS, begun(THOUGHTS), WORDS)
    direct = [whole - likelihood(without(CHUNKS, one), begun(THOUGHTS), WORDS) for one in CHUNKS]
    thought = [whole - likelihood(CHUNKS, begun(without(THOUGHTS, one)), WORDS) for one in THOUGHTS]
    said = " ".join(THOUGHTS)
    inner = [
        likelihood(CHUNKS, "<think>\n", said) - likelihood(without(CHUNKS, one), "<think>\n", said)
        for one in CHUNKS
    ]
    engine = AttributionEngine.from_model(
        model,
        tokenizer,
        options=EngineOptions(method="exact", policy=everything),
    )
    noting = Noting(engine)
    answer = captured(
        question=QUESTION,
        chunks=tuple(map(Chunk, CHUNKS)),
        answer=begun(THOUGHTS) + WORDS,
        prompt=[{"role": "user", "content": asked(CHUNKS)}],
    )
    made = AnswerRecord(answer, noting, raise_error=True).through_thoughts()
    assert made is not None
    last, first = noting.seen
    scores = {
        each.text: score for each, score in zip(last.sources, last.source_scores, strict=True)
    }
    assert [scores[one] for one in CHUNKS] == pytest.approx(direct, abs=TOLERANCE)
    assert [scores[one] for one in THOUGHTS] == pytest.approx(thought, abs=TOLERANCE)
    assert first.source_scores[: len(CHUNKS)] == pytest.approx(inner, abs=TOLERANCE)
    assert last.exact.all()
    assert first.exact.all()
    assert np.abs([*direct, *thought, *inner]).min() > 10 * TOLERANCE
    assert [step.kind for step in made.steps] == ["thoughts"]
