"""Results with all that output can show, and hostile texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.results import Alternatives, Attribution, Certificate, Cost, ModelCost
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.results.statements import find_statements, statement_scores
from attribot_integrations.results.support import Support
from tests.unit.attributions import make_attribution

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "</article></main></body>",
    "<!-- <b>",
    "&lt;b&gt; &#60;i&#62;",
    "{{ 7 * 7 }} {% raw %}",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "[x][1]\n\n[1]: https://evil.example",
    "[^1]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example www.evil.example",
    "`code` ``` fence",
    "```\nfence\n```",
    "~~~\nfence",
    "| a | b |\n| --- | --- |\n| 1 | 2 |",
    "# heading\n> quote\n- item\n1. one\n2) two\n***\n---",
    "Title\n=====\nOther\n-----",
    "    indented\n\tcode",
    "*bold* _under_ ~~gone~~ $x^2$ \\(y\\)",
    "back\\slash\\",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07x",
    "\x00\x07\x9b\r\x7f",
    "\u202eevil\u2066\u200f",
    "\ud800 lone",
    "a:attribot-x-source-1",
)
"""Texts that mean something to a browser, a Markdown reader or a terminal."""

ANSWER = "The pier opened in 1962. It is long. It was painted by Ada. Water is wet."
CHUNKS = (
    Chunk(
        "The pier opened in 1962. It is blue.",
        id="d1",
        metadata={"title": "Pier history", "url": "https://example.org/pier?a=1&b=2"},
    ),
    Chunk("It measures 900 metres. Bring a coat.", id="d2", metadata={"source": "survey.pdf"}),
    Chunk("Since 1962 people use the pier.", metadata={"title": "Guide"}),
    Chunk("Fish is sold at six."),
)
"""Sentences 0 and 1, 2 and 3, 4, 5."""


def sample() -> Attribution:
    """Statement 0 has two sources that say the same, 1 has one, 2 is unsupported, 3 parametric."""
    sources = SourceSet.build(CHUNKS).sentences
    spans = tuple((index, index + 1) for index in range(len(ANSWER)))
    statements = find_statements(ANSWER, spans)
    scores = np.zeros((len(sources), len(ANSWER)), dtype=np.float32)
    for source, statement, score in ((0, 0, 0.25), (4, 0, 0.125), (2, 1, 6.0), (5, 3, -1.0)):
        scores[source, statements[statement].tokens[0]] = score
    exact = np.array([True, True, False, True, True, True])
    alternatives = (Alternatives(0, (0, 4), (9.0, 8.0), 9.5),)
    by_statement = statement_scores(scores, statements)
    support = (
        Support(0, "supported", -1.0, -9.0),
        Support(1, "supported", -1.0, -9.0),
        Support(2, "unsupported", -9.0, -9.5, 0.125),
        Support(3, "parametric", -1.0, -1.0),
    )
    return Attribution(
        question="When did the pier open?",
        answer=ANSWER,
        chunks=CHUNKS,
        sources=sources,
        statements=statements,
        scores=scores,
        exact=exact,
        estimands=tuple("target_loo" for _ in sources),
        token_spans=spans,
        token_log_probs=np.full(len(ANSWER), -0.125, dtype=np.float32),
        token_log_probs_without_context=np.full(len(ANSWER), -1.0, dtype=np.float32),
        citations=make_citations(
            CiteDependence(), statements, CHUNKS, sources, by_statement, exact, alternatives
        ),
        method="exact",
        cost=Cost(0.25, (ModelCost("models/target", 1_000, 1_200, 3, 6_000),)),
        alternatives=alternatives,
        support=support,
    )


def weighed() -> Attribution:
    """Return `sample` with what a verifier says, and with what its citations carry together.

    Statement 0 rests on sources that state it, 1 depends on one that does not seem to, 2 is
    unsupported though it depends on a source a little, 3 is parametric and stated.
    """
    made = sample()
    stated = np.zeros((len(made.sources), len(made.statements)), dtype=np.float32)
    for source, statement, states in ((0, 0, 0.94), (4, 0, 0.91), (2, 1, 0.0625), (5, 3, 0.875)):
        stated[source, statement] = states
    first, other, long = made.citations
    first = replace(first, states=0.94, basis="both")
    other = replace(other, states=0.91, basis="both")
    long = replace(long, states=0.0625)
    painted, wet = made.statements[2:]
    fish = made.sources[5]
    known = replace(
        first,
        number=4,
        statement_index=3,
        source_id=5,
        chunk_index=3,
        chunk_id=None,
        answer_start=wet.start,
        answer_end=wet.end,
        chunk_start=fish.start,
        chunk_end=fish.end,
        text=fish.text,
        score=0.02,
        share=0.0,
        alternatives=(),
        sufficiency=None,
        basis="states",
        states=0.875,
    )
    denied = replace(
        long, number=1, statement_index=2, source_id=1, chunk_index=0, chunk_id="d1",
        answer_start=painted.start, answer_end=painted.end, chunk_start=25, chunk_end=36,
        text="It is blue.", states=0.05, exact=True,
    )  # fmt: skip
    anyway = replace(denied, statement_index=3, answer_start=wet.start, answer_end=wet.end)
    return replace(
        made,
        citations=(first, other, long, denied, known, anyway),
        stated=stated,
        verifier="lexical",
        certificates=(
            Certificate(0, (0, 4), gain=10.0, hold=9.6, drop=9.5),
            Certificate(1, (2,), gain=8.0, hold=8.5, drop=6.0),
            Certificate(3, (5, 1), gain=0.01, hold=0.0, drop=0.02),
        ),
    )


def hostile(text: str) -> Attribution:
    """Put a text wherever text can stand: question, answer, chunks, titles, ids, links, names."""
    chunks = [
        Chunk(f"A {text}", id=text, metadata={"title": text, "url": text}),
        Chunk(f"B {text}", id=text, metadata={"source": f"https://example.org/{text}"}),
        Chunk(text, id=text, metadata={"link": f"javascript:{text}"}),
    ]
    made = make_attribution(f"Who? {text}", chunks, f"Answer {text}")
    models = (ModelCost(text, 1, 1, 1, 1),)
    labelled = (Support(0, "unknown", -1.0, -1.0, reason=text),)
    return replace(made, method=text, cost=Cost(0.1, models), support=labelled)


def many(count: int) -> Attribution:
    """Return a result with many chunks."""
    chunks = [
        Chunk(f"Note {index}. Nothing was seen. " * 3, metadata={"title": f"Day {index}"})
        for index in range(count)
    ]
    return make_attribution("What was seen?", chunks, "Nothing was seen. It rained.")
