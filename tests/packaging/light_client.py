"""A program for environments without torch: a chain, scored on a server, or by a service.

The server is in this process, speaks as SGLang's documentation says, and runs a toy of a model
that likes to say what it has read.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx
import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnablePassthrough
from tokenizers import Tokenizer

from attribot_integrations import Attribution, AttributionEngine, EngineOptions, RemoteEngine
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.service.wire import WIRE_VERSION, attribute_call
from attribot_integrations.service.wire_results import answer_to_wire, attribution_to_wire

FOLDER = bundled_model_path()
BACKEND = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
CHUNKS = ["Ana Ruiz built the harbour.", "A river runs through the town."]


def table(ids: list[int]) -> Any:
    """Log-probabilities of what comes behind each id: any order, but what was read is likelier."""
    size = BACKEND.get_vocab_size()
    logits = np.random.default_rng(0).normal(size=(size, size))[ids]
    for row in range(len(ids)):
        logits[row, ids[: row + 1]] += 6
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def generate(body: dict[str, Any]) -> dict[str, Any]:
    ids = body["input_ids"]
    written: list[list[Any]] = []
    for _ in range(body["sampling_params"]["max_new_tokens"]):
        row = table(ids + [id_ for _, id_, _ in written])[-1]
        written.append([float(row.max()), int(row.argmax()), None])
    start, rows = body.get("logprob_start_len", len(ids) - 1), table(ids)
    scored = [
        [None if place == start else float(rows[place - 1, ids[place]]), ids[place],
         BACKEND.decode([ids[place]])]
        for place in range(start, len(ids))
    ]  # fmt: skip
    meta = {
        "prompt_tokens": len(ids),
        "input_token_logprobs": scored,
        "output_token_logprobs": written,
    }
    return {"text": BACKEND.decode([id_ for _, id_, _ in written]), "meta_info": meta}


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/v1/models":
        return httpx.Response(200, json={"data": [{"id": "toy", "max_model_len": 2048}]})
    if request.url.path == "/generate":
        return httpx.Response(200, json=generate(json.loads(request.content)))
    return httpx.Response(404)


class Retriever(BaseRetriever):
    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [Document(text) for text in CHUNKS]


engine = AttributionEngine.from_server(
    "http://server",
    tokenizer=FOLDER,
    api="sglang",
    client=httpx.Client(transport=httpx.MockTransport(answer)),
)
handler = CitationCallbackHandler(engine)
prompt = ChatPromptTemplate.from_template("Context:\n{context}\n\nQuestion: {question}")
context: Any = Retriever() | (lambda found: "\n\n".join(each.page_content for each in found))
chat = FakeListChatModel(responses=["It was built by Ana Ruiz."])
chain: Any = {"context": context, "question": RunnablePassthrough()} | prompt | chat
chain.invoke("Who built the harbour?", {"callbacks": [handler]})
record = handler.last
assert record is not None
result = record.attribution
assert result is not None, record.error
assert result.scores.sum(axis=1).argmax() == 0, result.scores
assert result.exact.all()
again = Attribution.from_json(result.to_json())
assert again.to_html() == result.to_html()


def serve(request: httpx.Request) -> httpx.Response:
    """Answer as the project's service does."""
    if request.url.path == "/v1/model":
        described = {"wire": WIRE_VERSION, "model": "toy", "uses_chat_template": True}
        return httpx.Response(200, json=described)
    call = attribute_call(json.loads(request.content), EngineOptions())
    found = engine.attribute_request(call.request, options=call.options)
    return httpx.Response(200, json=answer_to_wire(attribution_to_wire(found), "toy"))


remote = RemoteEngine(
    "http://service", token="hush", client=httpx.Client(transport=httpx.MockTransport(serve))
)
handler = CitationCallbackHandler(remote)
chain.invoke("Who built the harbour?", {"callbacks": [handler]})
record = handler.last
assert record is not None
assert record.attribution is not None, record.error
assert np.array_equal(record.attribution.scores, result.scores)
assert record.citations == result.citations
print(f"{len(result.citations)} cited: {result.citations[0].text}")
print(sorted({"torch", "transformers", "accelerate"} & {*sys.modules}))
