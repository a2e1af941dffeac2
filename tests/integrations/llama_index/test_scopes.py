"""What a model was asked and wrote, in whatever form LlamaIndex hands it around."""

from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)
from llama_index.core.schema import QueryBundle

from attribot_integrations.llama_index.scopes import PromptedCall, Scope, query_text

MESSAGES = [ChatMessage(role=MessageRole.USER, content="Who?")]


@pytest.mark.parametrize(
    ("method", "arguments", "prompt", "raw"),
    [
        ("chat", {"messages": MESSAGES}, [{"role": "user", "content": "Who?"}], None),
        ("achat", {"messages": MESSAGES}, [{"role": "user", "content": "Who?"}], None),
        ("complete", {"prompt": "Who?"}, "Who?", None),
        ("stream_complete", {"args": ("Who?",), "kwargs": {}}, "Who?", None),
        ("complete", {"args": ("Who?",), "kwargs": {"formatted": True}}, "Who?", "Who?"),
        ("predict", {"prompt": "Who?"}, None, None),
    ],
)
def test_what_a_model_was_asked(method: str, arguments: Any, prompt: Any, raw: Any) -> None:
    call = PromptedCall()
    call.ask(method, arguments)
    assert (call.prompt, call.raw) == (prompt, raw)


def test_the_outermost_prompt_counts_and_the_innermost_text() -> None:
    call = PromptedCall()
    call.ask("chat", {"messages": MESSAGES})
    call.ask("complete", {"prompt": "<Who?>", "formatted": True})
    assert (call.prompt, call.raw) == ([{"role": "user", "content": "Who?"}], "<Who?>")


def test_what_a_model_wrote() -> None:
    ids = SimpleNamespace(tolist=lambda: [1, 2])
    output: Any = SimpleNamespace(tolist=list, __len__=lambda: 1)
    call = PromptedCall()
    call.answer(CompletionResponse(text="Ada.", raw={"model_output": [ids]}))
    assert (call.text, call.token_ids) == ("Ada.", ()), "a list is no tensor"
    call.answer(ChatResponse(message=ChatMessage(content=None)))
    assert call.text == ""
    call.answer("Bea.")
    call.answer(output)
    assert call.text == "Bea."


def test_ids_are_read_from_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    call = PromptedCall()
    call.answer(CompletionResponse(text="Ada.", raw={"model_output": torch.tensor([[1, 2]])}))
    assert call.token_ids == (1, 2)


def test_scopes_lie_in_each_other() -> None:
    outer = Scope("chat")
    inner = Scope("synthesis", parent=Scope("query", parent=outer))
    assert inner.lies_in(outer)
    assert inner.lies_in(inner)
    assert not outer.lies_in(inner)


def test_queries() -> None:
    assert [query_text(one) for one in ("Who?", QueryBundle("Who?"), None)] == ["Who?", "Who?", ""]
