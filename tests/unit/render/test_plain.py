"""Attributions as plain text."""

from __future__ import annotations

import numpy as np

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.render.plain import answer_with_markers, cited_text
from attribot_integrations.results import Attribution, Citation, Cost, Statement
from tests.unit.attributions import make_attribution


def attribution(answer: str, *cited: tuple[int, int, int, float]) -> Attribution:
    """Make an attribution with citations of (number, statement, source, score)."""
    chunks = (
        Chunk("A one. A two.", metadata={"title": "Alpha"}),
        Chunk("B\x1b[31m one."),
        Chunk("C one.", id="c\n\x07"),
    )
    sources = SourceSet.build(chunks).sentences
    edge = answer.index("Two")
    return Attribution(
        question="Who?",
        answer=answer,
        chunks=chunks,
        sources=sources,
        statements=(
            Statement(0, 0, edge - 1, answer[: edge - 1], (0, 1)),
            Statement(1, edge, len(answer), answer[edge:], (1, 2)),
        ),
        scores=np.zeros((4, 2), np.float32),
        exact=np.ones(4, np.bool_),
        estimands=("target_loo",) * 4,
        token_spans=((0, edge), (edge, len(answer))),
        token_log_probs=np.zeros(2, np.float32),
        token_log_probs_without_context=np.zeros(2, np.float32),
        citations=tuple(
            Citation(
                number, statement, source, sources[source].chunk_index, None, 0, 0, 0, 0, "", score,
                True,
            )
            for number, statement, source, score in cited
        ),
        method="exact",
        cost=Cost(0.0, ()),
    )  # fmt: skip


def test_markers_stand_behind_their_statements() -> None:
    made = attribution("One.\nTwo.", (1, 0, 3, 2.0), (2, 1, 0, 3.0), (2, 1, 1, 2.0), (1, 1, 3, 1.0))
    assert answer_with_markers(made) == "One. [1]\nTwo. [2][1]"


def test_answer_without_citations_is_unchanged() -> None:
    assert answer_with_markers(attribution("One.\nTwo.")) == "One.\nTwo."
    assert cited_text(attribution("One.\nTwo.")) == "One.\nTwo."


def test_text_behind_the_last_statement_is_kept() -> None:
    made = attribution("One. Two.", (1, 0, 0, 2.0))
    object.__setattr__(made, "statements", made.statements[:1])
    assert answer_with_markers(made) == "One. [1] Two."


def test_cited_sources_are_listed_by_number() -> None:
    made = attribution("One. Two.", (1, 0, 3, 2.0), (2, 1, 0, 1.0), (2, 1, 1, 3.0), (1, 1, 3, 0.25))
    assert str(made) == made.to_text() == cited_text(made)
    assert cited_text(made).splitlines() == [
        "One. [1] Two. [2][1]",
        "",
        "[1] c: C one. (2.25 nats)",
        "[2] Alpha: A two. (3.00 nats)",
        "[2] Alpha: A one. (1.00 nats)",
    ]


def test_retrieved_text_cannot_steer_a_terminal() -> None:
    text = cited_text(attribution("One\x1b]0;x\x07.\r Two\u202e.\ud800", (1, 0, 2, 2.0)))
    assert text == "One ]0;x .  [1] Two .\ufffd\n\n[1] chunk 2: B [31m one. (2.00 nats)"
    text.encode("utf-8")


def test_metadata_is_named_as_such() -> None:
    note = Chunk(
        "file: a.pdf\n\nIt rained.",
        metadata={"file_name": "a.pdf"},
        body=(13, 23),
        shown_metadata=((0, 13),),
    )
    assert "[1] metadata of a.pdf: file: a.pdf (2.00 nats)" in cited_text(
        make_attribution("Q", [note], "A.")
    )
