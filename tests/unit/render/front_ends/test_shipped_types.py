"""The schema and the types that the package ships."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from attribot_integrations.render.front_ends.answer_data import answer_data
from attribot_integrations.render.front_ends.element import front_end_folder
from attribot_integrations.render.front_ends.shipped_types import made_files
from tests.unit.render.samples import weighed


@pytest.mark.parametrize(("name", "text"), made_files().items())
def test_the_files_are_what_the_generator_gives(name: str, text: str) -> None:
    shipped = (front_end_folder() / name).read_text(encoding="utf-8")
    assert shipped == text, "run python -m attribot_integrations.render.front_ends.shipped_types"


def test_the_schema_describes_results_and_what_a_page_needs() -> None:
    schema = json.loads(made_files()["attribution.schema.json"])
    data = json.loads(json.dumps(weighed().to_dict(offsets="utf-16")))
    Draft202012Validator(schema).validate(data)
    for name in ("AnswerData", "ShownChunk"):
        schema["$defs"][name]["additionalProperties"] = False
    page = Draft202012Validator({**schema, "$ref": "#/$defs/AnswerData"})
    page.validate(answer_data(weighed()))
    assert not page.is_valid({**answer_data(weighed()), "schema": 2})
    assert not page.is_valid({**answer_data(weighed()), "chunks": data["chunks"]})


def test_the_types_name_the_element() -> None:
    types = made_files()["attribot-answer.d.ts"]
    assert '"attribot-answer": AttribotAnswer;' in types
    assert "export interface AnswerData {" in types
