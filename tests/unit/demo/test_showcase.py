"""The demo's facts and questions, without any framework."""

from __future__ import annotations

from attribot_integrations.demo.relations import NAMES
from attribot_integrations.demo.showcase import demo_facts, rank, unanswerable_question


def test_facts_are_the_same_every_time() -> None:
    facts = demo_facts()
    assert facts == demo_facts()
    assert [chunk.id for chunk in facts.chunks] == [f"demo-{number}" for number in range(1, 10)]
    assert len(facts.questions) == 4


def test_a_title_is_the_name_that_all_sentences_share() -> None:
    for chunk in demo_facts().chunks:
        assert chunk.title
        assert set(chunk.title.split()) <= set(NAMES)
        sentences = [each for each in chunk.text.split(". ") if each]
        first = chunk.title.split()[0]
        assert all(first in sentence for sentence in sentences)


def test_the_question_that_nothing_answers_names_nobody() -> None:
    facts = demo_facts()
    words = {word.strip("?.") for word in facts.unanswerable.split()}
    known = {word for chunk in facts.chunks for word in chunk.text.replace(".", "").split()}
    assert not words & set(NAMES) & known
    assert facts.unanswerable == unanswerable_question([chunk.text for chunk in facts.chunks])


def test_other_names_are_taken_where_the_usual_ones_occur() -> None:
    usual = unanswerable_question([])
    assert "Corlin Corpo" in usual
    other = unanswerable_question(["CORLIN came."])
    assert "Corpo" in other
    assert "Corlin" not in other


def test_rare_words_rank_a_text_above_common_ones() -> None:
    texts = ["The pier is blue.", "The pier opened.", "The zebra sleeps.", "Nothing."]
    assert rank("The zebra?", texts) == [2, 0, 1, 3]  # of equals, the earlier first
    assert rank("the pier", texts)[:2] == [0, 1]
    assert rank("unheard of", texts) == [0, 1, 2, 3]
    assert rank("anything", []) == []


def test_words_count_once_and_whatever_their_case() -> None:
    assert rank("ZEBRA", ["none", "zebra"]) == [1, 0]
    assert rank("zebra pier", ["zebra zebra zebra", "zebra pier"]) == [1, 0]
