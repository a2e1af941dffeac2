"""Any call of an engine ends in a result that holds together, or in the package's own error."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from attribot_integrations import AttributionEngine, EngineOptions, LanguageModel
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.errors import AttribotError
from attribot_integrations.methods import METHODS
from attribot_integrations.results import Attribution
from attribot_integrations.results.serialization import attribution_from_dict
from tests.parity.architectures import ARCHITECTURES
from tests.properties.strategies import hostile_texts, texts
from tests.unit.tokenizers_for_tests import CHATML, TOKENIZERS, with_chat_template

CHATS = (False, True)


@cache
def engine(tokenizer: str, chat: bool) -> AttributionEngine:
    """A small random pair of models with one kind of tokenizer."""
    made = TOKENIZERS[tokenizer]()
    if chat:
        made = with_chat_template(made, CHATML)
    build = ARCHITECTURES["llama"].build
    size = len(made)
    target = LanguageModel.from_model(build(vocab_size=size), made, name="target")
    proxy = LanguageModel.from_model(
        build(vocab_size=size, num_hidden_layers=1), made, name="proxy"
    )
    return AttributionEngine(target, proxy)


def any_text() -> st.SearchStrategy[str]:
    return texts(max_pieces=6) | hostile_texts() | st.text(max_size=30)


@st.composite
def calls(draw: DrawFn) -> dict[str, Any]:
    """The arguments of one call."""
    chunks = draw(st.lists(any_text(), max_size=4))
    question, answer = draw(any_text()), draw(any_text())
    shown = "\n\n".join([*chunks, question])
    prompts: tuple[Any, ...] = (
        None,
        shown,
        RawPrompt(shown, trusted=draw(st.booleans())),
        [{"role": "user", "content": shown}],
        [{"role": "system", "content": "\n".join(chunks)}, {"role": "user", "content": question}],
        [],
    )
    options = EngineOptions(
        method=draw(st.sampled_from([None, *METHODS])),
        levels=draw(st.sampled_from([("sentence",), ("chunk",), ("sentence", "chunk")])),
        max_tokens=draw(st.sampled_from([None, None, 1, 200])),
        token_budget=draw(st.sampled_from([None, 1, 64])),
    )
    return {
        "question": question,
        "chunks": chunks,
        "answer": answer,
        "prompt": draw(st.sampled_from(prompts)),
        "options": options,
    }


def check(result: Attribution, call: dict[str, Any]) -> None:
    """What every result promises."""
    assert result.answer == call["answer"]
    assert np.isfinite(result.scores).all()
    assert result.scores.shape == (len(result.sources), len(result.token_spans))
    assert len(result.estimands) == len(result.sources)
    assert all(0 <= low <= high <= len(result.answer) for low, high in result.token_spans)
    assert len(result.support) == len(result.statements) > 0
    for statement in result.statements:
        assert result.answer[statement.start : statement.end] == statement.text
    for citation in result.citations:
        chunk = result.chunks[citation.chunk_index].text
        assert chunk[citation.chunk_start : citation.chunk_end] == citation.text
        assert np.isfinite(citation.score)
    for place, estimand in enumerate(result.estimands):
        assert result.exact[place] == (estimand == "target_loo")
    again = attribution_from_dict(result.to_dict())
    assert again.citations == result.citations
    assert np.array_equal(again.scores, result.scores)
    assert any(model.tokens > 0 for model in result.cost.models)


def tried(call: dict[str, Any], tokenizer: str, chat: bool) -> None:
    try:
        result = engine(tokenizer, chat).attribute(**call)
    except AttribotError:
        return
    check(result, call)


ANY = {"call": calls(), "tokenizer": st.sampled_from([*TOKENIZERS]), "chat": st.sampled_from(CHATS)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(**ANY)
def test_any_call(call: dict[str, Any], tokenizer: str, chat: bool) -> None:
    tried(call, tokenizer, chat)


@pytest.mark.slow
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(**ANY)
def test_any_of_many_calls(call: dict[str, Any], tokenizer: str, chat: bool) -> None:
    tried(call, tokenizer, chat)
