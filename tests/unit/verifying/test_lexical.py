"""The built-in verifier on plain cases."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results.fitted import MIN_STATED
from attribot_integrations.verifying import LexicalVerifier

PASSAGES = [
    "The Eiffel Tower was built by Gustave Eiffel's company from 1887 to 1889.",
    "It is 330 metres tall and stands on the Champ de Mars in Paris.",
    "Visitors can climb to the first and the second level by stairs.",
    "The Louvre is the most visited museum of Paris.",
]


def scores(statement: str, question: str = "", passages: list[str] = PASSAGES) -> list[float]:
    found = LexicalVerifier().verify(question, [statement], passages)
    return [float(each) for each in found[:, 0]]


@pytest.mark.parametrize("place", range(4))
def test_a_copy_is_stated(place: int) -> None:
    found = scores(PASSAGES[place])
    assert found[place] > 0.98
    assert max(found[:place] + found[place + 1 :]) < 0.2


def test_a_paraphrase_is_stated_by_the_right_passage() -> None:
    found = scores("The tower, 330 metres tall, stands in Paris.", "How tall is the Eiffel Tower?")
    assert int(np.argmax(found)) == 1
    assert found[1] > 0.8


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("It is 330 metres tall.", "It is 300 metres tall."),
        ("It was built from 1887 to 1889.", "It was built from 1887 to 1989."),
        ("It stands on the Champ de Mars in Paris.", "It stands on the Champ de Mars in Lyon."),
    ],
)
def test_a_wrong_number_or_name_is_not_stated(right: str, wrong: str) -> None:
    assert max(scores(right)) > 0.9
    assert max(scores(wrong)) < 0.5


def test_a_short_answer_needs_its_question() -> None:
    found = scores("Paris", "Where does the Eiffel Tower stand?")
    assert int(np.argmax(found)) == 1
    other = scores("Paris", "Of which city is the Louvre the most visited museum?")
    assert int(np.argmax(other)) == 3


def test_nothing_shared_is_nothing_stated() -> None:
    assert scores("Zebras graze", "Why?") == [0, 0, 0, 0]
    assert scores("") == [0, 0, 0, 0]
    assert scores("Paris", passages=["", "…"]) == [0, 0]


def test_other_languages() -> None:
    chinese = ["东京是日本的首都。", "长城位于中国北方。", "巴黎的人口约为两百万。"]
    assert int(np.argmax(scores("日本的首都是东京", passages=chinese))) == 0
    russian = LexicalVerifier("russian").verify(
        "", ["Столицей России является Москва"], ["Москва — столица России.", "Париж — город."]
    )
    plain = LexicalVerifier(None).verify(
        "", ["Столицей России является Москва"], ["Москва — столица России.", "Париж — город."]
    )
    assert russian[0, 0] > plain[0, 0] > russian[1, 0]


def test_statements_are_scored_for_themselves() -> None:
    verifier = LexicalVerifier()
    both = verifier.verify("q", [PASSAGES[0], "Paris"], PASSAGES)
    assert both.shape == (4, 2)
    assert both.dtype == np.float32
    assert np.array_equal(both[:, 1:], verifier.verify("q", ["Paris"], PASSAGES))


def test_more_shared_is_never_less() -> None:
    words = ["monks", "founded", "their", "northern", "abbey", "beside", "lakes"]
    filler = "Rain fell on hills."
    found = [
        scores(" ".join(words), passages=[" ".join(words[: length + 1]), filler])[0]
        for length in range(len(words))
    ]
    assert found == sorted(found)
    assert found[-1] > 0.95


def test_names() -> None:
    assert LexicalVerifier().name == "word overlap, english"
    assert LexicalVerifier(None).name == "word overlap, not stemmed"
    with pytest.raises(ConfigurationError, match="got 'elvish'"):
        LexicalVerifier("elvish")


HEADER = "| Canal | Country | Opened | Kilometres |"
CANALS = [
    "| Kiel | Germany | 1895 | 98 |",
    "| Suez | Egypt | 1869 | 193 |",
    "| Erie | USA | 1825 | 584 |",
]
WHEN = "When was the Kiel Canal opened?"


def framed(statement: str, passages: list[str], frames: list[str]) -> list[float]:
    found = LexicalVerifier().verify_framed(WHEN, [statement], passages, frames)
    assert found.dtype == np.float32
    return [float(each) for each in found[:, 0]]


def test_a_header_adds_to_the_row_that_the_statement_speaks_of() -> None:
    passages, frames = [*CANALS, *PASSAGES], [HEADER] * 3 + [""] * 4
    statement = "The Kiel Canal was opened in 1895."
    alone, below = scores(statement, WHEN, passages), framed(statement, passages, frames)
    assert alone[0] < MIN_STATED <= below[0]
    assert below[1:] == alone[1:]  # other rows have the same header, and prose has none


def test_a_header_adds_nothing_to_a_row_with_the_value_of_another_one() -> None:
    passages, frames = [*CANALS, *PASSAGES], [HEADER] * 3 + [""] * 4
    statement = "The Kiel Canal was opened in 1869."
    assert framed(statement, passages, frames) == scores(statement, WHEN, passages)


def test_a_header_takes_nothing_from_a_row() -> None:
    names = "| " + " | ".join(f"Column {letter}" for letter in "ABCDEFGHIJKLMNOP") + " |"
    statement = "Kiel Germany 1895 98"
    passages = [*CANALS, *PASSAGES]
    assert framed(statement, passages, [names] * 3 + [""] * 4) == scores(statement, WHEN, passages)


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_numbers_in_neighbouring_cells_are_two(delimiter: str) -> None:
    header, *rows = (delimiter.join(row[2:-2].split(" | ")) for row in [HEADER, *CANALS])
    found = framed("98", rows, [header] * 3)
    assert found[0] == max(found) >= MIN_STATED > scores("98", WHEN, rows)[0]


@pytest.mark.parametrize(
    ("frame", "row"),
    [
        ("| City, country | People |", "| Kiel, Germany | 1,895 |"),
        ("<tr><th>City, country</th></tr>", "<tr><td>1,895</td></tr>"),
        ("city,people", '"1,895",98'),
        ("city,people", '"1,895\n",98\nKiel,1'),
        ("city,people,year", "1,895"),
    ],
)
def test_a_comma_inside_a_number_stays(frame: str, row: str) -> None:
    assert framed("1895", [row, CANALS[1]], [frame, ""])[0] >= MIN_STATED
