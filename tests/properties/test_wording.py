"""How an answer is dressed changes no score, label or citation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations import AttributionEngine
from attribot_integrations.results import Attribution

CHUNKS = (
    "In shops the Norzel bike costs 910 coins.",
    "The price of the Norba phone is 440 coins.",
    "The maker of the Norzel bike is Roslin Works.",
)
SENTENCES = (
    "The price of the Norzel bike is 910 coins.",
    "The maker of the Norzel bike is Roslin Works.",
)
QUESTION = "How much does the Norzel bike cost?"
SPACE = st.text(" \n\t\r", min_size=1, max_size=4)
END = st.text(" \n\t\r", max_size=3)


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo()


@pytest.fixture(scope="module")
def plain(engine: AttributionEngine) -> Attribution:
    return engine.attribute(QUESTION, CHUNKS, " ".join(SENTENCES))


def said(result: Attribution) -> list[Any]:
    """What a reader is told, without places in the answer."""
    cited = [
        (each.statement_index, each.chunk_index, each.chunk_start, each.chunk_end, each.number)
        for each in result.citations
    ]
    return [[support.label for support in result.support], cited]


def same(result: Attribution, plain: Attribution) -> None:
    assert said(result) == said(plain)
    assert np.array_equal(result.statement_scores, plain.statement_scores)
    for statement in result.statements:
        assert result.answer[statement.start : statement.end] == statement.text
    for citation in result.citations:
        statement = result.statements[citation.statement_index]
        assert (citation.answer_start, citation.answer_end) == (statement.start, statement.end)


@settings(max_examples=12)
@given(END, SPACE, END)
def test_white_space(
    engine: AttributionEngine, plain: Attribution, start: str, gap: str, end: str
) -> None:
    same(engine.attribute(QUESTION, CHUNKS, start + gap.join(SENTENCES) + end), plain)


@pytest.mark.parametrize(
    "answer",
    [
        "{0}[1] {1}[3]",
        "{0} [1, 2]\n{1} [^3]",
        "{0}【1†source】 {1}【3:0†maker.pdf】",
        "**{0}** *{1}*",
        "- {0}\n- {1}",
        "<think>\nThe maker is Norba. {1}\n</think>\n\n{0} {1}",
        "🙂 {0} {1} 🚲",
        "<p>{0}</p>\n<p>{1}</p>",
        "> {0}\n> {1}\n",
        "{0} [1](https://example.org/a) {1} [(Roslin)](https://example.org/b)",
    ],
)
def test_marks(engine: AttributionEngine, plain: Attribution, answer: str) -> None:
    same(engine.attribute(QUESTION, CHUNKS, answer.format(*SENTENCES)), plain)


def test_the_plain_answer_is_cited(plain: Attribution) -> None:
    assert said(plain)[0][0] == "supported"
    assert {each.statement_index for each in plain.citations} == {0, 1}
