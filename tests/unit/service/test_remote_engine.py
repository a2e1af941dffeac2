"""`RemoteEngine` does what an engine does, and never passes on what is no answer to its request."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from attribot_integrations import (
    AttributionEngine,
    AttributionRequest,
    Chunk,
    ContextTemplate,
    EngineOptions,
    FailedAttribution,
    Knockout,
)
from attribot_integrations.auditing import audit
from attribot_integrations.context import RawPrompt
from attribot_integrations.errors import (
    ConfigurationError,
    EmptyAnswerError,
    InputError,
    ServerError,
)
from attribot_integrations.filtering import QuestionSignal
from attribot_integrations.requests.attributors import KnowsItsModel
from attribot_integrations.scoring.servers import transport
from attribot_integrations.service import RemoteEngine
from attribot_integrations.service.service_options import ServiceOptions
from attribot_integrations.service.wire_results import (
    answer_to_wire,
    attribution_to_wire,
    error_to_wire,
)
from tests.unit.attributions import make_attribution
from tests.unit.service.running import Running, asked, engine, running

if TYPE_CHECKING:
    from attribot_integrations.engine.protocols import Engine
    from attribot_integrations.filtering.chunk_filter import ChunkScorer
    from attribot_integrations.service.micro_batches import SharingEngine

    # The types of both engines fit wherever one of them is asked for.
    _ENGINES: tuple[type[Engine], ...] = (AttributionEngine, RemoteEngine)
    _SCORERS: tuple[type[ChunkScorer], ...] = (AttributionEngine, RemoteEngine)
    _SERVED: type[SharingEngine] = AttributionEngine

TOKEN = "hush-hush-hush"


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def remote(service: Running) -> RemoteEngine:
    return service.remote()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are not waited for."""
    monkeypatch.setattr(transport, "_sleep", lambda seconds, check: check())


# The same calls


def test_a_conversation_may_be_all_there_is(remote: RemoteEngine) -> None:
    options = EngineOptions(method="exact", sources=("retrieved", "user"))
    messages = [
        {"role": "user", "content": "The harbour opened in 1962."},
        {"role": "assistant", "content": "I see.", "name": "find", "calls": "{}"},
        {"role": "user", "content": "When did it open?"},
    ]
    asked = ("When did it open?", (), "It opened in 1962.")
    found = remote.attribute(*asked, prompt=messages, options=options)
    here = engine().attribute(*asked, prompt=messages, options=options)
    assert np.allclose(found.scores, here.scores, atol=1e-4)
    assert [(chunk.kind, chunk.text) for chunk in found.chunks] == [
        ("user", "The harbour opened in 1962.")
    ]
    assert found.chunks == here.chunks


def test_attributions_are_the_engines(remote: RemoteEngine) -> None:
    body = asked()
    mark = object()
    chunks = [Chunk(text, str(n), {"mark": mark}) for n, text in enumerate(body["chunks"])]
    found = remote.attribute(body["question"], chunks, body["answer"], id="7")
    here = engine().attribute(body["question"], chunks, body["answer"], id="7")
    assert np.array_equal(found.scores, here.scores)
    assert (found.citations, found.support, found.id) == (here.citations, here.support, "7")
    assert found.chunks[0].metadata["mark"] is mark


async def test_the_event_loop_stays_free(remote: RemoteEngine) -> None:
    found = await asyncio.gather(*(remote.aattribute(**asked(number)) for number in range(3)))
    assert [one.question for one in found] == [asked(number)["question"] for number in range(3)]


def test_batches_keep_their_order_and_their_failures(remote: RemoteEngine) -> None:
    requests = [AttributionRequest(**asked(number), id=str(number)) for number in range(4)]
    requests.insert(2, AttributionRequest("q", ["a"], " ", id="blank"))
    found = remote.attribute_batch(requests, progress=False)
    assert [one.id for one in found] == ["0", "1", "blank", "2", "3"]
    assert isinstance(found[2], FailedAttribution)
    assert isinstance(found[2].error, EmptyAnswerError)
    for one, here in zip(found, engine().attribute_batch(requests, progress=False), strict=True):
        if not isinstance(one, FailedAttribution):
            assert not isinstance(here, FailedAttribution)
            assert np.abs(one.scores - here.scores).max() < 1e-4
    with pytest.raises(EmptyAnswerError):
        remote.attribute_batch(requests, progress=False, raise_error=True)
    with pytest.raises(InputError, match="requests must be a list"):
        remote.attribute_batch(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "prompt",
    [
        lambda shown: shown,
        lambda shown: RawPrompt(shown, trusted=True),
        lambda shown: [{"role": "user", "content": shown}],
        lambda shown: ContextTemplate(
            chunk_format="({number}) {title}: {text}", system="Be brief."
        ),
    ],
    ids=["text", "raw", "messages", "template"],
)
def test_prompts_reach_the_model_as_they_are(remote: RemoteEngine, prompt: Any) -> None:
    body = asked()
    chunks = [Chunk(text, metadata={"title": f"T{n}"}) for n, text in enumerate(body["chunks"])]
    given = prompt("Use:\n" + "\n".join(body["chunks"]) + "\nAsked: " + body["question"])
    found, here = (
        each.attribute(body["question"], chunks, body["answer"], prompt=given)
        for each in (remote, engine())
    )
    assert np.array_equal(found.scores, here.scores)
    assert found.locations == here.locations


def test_options_reach_the_service(service: Running) -> None:
    options = EngineOptions(
        method="exact", levels=("chunk",), template=ContextTemplate("{context}{question}")
    )
    body = asked()
    here = engine().attribute(**body, options=options)
    for found in (
        service.remote().attribute(**body, options=options),
        service.remote(options=options).attribute(**body),
    ):
        assert found.method == "exact"
        assert np.array_equal(found.scores, here.scores)


def test_chunks_are_scored(remote: RemoteEngine) -> None:
    body = asked()
    given = body["question"], body["chunks"]
    found = remote.score_chunks(*given, signal="both", granularity="sentence")
    here = engine().score_chunks(*given, signal="both", granularity="sentence")
    assert np.array_equal(found.relevance, here.relevance)
    assert (found.sentences, found.draft) == (here.sentences, here.draft)
    assert remote.score_chunks("q", []).keep() == ()


def test_audits_take_it_for_an_engine(remote: RemoteEngine) -> None:
    body = asked()
    body["answer"] = body["answer"].rstrip(".") + " [2]."
    found, here = (audit(**body, engine=each) for each in (remote, engine()))
    assert found.citations == here.citations


def test_it_tells_adapters_what_its_model_is(remote: RemoteEngine) -> None:
    assert isinstance(remote, KnowsItsModel)
    assert remote.uses_chat_template is True
    assert not remote.runs(engine().target)
    assert remote.sharing_context() is remote
    assert remote.describe()["model"] == "target"


# Refusals


def test_errors_are_those_of_an_engine(remote: RemoteEngine) -> None:
    for given in (asked() | {"answer": " "}, asked() | {"chunks": []}, asked() | {"question": 3}):
        with pytest.raises(InputError) as here:
            engine().attribute(**given)
        with pytest.raises(InputError) as there:
            remote.attribute(**given)
        assert type(there.value) is type(here.value)
        assert str(there.value) == str(here.value)


def test_what_cannot_be_sent_is_refused_before(remote: RemoteEngine) -> None:
    with pytest.raises(ConfigurationError, match="method must be one of"):
        remote.attribute(**asked(), options=EngineOptions(method=Knockout(rerun=2)))
    with pytest.raises(ConfigurationError, match="verifier is chosen where the service starts"):
        RemoteEngine("http://service", options=EngineOptions(verifier=None))
    with pytest.raises(ConfigurationError, match="a signal is sent to a service by its name"):
        remote.score_chunks("q", ["a"], signal=QuestionSignal())
    with pytest.raises(ConfigurationError, match="the template of filters is chosen where"):
        remote.score_chunks("q", ["a"], options=EngineOptions(template=ContextTemplate(system="a")))
    with pytest.raises(InputError, match="a request must be an AttributionRequest"):
        remote.attribute_request("q")  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "  ", 3, "ünknown"])
def test_tokens_that_cannot_be(token: Any) -> None:
    with pytest.raises(ConfigurationError, match="token must be a str of printable ASCII"):
        RemoteEngine("http://service", token=token)


def test_the_token_is_sent_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(ServiceOptions(token=TOKEN)) as service:
        assert service.remote(token=TOKEN).attribute(**asked()).citations
        for wrong in (None, TOKEN + "x"):
            engine_ = service.remote(token=wrong)
            with pytest.raises(ServerError, match="pass the server's key as token") as caught:
                engine_.attribute(**asked())
            assert TOKEN not in f"{engine_!r}{caught.value}{caught.value.__cause__}"
            assert engine_.uses_chat_template is True  # unknown, and no reason to fail
    assert TOKEN not in caplog.text
    with pytest.raises(TypeError, match="cannot be pickled, for it may hold a token"):
        pickle.dumps(RemoteEngine("http://service", token=TOKEN))


# Faults of the service


def answered(body: dict[str, Any], model: str = "tiny") -> httpx.Response:
    made = make_attribution(body["question"], body["chunks"], body["answer"])
    return httpx.Response(200, json=answer_to_wire(attribution_to_wire(made), model))


def faulty(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> RemoteEngine:
    client = httpx.Client(transport=httpx.MockTransport(handler))
    return RemoteEngine("http://service:1/v1", client=client, **options)


def in_turn(*answers: Any) -> Callable[[httpx.Request], httpx.Response]:
    waiting = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    return handler


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(429, headers={"Retry-After": "3"}),
        httpx.Response(503),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.Response(200, content=b'{"wire": 1, "result": {"sche'),
        httpx.Response(500, content=b"Internal Server Error"),
    ],
    ids=["busy", "stopping", "away", "cut off", "half", "replica gone"],
)
def test_what_passes_is_tried_again(fault: Any) -> None:
    body = asked()
    remote = faulty(in_turn(fault, fault, answered(body)))
    assert remote.attribute(**body).answer == body["answer"]
    forever = faulty(in_turn(fault), attempts=3)
    with pytest.raises(ServerError, match="http://service:1 was tried 3 attempts"):
        forever.attribute(**body)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.ReadTimeout("slow"), "gave no answer in 120 s: pass a longer timeout"),
        (httpx.Response(404, json={}), "answers with status 404"),
        (httpx.Response(422, json={"detail": "other service"}), "answers with status 422"),
        (httpx.Response(500, json=error_to_wire(RuntimeError())), "its log says why"),
        (httpx.Response(200, json={"wire": 2}), "speaks another version than this client"),
        (httpx.Response(200, json={"choices": []}), "speaks another version"),
        (httpx.Response(200, json=[]), r"gives no JSON object, but \[\]"),
        (answered(asked() | {"question": "Another?"}), "is for another question: 'Another"),
        (answered(asked() | {"chunks": ["Other."]}), "is for 1 chunks, not 3"),
    ],
)
def test_what_is_no_answer_is_an_error(answer: Any, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        faulty(in_turn(answer)).attribute(**asked())


def test_another_model_behind_the_same_address_is_noticed() -> None:
    remote = faulty(in_turn(answered(asked()), answered(asked(), "other")))
    remote.attribute(**asked())
    with pytest.raises(ServerError, match="runs another model than before, 'other' and not 'tiny'"):
        remote.attribute(**asked())
    with pytest.raises(ServerError, match="does not say which model it runs, but None"):
        faulty(in_turn(answered(asked(), None))).attribute(**asked())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(404), "is no attribution service"),
        (httpx.Response(200, json={"data": []}), "is no attribution service"),
        (
            httpx.Response(200, json={"wire": 2, "uses_chat_template": True}),
            "speaks another version: wire must be 1",
        ),
    ],
)
def test_what_is_no_service_is_told(answer: httpx.Response, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        faulty(in_turn(answer)).describe()


async def test_a_cancelled_call_is_withdrawn(service: Running) -> None:
    posted = threading.Event()
    unwanted = threading.Event()

    def slow(request: httpx.Request) -> httpx.Response:
        posted.set()
        unwanted.wait(10)
        return httpx.Response(503)

    task = asyncio.create_task(faulty(slow).aattribute(**asked()))
    while not posted.is_set():
        await asyncio.sleep(0.01)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 5
    unwanted.set()
