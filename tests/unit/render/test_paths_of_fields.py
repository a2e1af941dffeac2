"""Fields are shown with their paths, where the answer does not show its keys."""

from __future__ import annotations

from dataclasses import replace

from attribot_integrations.render import citation_data, cited_answer
from attribot_integrations.results import Attribution
from attribot_integrations.service.wire_results import statements_to_wire
from tests.unit.render.reading import Page
from tests.unit.results.test_hops import CHUNKS, attribute

PATHS = ("$.people[0].name", "$['a <b> *c*']")


def fields() -> Attribution:
    """An answer that was put together from two fields of an object."""
    made = attribute("Ada is 90.\n\nBea is 7.", *CHUNKS)
    named = tuple(
        replace(each, path=path) for each, path in zip(made.statements, PATHS, strict=True)
    )
    return replace(made, statements=named)


def json_answer() -> Attribution:
    return attribute('{"people": [{"name": "Ada", "age": 90}]}', *CHUNKS)


def test_text_and_terminal() -> None:
    first, *_ = fields().to_text().splitlines()
    assert first == "$.people[0].name: Ada is 90. [1]"
    assert "$['a <b> *c*']: Bea is 7. [2]" in fields().to_text()
    assert cited_answer(fields()).plain.startswith("$.people[0].name: Ada is 90. [1]")


def test_markdown_and_html_show_paths_as_text() -> None:
    assert r"&lt;b&gt; \*c\*" in fields().to_markdown()
    page = Page(fields().to_html())
    assert page.texts["ab-path"] == [f"{path}:" for path in PATHS]


def test_json_shows_its_own_keys() -> None:
    made = json_answer()
    assert [each.path for each in made.statements] == ["$.people[0].name", "$.people[0].age"]
    assert made.to_text().startswith('{"people": [{"name": "Ada [1]')
    assert "ab-path" not in Page(made.to_html()).texts


def test_data_for_front_ends_and_clients() -> None:
    for made in (fields(), json_answer()):
        paths = [each.path for each in made.statements]
        data = citation_data(made)
        assert [each["path"] for each in data] == [paths[each["statement_index"]] for each in data]
        assert [each["path"] for each in statements_to_wire(made)] == paths
        assert [each["path"] for each in made.to_dict()["statements"]] == paths
        assert Attribution.from_json(made.to_json()).statements == made.statements
        assert str(made.trace(0)).startswith(f"$.people[0].name: {made.statements[0].text}\n")
    assert [each["path"] for each in citation_data(attribute("Ada is 90.", *CHUNKS))] == [None]


def test_json_from_before_statements_had_paths_is_read() -> None:
    data = json_answer().to_dict()
    for statement in data["statements"]:
        del statement["path"]
    assert [each.path for each in Attribution.from_dict(data).statements] == [None, None]
