"""The callable class for Ray Data, without Ray."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.batch.ray_data import RayAttributor
from attribot_integrations.context.sources import Chunk
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results import Attribution
from tests.unit.cli.running import StubEngine

pyarrow = pytest.importorskip("pyarrow")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StubEngine:
    stub = StubEngine()

    def load(model: object, proxy: object, **options: object) -> StubEngine:
        stub.loaded_with = {"model": model, "proxy": proxy, **options}
        return stub

    monkeypatch.setattr(AttributionEngine, "from_pretrained", load)
    return stub


def table(*rows: dict[str, Any]) -> Any:
    return pyarrow.Table.from_pylist(list(rows))


def test_rows_give_results_or_errors(engine: StubEngine) -> None:
    row = {"question": "Q", "chunks": ["Ada.", "Bob."], "answer": "A.", "kept": 1, "id": 7}
    batch = table(row, {**row, "answer": "too long"}, {**row, "answer": None})
    done = RayAttributor("some/model")(batch)
    assert done.drop_columns(["result", "error"]) == batch
    first, second, third = done.to_pylist()
    attribution = Attribution.from_json(first["result"])
    assert (attribution.question, attribution.id) == ("Q", "7")
    assert len(attribution.chunks) == 2
    assert first["error"] is second["result"] is third["result"] is None
    assert second["error"].startswith("PromptTooLongError: prompt and answer hold 9 tokens")
    assert 'the field "answer" is missing' in third["error"]


def test_chunks_that_are_objects(engine: StubEngine) -> None:
    chunk = {"text": None, "sentences": ["Ada.", "Bob."], "metadata": {"page": 3, "none": None}}
    row = {"question": "Q", "chunks": [chunk], "answer": "A.", "prompt": None}
    RayAttributor("m")(table(row))
    (request,) = engine.requests
    assert request.chunks == [Chunk("Ada. Bob.", None, {"page": 3})]
    assert request.prompt is None


def test_types_do_not_depend_on_the_rows(engine: StubEngine) -> None:
    good = {"question": "Q", "chunks": ["A."], "answer": "A."}
    attributor = RayAttributor("m")
    bad = attributor(table({**good, "answer": "too long"}))
    assert attributor(table(good)).schema == bad.schema
    assert attributor(table(good).slice(0, 0)).schema == bad.schema


def test_other_batches_are_refused(engine: StubEngine) -> None:
    message = 'must be pyarrow tables, not dict: pass batch_format="pyarrow"'
    with pytest.raises(ConfigurationError, match=message):
        RayAttributor("m")({"question": ["Q"]})


def test_models_and_options(engine: StubEngine) -> None:
    options = EngineOptions(levels=("chunk",))
    RayAttributor("m", "p", options=options, device_map="cpu", dtype="bfloat16")
    assert engine.loaded_with == {
        "model": "m",
        "proxy": "p",
        "options": options,
        "device_map": "cpu",
        "dtype": "bfloat16",
    }


def test_a_model_must_be_named(engine: StubEngine) -> None:
    with pytest.raises(ConfigurationError, match="RayAttributor needs a model, by its name on"):
        RayAttributor()
    assert engine.loaded_with == {}
