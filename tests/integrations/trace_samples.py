"""Writes the samples of traces that tests/unit/traces reads, by the real libraries.

    python -m tests.integrations.trace_samples TOOL FILE

A chain, or a query engine, in which a first call of a model words the question anew; then passages
are found, and a second call answers from them. TOOL is a name of `WRITERS`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integrations.phoenix_server import phoenix_server

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

ASKED = "And when did it open?"
SEARCHED = "When did the harbour open?"
TEXTS = ("The harbour opened in 1962.", "A river runs through it.")
ANSWER = "It opened in 1962."


def langchain_chain() -> Any:
    from langchain_core.documents import Document
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import RunnablePassthrough

    class Passages(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            metadata = ({"source": "harbour.txt", "page": 3}, {"source": "rivers.txt"})
            return [
                Document(text, id=f"d{number}", metadata=own)
                for number, (text, own) in enumerate(zip(TEXTS, metadata, strict=True), 1)
            ]

    def joined(documents: list[Document]) -> str:
        return "\n\n".join(each.page_content for each in documents)

    condense = (
        ChatPromptTemplate.from_template("Say it so that it stands alone: {question}")
        | FakeListChatModel(responses=[SEARCHED])
        | StrOutputParser()
    )
    template = ChatPromptTemplate.from_messages(
        [("system", "Answer from the context.\n{context}"), ("human", "{question}")]
    )
    found = {"context": condense | Passages() | joined, "question": RunnablePassthrough()}
    return found | template | FakeListChatModel(responses=[ANSWER]) | StrOutputParser()


def llama_index_engine() -> Any:
    from llama_index.core.llms import CustomLLM, LLMMetadata
    from llama_index.core.llms.callbacks import llm_completion_callback
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, TextNode

    class Passages(BaseRetriever):
        def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
            names = ("harbour.txt", "rivers.txt")
            return [
                NodeWithScore(
                    node=TextNode(text=text, id_=f"d{number}", metadata={"file_name": name}),
                    score=1 / number,
                )
                for number, (text, name) in enumerate(zip(TEXTS, names, strict=True), 1)
            ]

    class Answering(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="answering")

        @llm_completion_callback()
        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            from llama_index.core.llms import CompletionResponse

            return CompletionResponse(text=ANSWER)

        @llm_completion_callback()
        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            raise NotImplementedError

    return RetrieverQueryEngine.from_args(Passages(), llm=Answering())


def recorded(instrumentor: Any, run: Callable[[], object]) -> list[ReadableSpan]:
    """The spans that an instrumentation of OpenInference makes of a run."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor.instrument(tracer_provider=provider)
    run()
    return list(kept.get_finished_spans())


def write_otlp(spans: Iterable[ReadableSpan], path: Path) -> None:
    """Write spans in OTLP's JSON, as one line, with the ids in Base64 as protobuf has them."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    path.write_text(json.dumps(MessageToDict(encode_spans(list(spans)))) + "\n")


def write_openinference_langchain(path: Path) -> None:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    write_otlp(recorded(LangChainInstrumentor(), lambda: langchain_chain().invoke(ASKED)), path)


def write_openinference_llama_index(path: Path) -> None:
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    run = recorded(LlamaIndexInstrumentor(), lambda: llama_index_engine().query(SEARCHED))
    write_otlp(run, path)


def write_sdk(path: Path) -> None:
    """Write each span as OpenTelemetry's SDK prints it."""
    from openinference.instrumentation.langchain import LangChainInstrumentor

    spans = recorded(LangChainInstrumentor(), lambda: langchain_chain().invoke(ASKED))
    path.write_text("".join(f"{span.to_json(indent=None)}\n" for span in spans))


def write_langsmith(path: Path) -> None:
    """Write the runs that LangSmith's tracer sends, as the fields of its run format."""
    import requests
    from langchain_core.tracers.langchain import LangChainTracer, wait_for_all_tracers
    from langsmith import Client

    runs: dict[str, dict[str, Any]] = {}

    class Kept(requests.Session):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            sent = json.loads(kwargs["data"])
            runs.setdefault(sent["id"], {}).update(sent)
            response = requests.Response()
            response.status_code = 200
            response._content = b"{}"
            return response

    client = Client(
        api_url="http://localhost", api_key="-", session=Kept(), auto_batch_tracing=False, info={}
    )
    langchain_chain().invoke(ASKED, config={"callbacks": [LangChainTracer(client=client)]})
    wait_for_all_tracers()
    fields = [
        *("id", "trace_id", "parent_run_id", "name", "run_type", "start_time", "end_time"),
        *("dotted_order", "inputs", "outputs", "error"),
    ]
    rows = ({key: run[key] for key in fields if key in run} for run in runs.values())
    project = {"session_id": "1f7f4b0e-0000-4000-8000-000000000001"}  # the service adds it
    path.write_text("".join(f"{json.dumps({**row, **project})}\n" for row in rows))


def write_langfuse(path: Path) -> None:
    """Write what Langfuse's SDK sends as rows of its `observations_v2/` export."""
    from langfuse import Langfuse
    from langfuse.langchain import CallbackHandler
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    client = Langfuse(public_key="pk-lf-0", secret_key="sk-lf-0", span_exporter=kept)
    langchain_chain().invoke(ASKED, config={"callbacks": [CallbackHandler()]})
    client.flush()
    path.write_text(
        "".join(f"{json.dumps(langfuse_row(span))}\n" for span in kept.get_finished_spans())
    )


def langfuse_row(span: ReadableSpan) -> dict[str, Any]:
    sent: Mapping[str, Any] = span.attributes or {}
    start = time.gmtime((span.start_time or 0) // 10**9)
    micro = (span.start_time or 0) // 1000 % 10**6
    return {
        "id": f"{span.context.span_id:016x}",
        "trace_id": f"{span.context.trace_id:032x}",
        "type": str(sent["langfuse.observation.type"]).upper(),
        "parent_observation_id": f"{span.parent.span_id:016x}" if span.parent else "",
        "start_time": time.strftime("%Y-%m-%d %H:%M:%S", start) + f".{micro:06d}",
        "name": span.name,
        "level": "DEFAULT",
        "input": sent.get("langfuse.observation.input", ""),
        "output": sent.get("langfuse.observation.output", ""),
    }


def write_mlflow(path: Path) -> None:
    """Write two traces out of a local store: one by hand, one of a LangChain chain."""
    import mlflow
    from mlflow.entities import Document, SpanType, Trace

    mlflow.set_tracking_uri(f"sqlite:///{path.with_suffix('.db')}")

    def find(query: str) -> list[Document]:
        return [
            Document(page_content=text, id=f"d{number}", metadata={"doc_uri": "harbour.txt"})
            for number, text in enumerate(TEXTS, 1)
        ]

    def answer(messages: list[dict[str, str]]) -> dict[str, Any]:
        return {"choices": [{"message": {"role": "assistant", "content": ANSWER}}]}

    retrieve = mlflow.trace(find, span_type=SpanType.RETRIEVER)
    model = mlflow.trace(answer, span_type=SpanType.CHAT_MODEL)

    def run(question: str) -> str:
        context = "\n\n".join(each.page_content for each in retrieve(question))
        system = {"role": "system", "content": f"Answer from the context.\n{context}"}
        said = model([system, {"role": "user", "content": question}])
        return str(said["choices"][0]["message"]["content"])

    def kept() -> Trace:
        mlflow.flush_trace_async_logging()
        trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
        assert trace is not None
        return trace

    mlflow.trace(run, span_type=SpanType.CHAIN)(SEARCHED)
    traces = [kept()]
    mlflow.langchain.autolog()
    langchain_chain().invoke(ASKED)
    traces.append(kept())
    with path.open("w") as file:
        for trace in traces:
            data = trace.to_dict()
            # Names of users, files and folders stay where they are.
            info = {key: data["info"][key] for key in ("trace_id", "request_time", "state")}
            file.write(json.dumps({"info": info, "data": data["data"]}) + "\n")


def write_phoenix(path: Path) -> None:
    """Write the spans that a Phoenix server gives back, and beside them its table in Parquet."""
    from openinference.instrumentation.langchain import LangChainInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from phoenix.client import Client

    with phoenix_server(path.parent / "phoenix") as url:
        spans = recorded(LangChainInstrumentor(), lambda: langchain_chain().invoke(ASKED))
        OTLPSpanExporter(f"{url}/v1/traces").export(spans)
        client = Client(base_url=url)
        found: list[Any] = []
        while len(found) < len(spans):
            time.sleep(0.2)
            found = client.spans.get_spans(project_identifier="default")
        path.write_text(json.dumps(found))
        table = client.spans.get_spans_dataframe(project_identifier="default")
        table.to_parquet(path.with_suffix(".parquet"))


WRITERS: dict[str, Callable[[Path], None]] = {
    "openinference-langchain": write_openinference_langchain,
    "openinference-llama-index": write_openinference_llama_index,
    "opentelemetry-sdk": write_sdk,
    "langsmith": write_langsmith,
    "langfuse": write_langfuse,
    "mlflow": write_mlflow,
    "phoenix": write_phoenix,
}

if __name__ == "__main__":
    os.environ["LANGSMITH_TRACING"] = "false"
    WRITERS[sys.argv[1]](Path(sys.argv[2]))
