"""The JSON Schema of results."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.retrieved import Chunk, Origin
from attribot_integrations.results import Attribution, Audit
from attribot_integrations.results.json_schema import (
    attribution_definitions,
    dataclass_definition,
)
from tests.properties.strategies import attributions
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import sample, weighed

DEFINITIONS = attribution_definitions()


def strict() -> Draft202012Validator:
    """Allows no field that the schema does not list, so that none can be forgotten in it."""
    definitions = deepcopy(DEFINITIONS)
    for each in definitions.values():
        each["additionalProperties"] = False
    return Draft202012Validator({"$ref": "#/$defs/Attribution", "$defs": definitions})


STRICT = strict()


def complete() -> Attribution:
    """A result with every field that another may lack."""
    chunk = Chunk(
        "T: a\nIt is 900. 👍",
        id="c",
        metadata={"page": 3, "tags": ["a"]},
        body=(5, 17),
        shown_metadata=((0, 4),),
        origin=Origin("d", ((5, 17, 40),)),
    )
    made = make_attribution("Q", [chunk], "It is 900.")
    located = ChunkLocation(0, "partial", ((0, 1, 9),), shown=((5, 15),), traces=True)
    return replace(
        made,
        locations=(located,),
        audit=Audit(3, 9, 1, 0.75),
        sufficiency=made.scores,
        stopped="max_seconds=2",
        unverified="it failed",
    )


def as_json(attribution: Attribution, offsets: Any) -> Any:
    return json.loads(json.dumps(attribution.to_dict(offsets=offsets), default=str))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(STRICT.schema)
    assert next(iter(DEFINITIONS)) == "Attribution"


@pytest.mark.parametrize("offsets", ["characters", "utf-16"])
@pytest.mark.parametrize("made", [sample, weighed, complete])
def test_results_follow_it(made: Callable[[], Attribution], offsets: str) -> None:
    STRICT.validate(as_json(made(), offsets))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(attributions())
def test_any_result_follows_it(attribution: Attribution) -> None:
    STRICT.validate(as_json(attribution, "characters"))
    STRICT.validate(as_json(attribution, "utf-16"))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("schema",), 1),
        (("answer",), None),
        (("chunks", 0, "origin"), None),  # it is left out, and never null
        (("statements", 0, "tokens"), [1]),
        (("citations", 0, "basis"), "guessed"),
        (("citations", 0, "score"), "high"),
        (("scores",), [1.0]),
        (("exact", 0), 1.0),
        (("unheard_of",), 1),
    ],
)
def test_what_is_none_is_refused(where: tuple[Any, ...], value: Any) -> None:
    data = as_json(complete(), "characters")
    holder = data
    for key in where[:-1]:
        holder = holder[key]
    holder[where[-1]] = value
    assert not STRICT.is_valid(data)


def test_every_field_is_needed() -> None:
    data = as_json(complete(), "characters")
    for name in data:
        assert not STRICT.is_valid({key: value for key, value in data.items() if key != name}), name


def test_descriptions_are_the_docstrings() -> None:
    citation = DEFINITIONS["Citation"]["properties"]
    assert citation["basis"]["description"] == "Why it is cited."
    assert citation["states"]["description"].endswith("`null` where none was asked.")
    assert DEFINITIONS["Certificate"]["properties"]["held"]["type"] == ["number", "null"]


@dataclass
class Inner:
    """In it."""

    kind: Literal["a", "b"]


@dataclass
class Outer:
    """Around it.

    More is said below.
    """

    inners: tuple[Inner, ...]
    one: Inner | None


def test_dataclasses_refer_to_those_that_they_hold() -> None:
    definitions: dict[str, Any] = {}
    dataclass_definition(Outer, definitions)
    dataclass_definition(Outer, definitions)
    refers = {"$ref": "#/$defs/Inner"}
    assert definitions == {
        "Outer": {
            "type": "object",
            "description": "Around it.",
            "properties": {
                "inners": {"type": "array", "items": refers},
                "one": {"anyOf": [refers, {"type": "null"}]},
            },
            "required": ["inners", "one"],
        },
        "Inner": {
            "type": "object",
            "description": "In it.",
            "properties": {"kind": {"enum": ["a", "b"]}},
            "required": ["kind"],
        },
    }
