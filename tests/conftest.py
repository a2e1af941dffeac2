"""Shared by all tests."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The models are so small that threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip visibly what needs real models, unless it is asked for."""
    if "real" in config.option.markexpr:
        return
    skipped = pytest.mark.skip(reason="needs real models: run `make models` and `make real`")
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(skipped)


@pytest.fixture(autouse=True)
def _no_loop_is_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close loops that libraries open in synchronous code, which would fail some later test."""
    function = getattr(request, "function", None)
    if inspect.iscoroutinefunction(function):
        yield
        return
    _close_idle_loop()
    yield
    _close_idle_loop()


def _close_idle_loop() -> None:
    policy = asyncio.get_event_loop_policy()
    loop = getattr(getattr(policy, "_local", None), "_loop", None)  # asking for it opens one
    if loop is None:
        policy.set_event_loop(None)  # from here on, asking for one raises and opens none
    elif not loop.is_running():
        policy.set_event_loop(None)
        loop.close()
