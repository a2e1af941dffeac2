"""Feedback through the tools' clients: the real ones, with a transport that records."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import httpx
import pytest
import requests

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError, InputError, MissingExtraError
from attribot_integrations.results import Attribution
from attribot_integrations.traces import send_feedback, trace_feedback
from attribot_integrations.traces.sending import SENDERS
from tests.unit.render.samples import sample

TRACE = "01a21d45-2c88-7555-9507-703545775d93"
PROJECT = "1f7f4b0e-0000-4000-8000-000000000001"


def of_a_trace(id_: str) -> Attribution:
    mark = {"retrieved_by": {"span": "683bc3193ab5b7c2", "position": 0}}
    result = sample()
    chunks = (Chunk(result.chunks[0].text, "d1", mark), *result.chunks[1:])
    return replace(result, chunks=chunks, id=id_)


def needs(module: str, package: str) -> pytest.MarkDecorator:
    """Mark a test that needs a client which the other tests do without."""
    try:
        missing = find_spec(module) is None
    except ModuleNotFoundError:
        missing = True
    return pytest.mark.skipif(missing, reason=f"needs {package}")


class KeptCalls(requests.Session):
    """Sends nothing, and keeps what would have been sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append((method, str(url), json.loads(kwargs["data"])))
        response = requests.Response()
        response.status_code = 200
        response._content = b"{}"
        return response


def test_langsmith() -> None:
    langsmith = pytest.importorskip("langsmith")
    kept = KeptCalls()
    client = langsmith.Client(
        api_url="http://localhost", api_key="-", session=kept, auto_batch_tracing=False, info={}
    )
    result = of_a_trace(f"{TRACE}#{TRACE}#{PROJECT}")
    assert send_feedback("langsmith", [result], client) == 5
    assert {(method, url) for method, url, _ in kept.sent} == {
        ("POST", "http://localhost/feedback")
    }
    coverage, *statements = [body for _, _, body in kept.sent]
    assert (coverage["key"], coverage["score"], coverage["run_id"]) == (
        "citation_coverage",
        0.5,
        TRACE,
    )
    assert (coverage["trace_id"], coverage["session_id"]) == (TRACE, PROJECT)
    assert coverage["feedback_source"]["metadata"]["source"] == "attribot"
    assert statements[2]["value"] == "unsupported"
    assert statements[2]["comment"] == "no source is cited"
    uuid.UUID(coverage["id"])


@pytest.mark.slow
@needs("langfuse", "langfuse")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_langfuse() -> None:
    from langfuse import Langfuse
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    sent: list[Any] = []

    def keep(request: httpx.Request) -> httpx.Response:
        sent.extend(json.loads(request.content))
        return httpx.Response(200, json=[])

    client = Langfuse(
        public_key="pk-lf-0",
        secret_key="sk-lf-0",
        base_url="http://localhost",
        httpx_client=httpx.Client(transport=httpx.MockTransport(keep)),
        span_exporter=InMemorySpanExporter(),
    )
    assert send_feedback("langfuse", [of_a_trace("0" * 31 + "1#" + "0" * 15 + "2")], client) == 6
    assert [each["name"] for each in sent][:2] == ["citation_coverage", "citation_support"]
    assert {each["traceId"] for each in sent} == {"0" * 31 + "1"}
    assert {each["observationId"] for each in sent} == {"0" * 15 + "2"}
    assert [each["value"] for each in sent if each["dataType"] == "CATEGORICAL"][2] == "unsupported"


@pytest.mark.slow
@needs("phoenix.client", "arize-phoenix-client")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_phoenix() -> None:
    from phoenix.client import Client

    sent: dict[str, list[Any]] = {}

    def keep(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)["data"]
        sent[request.url.path] = body
        return httpx.Response(200, json={"data": [{"id": "x"} for _ in body]})

    transport = httpx.MockTransport(keep)
    client = Client(http_client=httpx.Client(base_url="http://localhost", transport=transport))
    result = of_a_trace("f7671dc6c2a199180a2d19000062bcf0#d6ee1573a4a0fc28")
    assert send_feedback("phoenix", [result, result], client) == 12
    assert len(sent["/v1/span_annotations"]) == 10
    first, _ = sent["/v1/document_annotations"]
    assert (first["span_id"], first["document_position"]) == ("683bc3193ab5b7c2", 0)


@pytest.mark.parametrize("tool", SENDERS)
def test_a_missing_client_is_named(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("langsmith", "langfuse", "phoenix", "phoenix.client", "mlflow"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'pip install "attribot-integrations\[{tool}\]"'):
        send_feedback(tool, [of_a_trace("t#s")])


def test_all_is_made_before_the_first_is_sent() -> None:
    with pytest.raises(InputError, match="names no place in a trace"):
        send_feedback("langsmith", [of_a_trace("t#s"), sample()], client=None)


def test_nothing_needs_no_client() -> None:
    assert send_feedback("langfuse", []) == 0


def test_mlflow_gets_its_own_kind_of_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real store, see tests/integrations/test_trace_feedback.py."""
    logged: list[dict[str, Any]] = []
    entities = ModuleType("mlflow.entities")
    entities.AssessmentSource = lambda **given: ("source", given)  # type: ignore[attr-defined]
    mlflow = ModuleType("mlflow")
    mlflow.log_feedback = lambda **given: logged.append(given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    result = of_a_trace("tr-1#d6ee1573a4a0fc28")
    assert send_feedback("mlflow", [result]) == len(logged) == 5
    assert logged[0]["source"] == ("source", {"source_type": "CODE", "source_id": "attribot"})
    assert trace_feedback("mlflow", result)[0]["source"]["source_id"] == "attribot"


def test_other_tools_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"feedback goes to langsmith, .*; got 'weave'"):
        send_feedback("weave", [])
