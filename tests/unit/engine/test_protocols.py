"""The one protocol of engines: both have all of it, with the same arguments."""

from __future__ import annotations

import inspect

import pytest

from attribot_integrations import AttributionEngine
from attribot_integrations.engine.protocols import Engine
from attribot_integrations.service import RemoteEngine

CALLS = (
    "attribute",
    "aattribute",
    "attribute_batch",
    "attribute_request",
    "sharing_context",
    "score_chunks",
    "runs",
)


@pytest.mark.parametrize("kind", [AttributionEngine, RemoteEngine])
@pytest.mark.parametrize("name", CALLS)
def test_engines_take_the_same_arguments(kind: type, name: str) -> None:
    asked = inspect.signature(getattr(Engine, name)).parameters
    own = inspect.signature(getattr(kind, name)).parameters
    for one, parameter in asked.items():
        assert (own[one].kind, own[one].default) == (parameter.kind, parameter.default)
    assert all(each.default is not each.empty for one, each in own.items() if one not in asked)
    assert inspect.iscoroutinefunction(getattr(kind, name)) is (name == "aattribute")


@pytest.mark.parametrize("kind", [AttributionEngine, RemoteEngine])
def test_engines_have_nothing_less(kind: type) -> None:
    asked = {name for name in dir(Engine) if not name.startswith("_")}
    assert asked == {*CALLS, "uses_chat_template"}
    assert asked <= {*dir(kind)}
