"""Traces made, read, attributed and given feedback, with a real MLflow store or Phoenix server.

    python -m tests.integrations.trace_round_trip TOOL FOLDER

Prints what the tool holds in the end, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.traces import read_traces, send_feedback
from tests.integrations.phoenix_server import phoenix_server
from tests.integrations.trace_samples import SEARCHED, langchain_chain, recorded
from tests.unit.words import WordModel


def with_mlflow(folder: Path) -> Any:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'store.db'}")
    mlflow.langchain.autolog()
    langchain_chain().invoke(SEARCHED)
    mlflow.flush_trace_async_logging()
    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert trace is not None
    path = folder / "traces.jsonl"
    path.write_text(trace.to_json() + "\n")
    sent = attributed_and_sent("mlflow", path, mlflow)
    again = mlflow.get_trace(trace.info.trace_id)
    assert again is not None
    root = trace.data.spans[0].span_id
    kept = [
        {
            "name": one.name,
            "value": one.value,
            "rationale": one.rationale,
            "source": [one.source.source_type, one.source.source_id],
            "on_root": one.span_id == root,
        }
        for one in again.info.assessments
    ]
    return {"sent": sent, "kept": kept}


def with_phoenix(folder: Path) -> Any:
    from openinference.instrumentation.langchain import LangChainInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from phoenix.client import Client

    with phoenix_server(folder / "phoenix") as url:
        spans = recorded(LangChainInstrumentor(), lambda: langchain_chain().invoke(SEARCHED))
        OTLPSpanExporter(f"{url}/v1/traces").export(spans)
        client = Client(base_url=url)
        found: list[Any] = []
        while len(found) < len(spans):
            time.sleep(0.2)
            found = client.spans.get_spans(project_identifier="default")
        path = folder / "spans.json"
        path.write_text(json.dumps(found))
        sent = [attributed_and_sent("phoenix", path, client) for _ in range(2)]  # twice the same
        roots = [one["context"]["span_id"] for one in found if one["parent_id"] is None]
        kept = client.spans.get_span_annotations(span_ids=roots, project_identifier="default")
        return {"sent": sent[0], "kept": kept}


def attributed_and_sent(tool: str, path: Path, client: Any) -> int:
    engine = AttributionEngine(WordModel(), options=EngineOptions(method="exact"))
    requests = read_traces(path, tool).requests
    return send_feedback(tool, map(engine.attribute_request, requests), client)


ROUNDS: dict[str, Callable[[Path], Any]] = {"mlflow": with_mlflow, "phoenix": with_phoenix}

if __name__ == "__main__":
    print(json.dumps(ROUNDS[sys.argv[1]](Path(sys.argv[2]))))  # noqa: T201
