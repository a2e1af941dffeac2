"""What Ray is given; a real Ray runs it in tests/integrations/test_ray_serve.py."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from attribot_integrations import EngineOptions
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.service import ServiceOptions, ray_application


class FakeServe(ModuleType):
    """Notes what is deployed; runs replicas in this process."""

    def __init__(self) -> None:
        super().__init__("ray.serve")
        self.given: dict[str, Any] = {}
        self.asked = ""

    def deployment(self, **options: Any) -> Any:
        self.given.update(options)

        def deploy(replica: type) -> Any:
            return SimpleNamespace(bind=lambda *arguments: replica(*arguments))

        return deploy

    def multiplexed(self, max_num_models_per_replica: int) -> Any:
        self.given["models_at_once"] = max_num_models_per_replica
        return lambda method: method

    def get_multiplexed_model_id(self) -> str:
        return self.asked


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeServe:
    made = FakeServe()
    package = ModuleType("ray")
    package.serve = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", package)
    monkeypatch.setitem(sys.modules, "ray.serve", made)
    return made


async def asked(replica: Any, path: str) -> tuple[int, bytes]:
    """Send a request to a replica, as Ray does."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": b"",
        "root_path": "",
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    response: Response = await replica(Request(scope, receive))
    await response(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


async def test_replicas_run_the_application(fake: FakeServe) -> None:
    replica: Any = ray_application(
        models={"small": str(bundled_model_path("proxy"))},
        options=EngineOptions(method="exact"),
        limits=ServiceOptions(max_waiting=8, max_batch=4),
        replicas=2,
        actor={"num_gpus": 1},
        models_at_once=3,
    )
    assert fake.given["num_replicas"] == 2
    assert fake.given["ray_actor_options"] == {"num_gpus": 1}
    assert (fake.given["max_ongoing_requests"], fake.given["max_queued_requests"]) == (12, 8)
    assert fake.given["models_at_once"] == 3
    status, body = await asked(replica, "/v1/model")
    assert (status, b'"model":"target"' in body, b'"method":"exact"' in body) == (200, True, True)
    fake.asked = "small"
    assert b'"model":"proxy"' in (await asked(replica, "/v1/model"))[1]
    fake.asked = "nothing"
    status, body = await asked(replica, "/v1/model")
    assert (status, b"there is no model 'nothing'" in body) == (422, True)
    replica.check_health()
    replica._own.__del__()
    with pytest.raises(RuntimeError, match="the thread that runs requests has ended"):
        replica.check_health()


async def test_nothing_is_loaded_for_who_sends_no_token(fake: FakeServe) -> None:
    replica: Any = ray_application(
        models={"small": str(bundled_model_path("proxy"))},
        limits=ServiceOptions(token="hush-hush-hush"),
    )
    fake.asked = "small"

    async def other(name: str) -> None:
        raise AssertionError(f"{name} is loaded")

    replica.other = other
    assert (await asked(replica, "/v1/model"))[0] == 401
    replica._own.__del__()


def test_replicas_may_follow_the_load(fake: FakeServe) -> None:
    replica: Any = ray_application(autoscaling={"min_replicas": 1, "max_replicas": 4})
    assert "num_replicas" not in fake.given
    assert fake.given["autoscaling_config"] == {"min_replicas": 1, "max_replicas": 4}
    replica._own.__del__()


def test_numbers_that_cannot_be(fake: FakeServe) -> None:
    with pytest.raises(ConfigurationError, match="replicas must be an int of at least 1, got 0"):
        ray_application(replicas=0)
    with pytest.raises(ConfigurationError, match="models_at_once must be an int"):
        ray_application(models_at_once=True)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"attribot-integrations\[ray-serve\]"):
        ray_application()
