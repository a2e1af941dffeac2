from __future__ import annotations

import re

import pytest

from attribot_integrations.demo.relations import (
    FILLERS,
    NAMES,
    RELATIONS,
    RELATIONS_OF,
    EntityType,
    Relation,
)

SENTENCES_PER_CHUNK = 3


def test_names_are_distinct_capitalised_words() -> None:
    assert len(set(NAMES)) == len(NAMES) == 256
    assert all(re.fullmatch("[A-Z][a-z]+", name) for name in NAMES)


def test_nouns_name_relations() -> None:
    assert len({relation.noun for relation in RELATIONS}) == len(RELATIONS)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.noun)
def test_statements_name_the_subject_and_then_the_value(relation: Relation) -> None:
    for statement in relation.statements:
        assert statement.count("{s}") == statement.count("{v}") == 1
        assert statement.index("{s}") < statement.index("{v}")
        assert statement.endswith(".")
        assert statement.count(".") == 1, "a sentence must not be split in two"


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.noun)
def test_no_text_begins_with_a_name(relation: Relation) -> None:
    for text in (*relation.statements, *relation.questions, relation.answer):
        assert not text.startswith("{")


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.noun)
def test_repetitions_have_other_words_to_use(relation: Relation) -> None:
    assert len(set(relation.statements)) == len(relation.statements) >= 2


def test_wordings_tell_relations_apart() -> None:
    for kind in EntityType:
        wordings = [text for relation in RELATIONS_OF[kind] for text in relation.statements]
        questions = [text for relation in RELATIONS_OF[kind] for text in relation.questions]
        assert len(set(wordings)) == len(wordings)
        assert len(set(questions)) == len(questions)


def test_every_type_has_facts_left_to_ask_for_in_vain() -> None:
    assert all(len(RELATIONS_OF[kind]) > SENTENCES_PER_CHUNK for kind in EntityType)


def test_fillers_name_their_subject() -> None:
    assert all("{s}" in filler and not filler.startswith("{") for filler in FILLERS)
