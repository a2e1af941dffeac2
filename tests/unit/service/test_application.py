"""Routes, limits, token: what a caller sees."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from attribot_integrations import AttributionEngine, AttributionRequest, EngineOptions
from attribot_integrations.auditing import audit
from attribot_integrations.errors import ModelError, OutOfMemoryError, ServerError
from attribot_integrations.results import Attribution
from attribot_integrations.service.service_options import ServiceOptions
from attribot_integrations.service.wire_results import attribution_from_wire
from tests.unit.service.running import Running, asked, engine, running

TOKEN = "hush-hush-hush"


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(ServiceOptions(max_bytes=60_000, max_chunks=20)) as found:
        yield found


@pytest.fixture(scope="module")
def client(service: Running) -> Iterator[httpx.Client]:
    with service.client() as found:
        yield found


class Failing(AttributionEngine):
    """Fails, or waits, as it is told."""

    error: Exception | None = None
    gate: threading.Event | None = None
    begun: threading.Event

    def attribute_request(self, request: AttributionRequest, **options: Any) -> Attribution:
        if self.error is not None:
            raise self.error
        if self.gate is not None:
            self.begun.set()
            while not self.gate.wait(0.01):
                if options["cancelled"].is_set():
                    self.cancelled = True
                    raise RuntimeError("cancelled")
        return super().attribute_request(request, **options)

    def sharing_context(self) -> Any:
        return self


@pytest.fixture
def failing() -> Failing:
    made = Failing(engine().target)
    made.begun = threading.Event()
    made.cancelled = False
    return made


def direct(body: dict[str, Any], options: EngineOptions | None = None) -> Attribution:
    chosen = options or EngineOptions(max_seconds=60)
    return engine().attribute(body["question"], body["chunks"], body["answer"], options=chosen)


# Results


def test_results_are_those_of_the_engine(client: httpx.Client) -> None:
    body = asked()
    answered = client.post("/v1/attribute", json=body)
    assert answered.status_code == 200
    request = AttributionRequest(body["question"], body["chunks"], body["answer"])
    found = attribution_from_wire(answered.json(), request)
    assert np.array_equal(found.scores, direct(body).scores)
    assert found.citations == direct(body).citations


def test_options_are_the_callers(client: httpx.Client) -> None:
    body = asked() | {"id": "7", "options": {"method": "exact", "levels": ["chunk"]}}
    found = client.post("/v1/attribute", json=body).json()["result"]
    assert (found["method"], found["id"]) == ("exact", "7")
    assert {source["level"] for source in found["sources"]} == {"chunk"}


def test_statements_are_streamed(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/attribute", json=asked() | {"stream": True}) as answered:
        assert answered.headers["Content-Type"].startswith("text/event-stream")
        lines = [line for line in answered.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names == ["accepted", "started", "statement", "result"]
    whole = json.loads(lines[-1].removeprefix("data: "))
    assert whole["result"]["scores"] == direct(asked()).scores.tolist()


def test_what_is_wrong_is_an_event_once_the_stream_has_begun(client: httpx.Client) -> None:
    answered = client.post("/v1/attribute", json=asked() | {"answer": " ", "stream": True})
    assert answered.status_code == 200
    assert '"type": "EmptyAnswerError"' in answered.text


def test_chunks_are_filtered(client: httpx.Client) -> None:
    body = asked()
    data = {"question": body["question"], "chunks": body["chunks"], "signal": "draft", "top_n": 1}
    found = client.post("/v1/filter", json=data).json()["result"]
    scores = engine().score_chunks(body["question"], body["chunks"], signal="draft")
    assert found["relevance"] == scores.relevance.tolist()
    assert found["kept"] == list(scores.keep(top_n=1))
    assert found["draft"] == scores.draft


def test_citations_are_audited(client: httpx.Client) -> None:
    body = asked()
    body["answer"] = body["answer"].rstrip(".") + " [2]."
    found = client.post("/v1/audit", json=body).json()["result"]
    expected = audit(body["question"], body["chunks"], body["answer"], engine=engine())
    assert [one["verdict"] for one in found["citations"]] == [
        one.verdict for one in expected.citations
    ]
    assert found["precision"] == expected.precision


# Refusals


@pytest.mark.parametrize(
    ("path", "sent", "status", "message"),
    [
        ("/v1/attribute", {"content": b"{"}, 400, "the body is no JSON at character 1"),
        ("/v1/attribute", {"json": {}}, 422, "question is missing"),
        ("/v1/attribute", {"json": asked() | {"answer": ""}}, 422, "the answer is blank"),
        ("/v1/attribute", {"json": asked() | {"chunks": []}}, 422, "no chunks were given"),
        ("/v1/attribute", {"json": asked() | {"wire": 9}}, 422, "wire must be 1"),
        (
            "/v1/attribute",
            {"json": asked() | {"options": {"method": "fast"}}},
            422,
            "the method 'knockout on proxy' runs a proxy model",
        ),
        (
            "/v1/attribute",
            {"json": asked() | {"chunks": ["a"] * 21}},
            413,
            "chunks must be at most 20",
        ),
        ("/v1/attribute", {"json": asked() | {"answer": "a" * 60_000}}, 413, "at most 60000 bytes"),
        (
            "/v1/attribute",
            {"data": {"question": "a"}},
            415,
            "Content-Type must be application/json",
        ),
        ("/v1/filter", {"json": {"question": " ", "chunks": ["a"]}}, 422, "text that is not blank"),
        (
            "/v1/audit",
            {
                "json": asked()
                | {"citations": [{"start": 0, "end": 999, "chunk_index": 0, "label": "1"}]}
            },
            422,
            "citations must be for spans of the answer",
        ),
        ("/v1/nothing", {"json": {}}, 404, "Not Found"),
    ],
)
def test_refusals_say_why(
    client: httpx.Client, path: str, sent: dict[str, Any], status: int, message: str
) -> None:
    headers = {"Content-Type": "application/json"} if "content" in sent else {}
    answered = client.post(path, **sent, headers=headers)
    assert answered.status_code == status
    told = answered.json()
    assert told["wire"] == 1
    assert message in told["error"]["message"]


def test_methods_that_a_route_has_not(client: httpx.Client) -> None:
    answered = client.get("/v1/attribute")
    assert (answered.status_code, answered.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("error", "status", "kind", "message"),
    [
        (OutOfMemoryError("no room"), 413, "OutOfMemoryError", "no room"),
        (ServerError("vLLM is gone"), 502, "ServerError", "vLLM is gone"),
        (ModelError("NaN"), 500, "ModelError", "NaN"),
        (RuntimeError("in /home/me"), 500, "InternalError", "the service failed; its log says why"),
    ],
)
def test_faults_of_the_engine_are_told(
    failing: Failing, error: Exception, status: int, kind: str, message: str
) -> None:
    failing.error = error
    with running(served=failing) as service, service.client() as client:
        answered = client.post("/v1/attribute", json=asked())
    assert answered.status_code == status
    assert answered.json()["error"] == {"type": kind, "message": message}


def test_a_full_queue(failing: Failing) -> None:
    failing.gate = threading.Event()
    statuses: list[int] = []
    with running(ServiceOptions(max_waiting=1), failing) as service, service.client() as client:

        def post() -> None:
            statuses.append(client.post("/v1/attribute", json=asked()).status_code)

        threads = [threading.Thread(target=post) for _ in range(2)]
        threads[0].start()
        assert failing.begun.wait(10)
        threads[1].start()
        while "attribot_waiting_requests 1.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        refused = client.post("/v1/attribute", json=asked())
        failing.gate.set()
        for thread in threads:
            thread.join()
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    assert "the service is busy: 1 requests wait already" in refused.json()["error"]["message"]
    assert statuses == [200, 200]


def test_a_slow_body() -> None:
    def slowly() -> Iterator[bytes]:
        yield b"{"
        time.sleep(0.4)
        yield b"}"

    with running(ServiceOptions(body_seconds=0.1)) as service, service.client() as client:
        headers = {"Content-Type": "application/json"}
        answered = client.post("/v1/attribute", content=slowly(), headers=headers)
    assert answered.status_code == 408
    assert "did not come within 0.1 s" in answered.json()["error"]["message"]


def test_who_leaves_stops_its_request(failing: Failing) -> None:
    failing.gate = threading.Event()
    with running(served=failing) as service:
        with service.client() as client, pytest.raises(httpx.ReadTimeout):
            client.post("/v1/attribute", json=asked(), timeout=0.3)
        end = time.monotonic() + 10
        while not failing.cancelled and time.monotonic() < end:
            time.sleep(0.02)
        assert failing.cancelled


def test_limits_of_time_hold_for_all(client: httpx.Client) -> None:
    body = asked() | {"options": {"max_seconds": 1e-6}}
    found = client.post("/v1/attribute", json=body).json()["result"]
    assert "seconds reached" in found["stopped"] or "max_seconds" in found["stopped"]


# Stopping


def test_what_was_accepted_is_finished(failing: Failing) -> None:
    failing.gate = threading.Event()
    found: list[int] = []
    with running(served=failing) as service:

        def post() -> None:
            with service.client() as client:
                found.append(client.post("/v1/attribute", json=asked()).status_code)

        thread = threading.Thread(target=post)
        thread.start()
        assert failing.begun.wait(10)
        service.server.should_exit = True
        time.sleep(0.2)
        failing.gate.set()
        thread.join()
    assert found == [200]


def test_who_comes_while_it_stops_is_told(service: Running) -> None:
    with running() as stopping, stopping.client() as client:
        assert client.get("/ready").json() == {"status": "ready"}
        stopping.app.state.batches.stop()
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200
        refused = client.post("/v1/attribute", json=asked())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")


# Token


def test_a_token_is_asked_for_and_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(ServiceOptions(token=TOKEN)) as service, service.client() as client:
        for headers in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": "Bearer ünknown".encode("latin-1")},
        ):
            for path in ("/v1/model", "/metrics"):
                refused = client.get(path, headers=headers)  # type: ignore[arg-type]
                assert refused.status_code == 401
                assert refused.headers["WWW-Authenticate"] == "Bearer"
        own = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/v1/attribute", json=asked(), headers=own).status_code == 200
        assert client.post("/v1/attribute", content=b"{", headers=own).status_code == 415
        assert client.get("/health").status_code == client.get("/ready").status_code == 200
        assert "401" in client.get("/openapi.json").text
        assert TOKEN not in client.get("/metrics", headers=own).text
    assert TOKEN not in caplog.text
    assert TOKEN[:-1] not in caplog.text


def test_the_model_is_described_without_folders(client: httpx.Client) -> None:
    found = client.get("/v1/model").json()
    assert found["model"] == "target"
    assert found["proxy"] is None
    assert found["method"] == "balanced" or "knockout" in found["method"]
    assert found["uses_chat_template"] is True
    assert found["limits"]["max_chunks"] == 20


def test_figures_tell_routes_and_batches(client: httpx.Client) -> None:
    client.get("/v1/nothing-of-this-kind")
    text = client.get("/metrics").text
    assert 'path="/v1/attribute",status="200"' in text
    assert 'path="other",status="404"' in text
    assert "nothing-of-this-kind" not in text
    assert 'attribot_model_tokens_total{model="target"}' in text
