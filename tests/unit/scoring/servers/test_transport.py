"""Requests go out under a limit, again where that helps, and say nothing that is secret."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import httpx
import pytest

from attribot_integrations.errors import ConfigurationError, ServerError
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.servers import transport
from attribot_integrations.scoring.servers.server_options import ServerOptions
from attribot_integrations.scoring.servers.transport import RefusedError, ServerCalls

OK = httpx.Response(200, json={"fine": True})
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which are not waited for."""
    found: list[float] = []

    def sleep(seconds: float, check: Callable[[], None]) -> None:
        check()
        found.append(seconds)

    monkeypatch.setattr(transport, "_sleep", sleep)
    return found


def calls(handler: Handler, url: str = "http://server:8000/v1", **options: Any) -> ServerCalls:
    client = httpx.Client(transport=httpx.MockTransport(handler))
    return ServerCalls(url, ServerOptions(client=client, **options))


def in_turn(*answers: httpx.Response | Exception) -> Handler:
    waiting = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handler


def test_the_address_may_end_in_v1() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return OK

    calls(handler, "http://server:8000/llm/v1/").post(("/v1/completions", {}))
    assert seen == ["http://server:8000/llm/v1/completions"]


@pytest.mark.parametrize("url", ["server:8000", "ftp://server", "http://", "", "http://[::1"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the url of a server"):
        calls(in_turn(OK), url)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int, pauses: list[float]) -> None:
    busy = httpx.Response(status, headers={"Retry-After": "3"})
    assert calls(in_turn(busy, busy, OK)).post(("/x", {})) == {"fine": True}
    assert pauses == [3.0, 3.0]


def test_pauses_grow_at_random_and_have_a_limit(pauses: list[float]) -> None:
    with pytest.raises(ServerError, match=r"tried 12 attempts: .* status 503"):
        calls(in_turn(httpx.Response(503)), attempts=12).post(("/x", {}))
    assert len(set(pauses)) == 11
    assert 0 <= min(pauses) < max(pauses) <= 30
    assert max(pauses[:2]) <= 1


def test_a_long_pause_is_not_granted(pauses: list[float]) -> None:
    busy = httpx.Response(429, headers={"Retry-After": "86400"})
    calls(in_turn(busy, OK)).post(("/x", {}))
    assert pauses == [30.0]


@pytest.mark.parametrize(
    "broken", [httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut")]
)
def test_a_broken_connection_is_tried_again(broken: Exception) -> None:
    assert calls(in_turn(broken, OK)).post(("/x", {})) == {"fine": True}
    with pytest.raises(ServerError, match="2 attempts: it cannot be reached"):
        calls(in_turn(broken), attempts=2).post(("/x", {}))


def test_half_an_answer_is_asked_for_again() -> None:
    half = httpx.Response(200, content='{"choices": [{"prompt_log')
    assert calls(in_turn(half, OK)).post(("/x", {})) == {"fine": True}
    with pytest.raises(ServerError, match="its answer is no whole JSON"):
        calls(in_turn(half), attempts=2).post(("/x", {}))


def test_a_slow_server_is_not_asked_again(pauses: list[float]) -> None:
    slow = httpx.ReadTimeout("slow")
    with pytest.raises(ServerError, match=r"gave no answer in 7 s: pass a longer timeout"):
        calls(in_turn(slow), timeout=7).post(("/x", {}))
    assert pauses == []


def test_a_refusal_is_told_in_the_servers_words() -> None:
    refused = httpx.Response(400, json={"message": "too long"})
    with pytest.raises(ServerError, match=r"/x answers with status 400: .*too long"):
        calls(in_turn(refused)).post(("/x", {}))


def test_what_is_not_there() -> None:
    assert calls(in_turn(httpx.Response(404))).get("/props") is None
    assert calls(in_turn(httpx.Response(200, content="<html>"))).get("/props") is None
    with pytest.raises(ServerError, match="status 404"):
        calls(in_turn(httpx.Response(404))).post(("/x", {}))


def test_secrets_are_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def handler(request: httpx.Request) -> httpx.Response:
        given = request.headers["Authorization"]
        return httpx.Response(401, text=f"wrong key: {given}")

    spoken = calls(handler, api_key="sk-secret")
    with pytest.raises(ServerError, match="wrong key: Bearer …; pass the server's key") as raised:
        spoken.post(("/x", {}))
    with_password = calls(in_turn(OK), "http://me:sk-secret@server:8000")
    with_password.post(("/x", {}))
    shown = [repr(spoken), repr(with_password), with_password.url, str(raised.value), caplog.text]
    assert not any("sk-secret" in each for each in shown)


def test_a_password_in_the_address_is_sent() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return OK

    calls(handler, "http://me:pass@server").post(("/x", {}))
    assert seen == ["Basic bWU6cGFzcw=="]


def test_so_many_at_a_time_and_no_more() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return OK

    spoken = calls(handler, max_parallel=3)
    jobs = [(1, ("/x", {"n": n})) for n in range(12)]
    threads = [
        threading.Thread(target=lambda: list(spoken.post_each(jobs, Budget()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3


def test_answers_have_the_places_of_their_requests() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.content)

    found = dict(calls(handler).post_each(((1, ("/x", {"n": n})) for n in range(30)), Budget()))
    assert found == {n: {"n": n} for n in range(30)}


def test_the_budget_ends_it() -> None:
    budget = Budget(max_tokens=25)
    found = dict(calls(in_turn(OK)).post_each([(10, ("/x", {}))] * 5, budget))
    assert sorted(found) == [0, 1]
    assert budget.reached == "max_tokens=25"


def test_a_failure_ends_it_and_takes_back_what_waits() -> None:
    seen: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(1)
        time.sleep(0.01)
        return httpx.Response(400)

    spoken = calls(handler, max_parallel=1)
    with pytest.raises(ServerError, match="status 400"):
        list(spoken.post_each([(1, ("/x", {}))] * 50, Budget()))
    time.sleep(0.05)
    assert len(seen) <= 3


def test_cancelling_ends_it() -> None:
    cancelled, begun = threading.Event(), threading.Event()

    def handler(request: httpx.Request) -> httpx.Response:
        begun.set()
        cancelled.wait(5)
        return OK

    def cancel() -> None:
        begun.wait(5)
        cancelled.set()

    threading.Thread(target=cancel).start()
    started = time.monotonic()
    with pytest.raises(CancelledError):
        list(calls(handler).post_each([(1, ("/x", {}))] * 50, Budget(cancelled=cancelled)))
    assert time.monotonic() - started < 4


def test_pausing_is_cut_short_when_the_result_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()  # the real pause

    def check() -> None:
        raise ServerError("the request is not wanted any more")

    with pytest.raises(ServerError, match="not wanted"):
        transport._sleep(60, check)


def test_a_client_of_its_own_is_closed_and_another_is_not() -> None:
    given = httpx.Client()
    own = ServerCalls("http://server", ServerOptions())
    other = ServerCalls("http://server", ServerOptions(client=given))
    made = own._client
    del own, other
    gc.collect()
    assert made.is_closed
    assert not given.is_closed
    given.close()


# On the event loop


def alone(monkeypatch: pytest.MonkeyPatch, handler: Any, **options: Any) -> ServerCalls:
    """Calls without a client of their own, whose connections lead to a handler."""
    made = httpx.AsyncClient

    def client(**given: Any) -> httpx.AsyncClient:
        return made(transport=httpx.MockTransport(handler), **given)

    async def sleep(seconds: float) -> None:
        pass

    monkeypatch.setattr(httpx, "AsyncClient", client)
    monkeypatch.setattr(transport, "_asleep", sleep)
    return ServerCalls("http://server:8000/v1", ServerOptions(**options))


async def test_the_event_loop_sends_as_threads_do(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    fine = httpx.Response(200, json={"fine": True})
    waiting: list[Any] = [httpx.Response(429), httpx.ConnectError("refused"), fine]

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    made = alone(monkeypatch, handler, api_key="k")
    assert await made.apost(("/x", {"a": 1})) == {"fine": True}
    assert seen == ["Bearer k"] * 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(503), "was tried 2 attempts"),
        (httpx.Response(404), "answers with status 404"),
        (httpx.ReadTimeout("slow"), "gave no answer in 120 s"),
    ],
)
async def test_the_event_loop_is_told_of_faults(
    monkeypatch: pytest.MonkeyPatch, answer: Any, message: str
) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    with pytest.raises(ServerError, match=message):
        await alone(monkeypatch, handler, attempts=2).apost(("/x", {}))


async def test_cancelling_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return httpx.Response(503)

    task = asyncio.create_task(alone(monkeypatch, handler).apost(("/x", {})))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_refusals_carry_what_was_said() -> None:
    made = calls(in_turn(httpx.Response(422, json={"error": "why"})))
    with pytest.raises(RefusedError, match="status 422") as caught:
        made.post(("/x", {}))
    assert (caught.value.status, caught.value.body) == (422, b'{"error":"why"}')


def test_the_key_is_called_what_the_caller_calls_it() -> None:
    client = httpx.Client(transport=httpx.MockTransport(in_turn(httpx.Response(401))))
    made = ServerCalls("http://s", ServerOptions(client=client), key_name="token")
    with pytest.raises(ServerError, match="pass the server's key as token"):
        made.get("/x")
