"""Marks that are read with the chunks at hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.auditing.markers import find_citations, find_markers, reference_lines
from attribot_integrations.context.sources import Chunk
from tests.unit.auditing.styles import NO_MARKS, STYLES

CHUNKS = (
    Chunk("The harbour opened.", "p0", {"title": "Harbour guide", "url": "https://e.org/h"}),
    Chunk("The bridge shut.", "p1", {"title": "bridge.pdf"}),
    Chunk("Rivers are long.", "doc-17"),
)


def cited(answer: str) -> list[tuple[str, int | None, str]]:
    return [
        (each.label, each.chunk_index, answer[each.start : each.end])
        for each in find_citations(answer, CHUNKS)
    ]


@pytest.mark.parametrize(("text", "labels"), STYLES)
def test_no_style_fails(text: str, labels: tuple[str, ...]) -> None:
    chunks = [Chunk(f"Text {number}.") for number in range(1, 13)]
    found = find_citations(text, chunks)
    assert [each.label for each in found] == [*labels]
    assert [each.chunk_index for each in found] == [int(label) - 1 for label in labels]
    for each in found:
        assert each.marker is not None
        assert text[each.start : each.end]
        assert any(
            character.isdigit() or character in "¹²³⁽" for character in text[slice(*each.marker)]
        )


@pytest.mark.parametrize("text", NO_MARKS)
def test_nothing_else_is_a_mark(text: str) -> None:
    assert find_citations(text, CHUNKS) == ()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("It opened [p0].", [("p0", 0, "It opened")]),
        ("It opened [doc-17, P1].", [("doc-17", 2, "It opened"), ("P1", 1, "It opened")]),
        ("It opened (source: bridge.pdf).", [("bridge.pdf", 1, "It opened")]),
        ("It opened [Harbour guide].", [("Harbour guide", 0, "It opened")]),
        ("It opened.【4:0†bridge.pdf】", [("bridge.pdf", 1, "It opened.")]),
        ("It opened.【4:2†source】", [("source", 2, "It opened.")]),
        ("It opened.【4:9†source】", [("source", None, "It opened.")]),
        ("It opened ([here](https://e.org/h)).", [("here", 0, "It opened")]),
        ("It opened <https://e.org/h>.", [("https://e.org/h", 0, "It opened")]),
        ("It opened [3](https://e.org/h/).", [("3", 0, "It opened")]),
        ("It opened (1). It shut (2).", [("1", 0, "It opened"), ("2", 1, "It shut")]),
        ("It opened (1). It shut [2].", [("2", 1, "It shut")]),
        ("It opened (9).", []),
        ("It opened, see figure (1).", []),
        ("It opened [7].", [("7", None, "It opened")]),
        ("It opened [p9].", []),
        ("It opened [0]. It shut [1].", [("0", 0, "It opened"), ("1", 1, "It shut")]),
    ],
)
def test_marks_that_chunks_explain(
    answer: str, expected: list[tuple[str, int | None, str]]
) -> None:
    assert cited(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "It opened [1].\n\nSources:\n[1] bridge.pdf\n[2] Harbour guide",
        "It opened [1].\n\n## References\n\n1. bridge.pdf, page 3\n2. Harbour guide",
        "It opened [^1].\n\n[^1]: see bridge.pdf",
        "It opened [1].\n\n[1]: bridge.pdf",
    ],
)
def test_an_answer_s_own_list_of_references_counts(answer: str) -> None:
    assert cited(answer) == [("1", 1, "It opened")]
    lines = reference_lines(answer)
    assert lines
    assert all(answer.index("\n") < start for start, _ in lines)


def test_numbers_may_be_given() -> None:
    (found,) = find_citations("It opened [1].", CHUNKS, numbers={1: 2})
    assert found.chunk_index == 2


def test_lists_in_answers_are_no_references() -> None:
    assert reference_lines("1. It opened.\n2. It shut.") == []
    assert reference_lines("Sources of water:\n1. Rivers.") == []


@given(st.text("ab1 2.,[]()^【】†`<>/¹:\n*p0-#", max_size=60))
def test_citations_have_their_place(answer: str) -> None:
    for mark in find_markers(answer, CHUNKS):
        assert 0 <= mark.start < mark.end <= len(answer)
    for each in find_citations(answer, CHUNKS):
        assert 0 <= each.start <= each.end <= len(answer)
        assert each.marker is not None
        assert each.marker[0] < each.marker[1] <= len(answer)
        assert each.chunk_index in (None, 0, 1, 2)
