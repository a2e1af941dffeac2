"""What is measured of a statement and a passage."""

from __future__ import annotations

import math

import pytest

from attribot_integrations.verifying.agreement import AGREEMENT, measure_agreement, shares_held


def measured(
    statement: str, passages: list[str], question: str = "", place: int = 0
) -> dict[str, float]:
    found = measure_agreement(question, [statement], passages, "english")
    return dict(zip(AGREEMENT, map(float, found[place, 0]), strict=True))


def test_a_copy_agrees_in_all() -> None:
    values = measured("Anna came in 1990.", ["Anna came in 1990.", "Other words."])
    assert values == pytest.approx(
        {
            "added": 1,
            "run": 1,
            "similarity": 1,
            "asked": 0,
            "numbers": 0,
            "exchanged": 0,
            "unsaid": 0,
            "unheard": 0,
        }
    )


def test_rare_terms_weigh_more() -> None:
    passages = ["the zebra", "the cat", "the dog"]
    rare = math.log(8 / 1.5)
    common = math.log(8 / 3.5)
    values = measured("the zebra", passages, place=1)
    assert values["added"] == pytest.approx(common / (common + rare))
    assert values["run"] == pytest.approx(common / (common + rare))
    # Both have length √(common² + rare²), and share the common term alone.
    assert values["similarity"] == pytest.approx(common**2 / (common**2 + rare**2))


def test_words_of_the_question_are_not_what_a_statement_adds() -> None:
    passages = ["Rome is a city.", "The capital of France is a city."]
    question = "What is the capital of France?"
    right = measured("The capital of France is Rome.", passages, question, 0)
    wrong = measured("The capital of France is Rome.", passages, question, 1)
    assert (right["added"], wrong["added"]) == (1, 0)


def test_the_question_counts_for_short_statements() -> None:
    passages = ["It became the capital of France.", "Nothing is here."]
    short = measured("Paris", passages, "What is the capital of France?")
    long = measured("Paris, which lies on a river", passages, "What is the capital of France?")
    assert short["asked"] > 4 * long["asked"] > 0


def test_a_run_needs_its_order() -> None:
    passages = ["red green blue", "blue green red"]
    assert measured("red green blue", passages)["run"] == pytest.approx(1)
    assert measured("red green blue", passages, place=1)["run"] == pytest.approx(1 / 3)


def test_numbers_that_are_missing() -> None:
    passages = ["It took 3 years.", "It took 1990 to come."]
    assert measured("It took 1990 days.", passages)["numbers"] == 1
    assert measured("It took 1990 days.", passages, place=1)["numbers"] == 0
    asked = measured("It took 1990 days.", ["It took days."], "What was in 1990?")
    assert asked["numbers"] == 0


@pytest.mark.parametrize(
    ("statement", "passage", "expected"),
    [
        ("It was founded in 1990 by monks", "It was founded in 1987 by monks", 1),
        ("It was founded in 1990", "It was founded in 1987", 1),
        ("The 40 boats sank", "All 12 boats sank", 1),
        ("It was founded in 1990 by monks", "It was founded by monks", 0),
        ("It was founded in 1990", "It was founded in France", 0),
        ("the father of Maria was rich", "the father of Anna was rich", 1),
        ("the father of Maria was rich", "the father of Anna and Maria was rich", 0),
        ("the father of Maria", "the father of Anna", 0),  # what follows is not known to be hers
    ],
)
def test_what_stands_in_the_place_of_a_number_or_name(
    statement: str, passage: str, expected: float
) -> None:
    assert measured(statement, [passage])["exchanged"] == expected


def test_what_no_passage_says() -> None:
    passages = ["the father was rich", "Maria came"]
    values = measured("the father of Maria was rich", passages)
    assert values["unheard"] == 0
    assert 0 < values["unsaid"] < 0.4  # "of"
    assert measured("the father of Peter was rich", passages)["unheard"] == 1


def test_marks_of_citations_do_not_count() -> None:
    passages = ["Anna came home.", "Others left."]
    assert measured("**Anna** came home [1][2].", passages) == measured("Anna came home.", passages)


def test_blank_texts_agree_in_nothing() -> None:
    found = measure_agreement("", ["", "cat"], ["", "cat", "…"], None)
    assert found.shape == (3, 2, len(AGREEMENT))
    assert not found[:, 0].any()
    assert not found[0, 1, :4].any()


def test_values_are_shares() -> None:
    texts = ["the the the", "a b c d e", "1 2 3 A B", "Ä ö ü 東京は"]
    found = measure_agreement("a b 1", texts, texts[::-1], "english")
    assert ((found >= 0) & (found <= 1)).all()


def test_how_much_of_what_a_table_shares_a_row_has() -> None:
    passages = ["Kiel 1895", "Suez 1869", "no row: Kiel 1869", "Suez 1", "other"]
    frames = ["canal", "canal", "", "boat", "boat"]
    right, wrong, nothing = shares_held(
        ["the Kiel Canal of 1895", "the Kiel Canal of 1869", "nobody"], passages, frames, None
    ).T
    assert right.tolist() == [1, 0, 0, 0, 0]
    assert 0.3 < wrong[0] < 0.7
    assert wrong[0] + wrong[1] == pytest.approx(1)
    assert not wrong[2:].any()
    assert not nothing.any()
    (boat,) = shares_held(["Suez"], passages, frames, None).T
    assert boat.tolist() == [0, 1, 0, 1, 0]  # each table for itself
