"""Texts inside outputs."""

from dataclasses import dataclass

from langchain_core.messages import AIMessage

from attribot_integrations.answers.output import Field
from attribot_integrations.langchain.paths import at_path, fields_at, texts_at
from tests.integrations.langchain.scripted import BIKE


@dataclass
class Plain:
    said: str
    page: int


def test_paths() -> None:
    value = {"a.b": 1, "a": {"b": [{"c": "x"}, {"c": "y"}]}, "n": Plain("s", 3)}
    assert at_path(value, "a.b") == 1
    assert at_path({"a.b": {"c": "x"}}, "a.b.c") is None
    assert at_path({"a": value["a"]}, "a.b.0.c") == "x"
    assert at_path({"a": value["a"]}, "a.b.c") == ["x", "y"]
    assert at_path(value, "n.said") == "s"
    assert at_path(value, "n.nothing") is None
    assert at_path([1, 2], "5") is None
    assert texts_at(value) == ["x", "y", "s"]
    assert fields_at(value) == [
        Field("$['a.b']", "1", is_number=True),
        Field("$.a.b[0].c", "x"),
        Field("$.a.b[1].c", "y"),
        Field("$.n.said", "s"),
        Field("$.n.page", "3", is_number=True),
    ]
    assert [each.text for each in fields_at([910.0, 9.5, True, None, 10**30])] == [
        "910",
        "9.5",
        str(10**30),
    ]
    assert texts_at([AIMessage("m"), AIMessage("", tool_calls=[]), BIKE, " "]) == ["m"]
