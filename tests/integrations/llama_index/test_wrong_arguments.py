"""Arguments of the wrong kind are refused with what is expected and what was given."""

from typing import Any

import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.llama_index import (
    AttributedQueryEngine,
    AttributionCallbackHandler,
    AttributionEventHandler,
    AttributionFilterPostprocessor,
    AttributionNodePostprocessor,
)
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import rag


def wrapped(engine: Any) -> None:
    AttributedQueryEngine(rag(), engine)


PLACES = [
    AttributionCallbackHandler,
    AttributionEventHandler,
    AttributionFilterPostprocessor,
    AttributionNodePostprocessor,
    wrapped,
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("engine", "given"),
    [
        ("x", r"got a str: 'x'; load one with AttributionEngine\.from_pretrained"),
        (AttributionEngine, r"got the class AttributionEngine itself; load one with"),
        (None, r"got None; load one with"),
    ],
)
def test_what_is_no_engine_is_refused(place: Any, engine: Any, given: str) -> None:
    with pytest.raises(ConfigurationError, match=f"engine must be an AttributionEngine, {given}"):
        place(engine)


def test_swapped_engines_are_told_apart() -> None:
    swapped: Any = AttributedQueryEngine
    expected = (
        r"query_engine must be a LlamaIndex query engine, got a StubEngine; "
        r"the order is AttributedQueryEngine\(query_engine, engine\)"
    )
    with pytest.raises(ConfigurationError, match=expected):
        swapped(StubEngine(), rag())
