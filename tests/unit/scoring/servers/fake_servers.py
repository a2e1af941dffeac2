"""Servers in this process that run a bundled model, and speak as the real ones do.

The exchanges of vLLM are those that its version 0.32 was seen to have; those of its newer token
route, of SGLang and of llama-cpp-python follow their documentation and source.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import torch
from httpx import Client  # tests may put another in its place

from attribot_integrations import AttributionEngine, LanguageModel

Answer = httpx.Response
Fault = Callable[[str, dict[str, Any], dict[str, Any]], Any]
"""Gets path, request and the right answer; gives another answer, or raises what httpx would."""


@functools.cache
def engine() -> AttributionEngine:
    """The bundled models."""
    return AttributionEngine.demo(proxy=True)


def target() -> LanguageModel:
    model = engine().target
    assert isinstance(model, LanguageModel)
    return model


def small() -> LanguageModel:
    model = engine().proxy
    assert isinstance(model, LanguageModel)
    return model


def table(model: LanguageModel, ids: list[int]) -> torch.Tensor:
    """Log-probabilities of what comes behind each id, `[ids, vocabulary]`, by one plain pass."""
    return _table(model is target(), tuple(ids))


@functools.lru_cache(512)
def _table(of_target: bool, ids: tuple[int, ...]) -> torch.Tensor:
    model = target() if of_target else small()
    with model.lock, torch.inference_mode():
        logits: torch.Tensor = model.model(torch.tensor([list(ids)])).logits[0]
    return logits.float().log_softmax(-1)


@dataclass
class FakeServer:
    """What all have: models, a key, requests that are remembered, faults."""

    model: LanguageModel = field(default_factory=target)
    name: str = "tiny"
    api_key: str | None = None
    fault: Fault | None = None
    context: int | None = 2048
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def client(self) -> Client:
        return Client(transport=httpx.MockTransport(self.handle))

    def handle(self, request: httpx.Request) -> Answer:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self._handle(request)
        finally:
            with self.lock:
                self.at_once -= 1

    def _handle(self, request: httpx.Request) -> Answer:
        path = request.url.path
        if self.api_key and request.headers.get("Authorization") != f"Bearer {self.api_key}":
            given = request.headers.get("Authorization", "")
            return Answer(401, json={"error": f"Incorrect API key provided: {given}"})
        body: dict[str, Any] = json.loads(request.content) if request.content else {}
        with self.lock:
            self.requests.append((path, body))
        ids = body.get("prompt") or body.get("input_ids") or body.get("token_ids") or []
        if isinstance(ids, list) and max(ids, default=0) >= self.model.model.config.vocab_size:
            return Answer(400, json={"error": {"message": "an id is out of the vocabulary"}})
        found = self.answer(path, body)
        if found is None:
            return Answer(404, json={"detail": "Not Found"})
        if isinstance(found, Answer):
            return found
        if self.fault is not None:
            found = self.fault(path, body, found)
        return found if isinstance(found, Answer) else Answer(200, content=json.dumps(found))

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/v1/models":
            entry: dict[str, Any] = {"id": self.name, "object": "model"}
            return {"object": "list", "data": [entry | self._length()]}
        return None

    def _length(self) -> dict[str, Any]:
        return {} if self.context is None else {"max_model_len": self.context}

    def greedy(self, ids: list[int], count: int) -> tuple[list[int], list[float]]:
        """The likeliest tokens behind some ids, and their log-probabilities."""
        new: list[int] = []
        values: list[float] = []
        for _ in range(count):
            last = table(self.model, ids + new)[-1]
            new.append(int(last.argmax()))
            values.append(float(last.max()))
        return new, values

    def spell(self, ids: list[int]) -> list[str]:
        return [self.model.encoder.decode([id_]) for id_ in ids]


class VllmServer(FakeServer):
    """vLLM's `/v1/completions`."""

    prompt_logprobs = True

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path != "/v1/completions":
            return super().answer(path, body)
        ids = body["prompt"]
        if not isinstance(ids, list):
            return Answer(400, json={"error": {"message": "a text was not expected here"}})
        if body["model"] != self.name:
            return Answer(404, json={"error": {"message": f"no model {body['model']}"}})
        rows = table(self.model, ids)
        own = [None, *(float(rows[i - 1, ids[i]]) for i in range(1, len(ids)))]
        new, values = self.greedy(ids, body["max_tokens"])
        choice: dict[str, Any] = {"index": 0, "text": self.model.encoder.decode(new)}
        if body.get("return_token_ids"):
            choice["token_ids"] = new
        if body.get("logprobs") is not None:
            echoed = body.get("echo", False)
            choice["logprobs"] = {
                "token_logprobs": [*(own if echoed else []), *values],
                "tokens": self.spell([*(ids if echoed else []), *new]),
            }
        if self.prompt_logprobs and body.get("prompt_logprobs") is not None:
            spelled = self.spell(ids)
            choice["prompt_logprobs"] = [
                None,
                *(
                    {str(ids[i]): {"logprob": own[i], "rank": 1, "decoded_token": spelled[i]}}
                    for i in range(1, len(ids))
                ),
            ]
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        return {"model": self.name, "choices": [choice], "usage": usage}


class EchoServer(VllmServer):
    """A server of legacy completions that knows `echo`, and no more."""

    prompt_logprobs = False


class TokenServer(FakeServer):
    """vLLM's `/inference/v1/generate`, started with `--tokens-only`."""

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path != "/inference/v1/generate":
            return super().answer(path, body)
        ids, sampling = body["token_ids"], body["sampling_params"]
        new, values = self.greedy(ids, sampling["max_tokens"])
        choice: dict[str, Any] = {"index": 0, "token_ids": new}
        if sampling.get("logprobs") is not None:
            pairs = zip(new, values, strict=True)
            content = [{"token_id": id_, "logprob": value} for id_, value in pairs]
            choice["logprobs"] = {"content": content}
        packed = None
        wanted = sampling.get("prompt_logprob_token_ids")
        if wanted is not None:
            start = sampling["prompt_logprob_start"]
            rows = table(self.model, ids)
            assert len(wanted) == len(ids) - 1 - start
            scores = [
                [float(rows[start + row, id_]) for id_ in those] for row, those in enumerate(wanted)
            ]
            packed = packed_scores(scores)
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        return {
            "model": self.name,
            "choices": [choice],
            "usage": usage,
            "prompt_token_id_logprobs": packed,
        }


def packed_scores(scores: Any) -> str:
    stream = io.BytesIO()
    np.save(stream, np.array(scores, np.float32))
    return base64.b64encode(stream.getvalue()).decode()


class SglangServer(FakeServer):
    """SGLang's `/generate`: the entry at `logprob_start_len` is empty."""

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path != "/generate":
            return super().answer(path, body)
        ids = body["input_ids"]
        meta: dict[str, Any] = {"prompt_tokens": len(ids)}
        new, values = self.greedy(ids, body["sampling_params"]["max_new_tokens"])
        if body.get("return_logprob"):
            start = body.get("logprob_start_len", -1)
            start = len(ids) - 1 if start < 0 else start
            rows = table(self.model, ids)
            texts = self.spell(ids) if body.get("return_text_in_logprobs") else [None] * len(ids)
            meta["input_token_logprobs"] = [
                [None if i == start else float(rows[i - 1, ids[i]]), ids[i], texts[i]]
                for i in range(start, len(ids))
            ]
            pairs = zip(values, new, strict=True)
            meta["output_token_logprobs"] = [[value, id_, None] for value, id_ in pairs]
        return {"text": self.model.encoder.decode(new), "meta_info": meta}


class LlamaCppPythonServer(FakeServer):
    """llama-cpp-python's server: text only, and entries that are right behind a start token only.

    Row i of its scores is put beside token i + 1 where the first token is the start, which is left
    out, and beside token i otherwise.
    """

    adds_start = True
    start_id: int | None = None

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path != "/v1/completions":
            return super().answer(path, body)
        text = body["prompt"]
        if not isinstance(text, str):
            return Answer(422, json={"detail": [{"msg": "Input should be a valid string"}]})
        encoder = self.model.encoder
        first = encoder.start_id if self.start_id is None else self.start_id
        start = [first] if self.adds_start else []
        backend: Any = encoder._backend  # it parses control tokens in a text
        ids = [*start, *backend.encode(text, add_special_tokens=False).ids]
        new, values = self.greedy(ids, body["max_tokens"])
        choice: dict[str, Any] = {"index": 0, "text": encoder.decode(new)}
        if body.get("echo"):
            rows = table(self.model, ids)
            kept = ids[1:] if ids[0] == first else ids
            own = [float(rows[i, id_]) for i, id_ in enumerate(kept)]
            values, tokens = [None, *own[1:], *values], self.spell([*kept, *new])  # type: ignore[list-item]
        else:
            tokens = self.spell(new)
        choice["logprobs"] = {"token_logprobs": values, "tokens": tokens}
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        return {"model": self.name, "choices": [choice], "usage": usage}


class OllamaServer(FakeServer):
    """Ollama: legacy completions without log-probabilities of the prompt."""

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/api/version":
            return {"version": "0.13.0"}
        if path == "/v1/completions":
            return {"model": self.name, "choices": [{"index": 0, "text": "x"}], "usage": {}}
        return super().answer(path, body)


class LlamaCppServer(FakeServer):
    """llama.cpp's own server: `echo` is taken, and does nothing."""

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        if path == "/props":
            return {"default_generation_settings": {}, "model_path": "x.gguf"}
        if path == "/v1/completions":
            logprobs = {"content": [{"token": "x", "logprob": -0.5}]}
            choice = {"index": 0, "text": "x", "logprobs": logprobs}
            return {"model": self.name, "choices": [choice], "usage": {"prompt_tokens": 3}}
        return super().answer(path, body)
