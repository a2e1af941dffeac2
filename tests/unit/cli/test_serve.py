"""`attribot serve`: options reach the service, and a public address needs a token."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.cli.serve import TOKEN
from attribot_integrations.service import serving
from tests.unit.cli.running import StubEngine, run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What would be served."""
    found: dict[str, Any] = {}

    def load(model: Any, proxy: Any, options: Any, loading: Any) -> StubEngine:
        found.update(model=model, proxy=proxy, options=options, loading=loading)
        return StubEngine()

    def serve(engine: Any, limits: Any, **where: Any) -> None:
        found.update(where, limits=limits)

    monkeypatch.setattr("attribot_integrations.cli.serve.load_engine", load)
    monkeypatch.setattr(serving, "serve", serve)
    monkeypatch.setattr(serving, "check_port", lambda *where: found.update(checked=where))
    monkeypatch.delenv(TOKEN, raising=False)
    return found


def test_by_default_the_demo_model_on_this_machine(served: dict[str, Any]) -> None:
    result = run("serve")
    assert result.exit_code == 0, result.output
    assert "the bundled demo model is served" in result.stderr
    assert (served["host"], served["port"], served["model"]) == ("127.0.0.1", 8000, None)
    assert served["limits"].token is None
    assert served["checked"] == ("127.0.0.1", 8000)


def test_options_reach_the_service(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "hush-hush-hush")
    result = run(
        *("serve", "--model", "org/model", "--proxy", "org/small", "--host", "0.0.0.0"),
        *("--port", 9000, "--method", "exact", "--max-waiting", 3, "--max-batch", 2),
        *("--max-bytes", 1000, "--max-seconds", 5, "--max-tokens", 700, "--stop-seconds", 7),
    )
    assert result.exit_code == 0, result.output
    assert "hush" not in result.output
    assert (served["model"], served["proxy"]) == ("org/model", "org/small")
    assert (served["host"], served["port"], served["stop_seconds"]) == ("0.0.0.0", 9000, 7)
    limits = served["limits"]
    assert (limits.max_waiting, limits.max_batch, limits.max_bytes) == (3, 2, 1000)
    assert (limits.token, limits.max_seconds) == ("hush-hush-hush", 5)
    assert (served["options"].method.name, served["options"].max_tokens) == ("exact", 700)


def test_contexts_are_held_in_so_many_megabytes(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr(StubEngine, "hold_contexts", lambda self, most: given.append(most), False)
    assert run("serve", "--hold-contexts", 500).exit_code == 0
    assert given == [500_000_000]
    refused = run("serve", "--hold-contexts", 500, "--server", "http://localhost:8000")
    assert refused.exit_code == 2
    assert "cannot be used with --server" in refused.stderr


def test_a_server_may_run_the_model(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def connect(*arguments: Any, **options: Any) -> StubEngine:
        given.extend([arguments[:2], options])
        return StubEngine()

    monkeypatch.setattr("attribot_integrations.cli.serve.connect_engine", connect)
    result = run("serve", "--server", "http://localhost:8000", "--model", "m", "--api", "vllm")
    assert result.exit_code == 0, result.output
    assert given == [("http://localhost:8000", "m"), {"api": "vllm", "tokenizer": None}]


def test_others_may_not_reach_it_without_a_token(served: dict[str, Any]) -> None:
    result = run("serve", "--host", "0.0.0.0")
    assert result.exit_code == 1
    assert "without a token the service listens on this machine only" in result.stderr
    assert served == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "best"), "method must be one of"),
        (("--max-waiting", "0"), "--max-waiting"),
        (("--max-seconds", "-1"), "max_seconds must be a number of seconds above 0"),
    ],
)
def test_wrong_usage(served: dict[str, Any], options: tuple[str, ...], message: str) -> None:
    result = run("serve", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert served == {}


def test_a_short_token_is_refused(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "hush")
    result = run("serve")
    assert result.exit_code == 2
    assert "token must be at least 8" in result.stderr
    assert "hush" not in result.output
