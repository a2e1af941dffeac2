"""The cookbook's generators: real clients, answered by exchanges as the providers document them.

The clients are no part of the development setup; where they are installed, these tests run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough

from attribot_integrations.demo.chain import DemoChain, demo_chain
from attribot_integrations.langchain import CitationCallbackHandler, cite

ANSWER = "The mayor of Delka is Bragor Selwen."


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain()


def rag(demo: DemoChain, model: BaseChatModel) -> Runnable[str, str]:
    prompt = ChatPromptTemplate.from_template(
        "Answer from the context.\n\n{context}\n\nQuestion: {question}"
    )

    def shown(documents: Any) -> str:
        return "\n\n".join(each.page_content for each in documents)

    chain: Runnable[str, str] = (
        {"context": demo.retriever | shown, "question": RunnablePassthrough()}
        | prompt
        | model
        | StrOutputParser()
    )
    return chain


def openai(asked: list[dict[str, Any]]) -> BaseChatModel:
    client = pytest.importorskip("langchain_openai")

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        message: dict[str, Any] = {
            "role": "assistant",
            "content": ANSWER,
            "refusal": None,
            "annotations": [],
        }
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        usage = {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"}
        return httpx.Response(200, json={**body, "choices": [choice], "usage": usage})

    web = httpx.Client(transport=httpx.MockTransport(reply))
    model: BaseChatModel = client.ChatOpenAI(model="m", api_key="none", http_client=web)
    return model


def anthropic(asked: list[dict[str, Any]]) -> BaseChatModel:
    client = pytest.importorskip("langchain_anthropic")
    library = pytest.importorskip("httpx2")  # which its SDK speaks through

    def reply(request: Any) -> Any:
        asked.append(json.loads(request.content))
        body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
        content = [{"type": "text", "text": ANSWER, "citations": None}]
        usage = {"input_tokens": 90, "output_tokens": 9}
        rest = {"stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        return library.Response(200, json={**body, "content": content, **rest})

    model: BaseChatModel = client.ChatAnthropic(model="m", api_key="none", max_tokens=99)
    web = library.Client(
        transport=library.MockTransport(reply), base_url="https://api.anthropic.com"
    )
    vars(model)["_client"] = model._client.with_options(http_client=web)  # type: ignore[attr-defined]
    return model


def ollama(asked: list[dict[str, Any]]) -> BaseChatModel:
    client = pytest.importorskip("langchain_ollama")

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        lines = [
            {"message": {"role": "assistant", "content": word}, "done": False}
            for word in ANSWER.replace(" ", " |").split("|")
        ]
        end = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
        named = [{"model": "m", "created_at": "2026-01-01T00:00:00Z", **each} for each in lines]
        named.append({"model": "m", "created_at": "2026-01-01T00:00:00Z", **end})
        return httpx.Response(200, text="".join(f"{json.dumps(each)}\n" for each in named))

    web = {"transport": httpx.MockTransport(reply)}
    model: BaseChatModel = client.ChatOllama(model="m", sync_client_kwargs=web)
    return model


@pytest.fixture(params=[openai, anthropic, ollama], ids=lambda make: str(make.__name__))
def generator(request: pytest.FixtureRequest, asked: list[dict[str, Any]]) -> BaseChatModel:
    make: Callable[[list[dict[str, Any]]], BaseChatModel] = request.param
    return make(asked)


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


def test_answers_of_real_clients_are_cited(
    demo: DemoChain, generator: BaseChatModel, asked: list[dict[str, Any]]
) -> None:
    question = demo.questions[0]
    handler = CitationCallbackHandler(demo.engine, raise_error=True)
    assert rag(demo, generator).invoke(question, {"callbacks": [handler]}) == ANSWER
    assert len(asked) == 1
    record = handler.last
    assert record is not None
    assert (record.status, record.prompt_used, record.generator) == ("ok", "captured", "m")
    (citation,) = record.citations
    assert citation.text == "Last spring Delka elected Bragor Selwen as mayor."


def test_and_their_chains_return_citations(demo: DemoChain, generator: BaseChatModel) -> None:
    found = cite(rag(demo, generator), demo.engine).invoke(demo.questions[0])
    assert found["answer"] == ANSWER
    assert [support["label"] for support in found["support"]] == ["supported"]
    assert len(found["citations"]) == 1
