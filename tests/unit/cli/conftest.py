"""Fixtures of the command line's tests."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from attribot_integrations.cli import attribute, audit, runtime, show_demo
from tests.unit.cli.running import StubEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    stub = StubEngine()
    signature = inspect.signature(runtime.load_engine)

    def load(*args: Any, **kwargs: Any) -> StubEngine:
        stub.loaded_with = dict(signature.bind(*args, **kwargs).arguments)
        return stub

    for command in (attribute, audit, show_demo):
        monkeypatch.setattr(command, "load_engine", load)
    return stub
