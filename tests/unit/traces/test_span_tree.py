"""The steps of a trace as a tree."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.span_tree import SpanTree
from tests.unit.traces.made import step


def test_steps_are_in_order_whatever_the_order_of_the_file() -> None:
    tree = SpanTree.of([step("c", "b", start="3"), step("a", start="1"), step("b", "a", start="2")])
    assert [span.id for span in tree.spans] == ["a", "b", "c"]
    assert tree.above == {"a": (), "b": ("a",), "c": ("b", "a")}
    assert [span.id for span in tree.roots] == ["a"]


def test_steps_without_their_parent_are_roots() -> None:
    tree = SpanTree.of([step("a", "elsewhere"), step("b", "a")])
    assert [span.id for span in tree.roots] == ["a"]


def test_of_a_step_that_is_there_twice_the_last_one_counts() -> None:
    tree = SpanTree.of([step("a"), step("a", answer="Yes.")])
    assert [span.answer for span in tree.spans] == ["Yes."]


def test_outermost_and_innermost() -> None:
    tree = SpanTree.of([step("a"), step("b", "a"), step("c", "b"), step("d", "a")])
    some = [span for span in tree.spans if span.id != "a"]
    assert [span.id for span in tree.outermost(some)] == ["b", "d"]
    assert [span.id for span in tree.innermost(some)] == ["c", "d"]
    assert tree.inside(some[1], "b")
    assert not tree.inside(some[2], "b")
    assert tree.inside(some[2], None)


def test_when_documents_were_first_found() -> None:
    tree = SpanTree.of(
        [
            step("a"),
            step("b", "a"),
            step("r", "b", "retriever", start="2", documents=("One.",)),
            step("s", "a", "retriever", start="1", documents=("Two.",)),
            step("empty", "b", "retriever", start="0"),
        ]
    )
    assert tree.first_found == {"b": "2", "a": "1", None: "1"}


@pytest.mark.parametrize(
    "parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"x": "a", "a": "b", "b": "a"}]
)
def test_circles(parents: dict[str, str]) -> None:
    steps = [step(id_, parent) for id_, parent in parents.items()]
    with pytest.raises(DataFileError, match="within each other: their parents form a circle"):
        SpanTree.of(steps)


def test_depth_has_a_limit() -> None:
    steps = [step("0"), *(step(str(level), str(level - 1)) for level in range(1, 2_000))]
    with pytest.raises(DataFileError, match="nested too deep: more than 500 levels"):
        SpanTree.of(steps)
