"""Answers divided into blocks and statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from attribot_integrations.render.html_answer import (
    BlockView,
    StatementView,
    Unit,
    answer_view,
)
from attribot_integrations.results.support import SupportLabel


def statement(label: SupportLabel | None = "unsupported") -> StatementView:
    return StatementView((), label, None, None)


def units(blocks: Sequence[BlockView]) -> Iterator[Unit]:
    for block in blocks:
        yield from block.units
        yield from units(block.inside)


def shown(answer: str, *texts: str) -> list[tuple[int | None, str, bool]]:
    spans = [(answer.index(text), answer.index(text) + len(text)) for text in texts]
    found = units(answer_view(answer, spans, [statement() for _ in texts]))
    return [(unit.place, "".join(run.text for run in unit.runs), unit.last) for unit in found]


def test_statements_may_start_and_end_within_emphasis() -> None:
    assert shown("A **b. C** d.", "A **b.", "C** d.") == [
        (0, "A b.", True),
        (None, " ", False),
        (1, "C d.", True),
    ]


def test_a_statement_ends_where_its_last_block_does() -> None:
    assert shown("| a | b |\n| - | - |\n| c | d |", "| c | d |") == [
        (None, "a", False),
        (None, "b", False),
        (0, "c", False),
        (0, "d", True),
    ]


def test_code_belongs_to_the_statement_around_it() -> None:
    assert shown("Do:\n\n```\nx\n```", "```\nx\n```")[-1] == (0, "x", True)


def test_marks_that_the_generator_wrote_are_told_from_ours() -> None:
    (block,) = answer_view("It is long [2]. Yes.", [(0, 15)], [statement()])
    runs = [run for unit in block.units for run in unit.runs]
    assert "".join(run.text for run in runs) == "It is long [2]. Yes."
    assert [run.text for run in runs if run.own] == ["[2]"]


def test_no_statement_is_lost_where_markdown_shows_nothing_of_it() -> None:
    answer = "Yes.\n\n---"
    (block,) = answer_view(answer, [(0, 4), (6, 9)], [statement(None), statement()])
    assert block.kind == "plain"
    assert [unit.place for unit in block.units if unit.last] == [0, 1]
    (empty,) = answer_view("Yes.", [(0, 4), (4, 4)], [statement(), statement()])
    assert [unit.place for unit in empty.units if unit.last] == [0, 1]


@pytest.mark.parametrize(
    ("label", "probability", "beside", "words"),
    [
        ("unsupported", 0.125, True, "not supported by what is cited · 12 %"),
        ("unsupported", None, False, "not supported by the sources"),
        ("uncertain", 0.5, True, "uncertain · 50 %"),
        (None, 0.9, True, None),
    ],
)
def test_labels_in_words(
    label: SupportLabel | None, probability: float | None, beside: bool, words: str | None
) -> None:
    assert StatementView((), label, probability, None, beside).shown_label == words
