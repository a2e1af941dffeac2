"""However a stream is divided, live statements are those of the answer when it is complete."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.answers import live as live_module
from attribot_integrations.answers.live import LiveAnswer, News
from attribot_integrations.context.sources import Chunk
from tests.unit.answers.answering import captured
from tests.unit.answers.following import afterwards, end, told, word_engine

CHUNKS = (Chunk("Ada is old. She reads."), Chunk("Bea is young. Cid (a boy) left Dr. Ode."))
SENTENCES = (
    "Ada is old.",
    "Bea is young!",
    "Did Cid leave?",
    "She paid 3.5 coins to Dr. Ode.",
    "Cid (a boy) left.",
    'She said "I read. I do."',
    "**Ada** is _old_.",
    "**Bea is young.**",
    "Ada is old [1].",
    "Bea is young [2][3].",
    "Réné is here \U0001f600.",
    "她很老。",
    "It is `a. b` here.",
)
BEFORE = ("", " ", "\n", "- ", "1. ", "## ", "> ", "<think>So. It is.</think>\n\n", "\n\n")
BETWEEN = (" ", "  ", "\n", "\n\n", "\n- ", "\n1. ", "\n\n> ", "\n\n| a | b |\n|---|---|\n| c. | ")

answers = st.builds(
    lambda before, parts, last: before + "".join(one + two for one, two in parts) + last,
    st.sampled_from(BEFORE),
    st.lists(st.tuples(st.sampled_from(SENTENCES), st.sampled_from(BETWEEN)), max_size=5),
    st.sampled_from(("The end", *SENTENCES, *(f"{each} [1]\n" for each in SENTENCES[:3]))),
)


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_module, "start_apart", lambda work: work())
        yield


def streamed(answer: str, cuts: list[int], looks: list[bool]) -> tuple[list[News], LiveAnswer]:
    """Stream an answer in pieces; a look that is left out stands for an engine that is busy."""
    live = LiveAnswer(word_engine(), lambda text: captured(answer=text, chunks=CHUNKS, prompt=None))
    news: list[News] = []
    edges = [0, *sorted(cut % (len(answer) + 1) for cut in cuts), len(answer)]
    for number, (low, high) in enumerate(pairwise(edges)):
        live.add(answer[low:high])
        if looks[number % len(looks)]:
            news += live.take()
    return news, live


@given(
    answers,
    st.lists(st.integers(0, 400), max_size=60),
    st.lists(st.booleans(), min_size=1, max_size=5),
)
def test_live_is_afterwards(answer: str, cuts: list[int], looks: list[bool]) -> None:
    early, live = streamed(answer, cuts, looks)
    engine = word_engine()
    record, last = end(live, engine, answer, chunks=CHUNKS, prompt=None)
    assert live.problem is None
    plain = engine.attribute("Who is old?", CHUNKS, answer)
    assert told([*early, *last]) == afterwards(plain)
    assert record.attribution is not None
    assert np.array_equal(record.attribution.scores, plain.scores)


@given(answers)
def test_nothing_that_was_told_is_taken_back(answer: str) -> None:
    early, live = streamed(answer, list(range(len(answer))), [True])
    _, last = end(live, word_engine(), answer, chunks=CHUNKS, prompt=None)
    spoken = [index for news in (*early, *last) for index in news.statements]
    assert spoken == sorted(set(spoken))
    assert not any(news.withdrawn for news in last)
