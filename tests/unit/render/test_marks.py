"""Citation marks and labels, and how text and terminal show them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from attribot_integrations.errors import InputError
from attribot_integrations.render.marks import cited_sources, marked_answer
from attribot_integrations.render.plain import answer_with_markers
from attribot_integrations.render.terminal import cited_answer, terminal_view
from attribot_integrations.results import Attribution
from attribot_integrations.results.support import Support
from tests.properties.strategies import attributions
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile, sample
from tests.unit.render.test_terminal import show

MARKED = (
    "The pier opened in 1962. [1|2] It is long. [3] It was painted by Ada. (unsupported) "
    "Water is wet. (parametric)"
)


def test_marks_of_alternatives_are_joined() -> None:
    passages = marked_answer(sample()).passages
    assert [[mark.numbers for mark in passage.marks] for passage in passages] == [
        [(1, 2)],
        [(3,)],
        [],
        [],
    ]
    assert [passage.doubt for passage in passages] == [None, None, "unsupported", "parametric"]


def test_text_and_terminal_show_alternatives_and_labels() -> None:
    assert answer_with_markers(sample()) == cited_answer(sample()).plain == MARKED


def test_results_without_labels_show_none() -> None:
    unlabelled = replace(sample(), support=())
    assert [passage.support for passage in marked_answer(unlabelled).passages] == [None] * 4
    assert answer_with_markers(unlabelled).endswith("Ada. Water is wet.")


def test_statements_without_support_have_no_marks() -> None:
    made = replace(sample(), support=(Support(0, "unsupported", -9.0, -9.0),))
    assert answer_with_markers(made).startswith("The pier opened in 1962. (unsupported) It is long")
    assert [each.number for each in cited_sources(made)] == [3]
    assert "Pier history" not in str(made)
    assert len(made.citations) == 3


def test_marks_and_labels_stand_together_where_a_statement_is_unknown() -> None:
    made = replace(sample(), support=(Support(1, "unknown", 0.0, 0.0, reason="R"),))
    assert "It is long. [3] (unknown) It" in answer_with_markers(made)


def test_what_a_source_restores_alone_is_shown() -> None:
    assert "[1] Pier history: The pier opened in 1962. (0.25 nats, 9.00 alone)" in str(sample())
    assert "9.00 alone" in show(terminal_view(sample()))
    assert [each.sufficiency for each in cited_sources(sample())] == [9.0, 8.0, None]


def test_alternatives_of_one_number_make_one_mark() -> None:
    made = sample()
    citations = tuple(replace(each, number=1) for each in made.citations)
    assert "1962. [1] It" in answer_with_markers(replace(made, citations=citations))


def test_statements_that_overlap_repeat_nothing() -> None:
    made = sample()
    first, second, *_ = made.statements
    odd = replace(made, statements=(first, replace(second, start=3), replace(second, end=5)))
    marked = marked_answer(odd)
    whole = "".join(passage.before + passage.text for passage in marked.passages) + marked.tail
    assert whole == made.answer


@settings(max_examples=30, deadline=None, derandomize=True)
@given(attributions())
def test_offsets_are_those_of_the_cited_text(attribution: Attribution) -> None:
    marked = marked_answer(attribution)
    pieces = [piece for each in marked.passages for piece in (each.before, each.text)]
    assert "".join([*pieces, marked.tail]) == attribution.answer
    for citation in attribution.citations:
        statement = attribution.statements[citation.statement_index]
        chunk = attribution.chunks[citation.chunk_index].text
        cited = attribution.answer[citation.answer_start : citation.answer_end]
        assert cited == statement.text
        assert chunk[citation.chunk_start : citation.chunk_end] == citation.text


def test_citing_what_was_not_scored_is_an_error() -> None:
    made = sample()
    strange = replace(made, citations=(replace(made.citations[0], source_id=99),))
    with pytest.raises(InputError, match="source 99 was not scored"):
        cited_sources(strange)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_the_terminal(text: str) -> None:
    shown = show(terminal_view(hostile(text)))
    assert not {c for c in shown if not c.isprintable()} - set("\n\u200c\u200d")
    shown.encode()


def test_headings_have_no_label_and_no_remark() -> None:
    made = make_attribution("Q", ["It is."], "# Piers\n\nIt is long.", score=0.0)
    support = tuple(Support(index, "unsupported", -9.0, -9.0) for index in range(2))
    made = replace(made, support=support)
    assert [passage.note for passage in marked_answer(made).passages] == [None, "unsupported"]
    assert answer_with_markers(made) == "# Piers\n\nIt is long. (unsupported)"


def test_what_chunks_of_the_same_text_say_is_one_source() -> None:
    made = make_attribution("Q", ["One."] * 8, "A.")
    (first,) = made.citations
    cited = tuple(
        replace(first, source_id=index, chunk_index=index, score=index / 4) for index in range(8)
    )
    (source,) = cited_sources(replace(made, citations=cited))
    assert (source.number, source.score, source.chunk_index) == (1, 1.75, 7)
