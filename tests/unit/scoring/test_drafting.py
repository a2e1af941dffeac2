"""How long a draft may be, and what it leaves; that it is the model's own is parity's."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.scoring.drafting import draft_answer
from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.tokens.ablated import AblatedText
from tests.unit.scoring.harbour import prompt
from tests.unit.scoring.small import llama
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template


@pytest.fixture
def model() -> LanguageModel:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return LanguageModel.from_model(llama()[0], tokenizer, name="small")


def length(model: LanguageModel) -> int:
    return len(AblatedText(model.encoder, prompt(), frozenset()).ids)


@pytest.mark.parametrize("most", [1, 5])
def test_work_and_activations_are_those_of_all_tokens_but_the_last(
    model: LanguageModel, most: int
) -> None:
    draft = draft_answer(model, prompt(), most)
    assert draft.passes == most
    assert draft.tokens == length(model) + most - 1
    assert draft.prefix.view(10_000).get_seq_length() == draft.tokens


def test_the_models_context_may_end_a_draft_earlier(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit_to(tokens: int) -> None:
        limited = replace(model.capabilities, context_length=tokens)
        monkeypatch.setattr(model.forward, "capabilities", limited)

    for room in (0, 2):
        limit_to(length(model) + room)
        assert draft_answer(model, prompt(), 50).passes == room + 1
    limit_to(length(model) - 1)
    message = f"the prompt takes {length(model)} positions, 1 more than the .* of small"
    with pytest.raises(PromptTooLongError, match=message):
        draft_answer(model, prompt(), 1)


def test_where_nothing_can_be_gone_on_from_no_activations_are_kept(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = draft_answer(model, prompt(), 3).text
    plain = model.capabilities.restricted_to("plain", "asked for")
    monkeypatch.setattr(model.forward, "capabilities", plain)
    draft = draft_answer(model, prompt(), 3)
    assert draft.prefix is None
    assert draft.text == expected


def test_the_model_is_not_run_while_another_thread_runs_it(model: LanguageModel) -> None:
    drafts: list[Any] = []
    thread = threading.Thread(target=lambda: drafts.append(draft_answer(model, prompt(), 1)))
    with model.lock:
        thread.start()
        thread.join(0.2)
        assert drafts == []
    thread.join(30)
    assert len(drafts) == 1
