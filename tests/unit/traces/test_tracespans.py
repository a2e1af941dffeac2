"""What readers fill."""

from __future__ import annotations

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.traces.tracespans import Kind, filled, kind_of, ordered
from tests.unit.traces.made import step


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("llm", "llm"),
        ("LLM", "llm"),
        ("CHAT_MODEL", "llm"),
        ("GENERATION", "llm"),
        ("chat", "llm"),
        ("RETRIEVER", "retriever"),
        ("RERANKER", "reranker"),
        ("AGENT", "other"),
        (None, "other"),
        (3, "other"),
    ],
)
def test_kinds(name: object, kind: Kind) -> None:
    assert kind_of(name) == kind


def test_times_sort_as_time_does() -> None:
    numbers = ["1795785940640130048", 1795785940640130049, 1795785940641000000.0]
    assert [ordered(one) for one in numbers] == sorted(map(ordered, numbers))
    dates = ["2026-11-27T13:00:00", "2026-11-27T13:00:00.5", "2026-11-27T13:00:01"]
    assert [ordered(one) for one in dates] == dates
    unknowns: list[object] = [None, True, [], float("nan"), 10**400]
    for unknown in unknowns:
        assert ordered(unknown) == ""


def test_inputs_and_outputs_are_read_by_kind() -> None:
    asked = {"messages": [{"role": "user", "content": "Who?"}]}
    model = filled(step("a", kind="llm"), asked, {"content": "Ada."})
    assert model.prompt == [{"role": "user", "content": "Who?"}]
    assert model.answer == "Ada."
    assert model.documents == ()
    finder = filled(step("a", kind="retriever"), {"query": "Who?"}, ["Ada wrote it."])
    assert finder.question == "Who?"
    assert finder.documents == (Chunk("Ada wrote it."),)
    assert finder.prompt is None
    assert finder.finds
    other = filled(step("a"), "Who?", ["Ada wrote it."])
    assert (other.documents, other.prompt, other.finds) == ((), None, False)


def test_what_is_known_already_stays() -> None:
    known = step("a", kind="llm", question="Who?", answer="Ada.", prompt="Who is it?")
    assert filled(known, "something", "else") == known
