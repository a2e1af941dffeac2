"""Which text of a prompt is which chunk's."""

from __future__ import annotations

import pytest

from attribot_integrations.context.matching import Match, match_chunks

ONE = "The maker of the Norzel bike is Roslin Works. In shops it costs 910 coins."
TWO = "The maker of the Norba phone is Kelmar Press. Its price is 440 coins."
HEAD = "Annual report of Roslin Works for 1962.\n"


def shown(match: Match, prompt: str) -> list[str]:
    return [prompt[copy.place[1] : copy.place[2]] for copy in match.copies]


def matched(prompt: str, *chunks: str, question: str = "") -> list[tuple[str, list[str]]]:
    return [
        (match.outcome, shown(match, prompt)) for match in match_chunks([prompt], chunks, question)
    ]


# The question


def test_a_chunk_inside_the_question_is_not_found() -> None:
    asked = "Who makes the Norzel bike?"
    assert matched(f"{ONE}\n{asked}", ONE, "Norzel bike?", question=asked) == [
        ("found", [ONE]),
        ("not_found", []),
    ]
    assert matched(f"Norzel bike?\n{asked}", "Norzel bike?", question=asked) == [
        ("found", ["Norzel bike?"])
    ]


def test_a_chunk_that_is_the_question_has_only_its_place_in_the_context() -> None:
    asked = "Who left?"
    (match,) = match_chunks([f"{asked}\n\nQuestion: {asked}"], [asked], asked)
    assert [copy.place for copy in match.copies] == [(0, 0, 9)]
    (match,) = match_chunks([asked, f"Context: {asked}"], [asked], asked)
    assert [copy.place for copy in match.copies] == [(1, 9, 18)]
    assert matched(f"Question: {asked}", asked, question=asked) == [("not_found", [])]


def test_a_question_inside_a_chunk_is_the_chunks() -> None:
    chunk = "Who left? Ana left."
    assert matched(f"{chunk}\nQ: Who left?", chunk, question="Who left?") == [("found", [chunk])]


def test_a_question_in_other_dress() -> None:
    assert matched(
        '{"q": "Who \\"left\\" the pier?"}', "left", question='Who "left" the pier?'
    ) == [("not_found", [])]


# Several forms


def test_copies_in_other_forms_are_found_too() -> None:
    chunk = ONE.replace(". In", ".\nIn")
    escaped = repr(chunk)[1:-1]
    assert matched(f"{chunk}\n\n'{escaped}'", chunk) == [("repeated", [chunk, escaped])]


def test_a_chunk_in_other_form_does_not_take_what_is_another_chunk() -> None:
    plain, dashed = "They resign from the board now.", "They re-sign from the board now."
    assert matched(f"{plain}", dashed, plain) == [("not_found", []), ("found", [plain])]


def test_longer_chunks_in_other_forms_choose_first() -> None:
    long = f"{ONE}\n{TWO}"
    escaped = repr(long)[1:-1]
    assert matched(f"['{escaped}']", ONE, long) == [("overlapping", []), ("found", [escaped])]


# What overlaps, and what is joined


def test_overlapping_chunks_divide_what_they_share() -> None:
    first, second, third = "We left. You stayed.", "You stayed. They went away.", "stayed"
    prompt = "We left. You stayed. They went away."
    assert matched(prompt, first, second, third) == [
        ("partial", ["We left."]),
        ("found", [second]),
        ("overlapping", []),
    ]


def test_chunks_joined_without_a_separator() -> None:
    assert matched(f"{ONE}{TWO}", ONE, TWO) == [("found", [ONE]), ("found", [TWO])]
    assert matched(f"{ONE}{TWO}", ONE)[0][0] != "found"
    assert matched(f"x{ONE}{TWO}x", ONE, TWO)[0][0] != "found"


# Parts


def test_cut_chunks_with_the_same_head() -> None:
    chunks = [f"{HEAD}{ONE}", f"{HEAD}{TWO}"]
    prompt = "\n\n".join(chunk[:90] for chunk in chunks)
    assert matched(prompt, *chunks) == [
        ("partial", [chunks[0][:90].strip()]),
        ("partial", [chunks[1][:90].strip()]),
    ]


def test_parts_that_cannot_be_told_apart_are_nobodys() -> None:
    chunks = [f"{HEAD}{ONE}", f"{HEAD}{TWO}"]
    assert [match.outcome for match in match_chunks([HEAD], chunks, "")] == ["not_found"] * 2
    assert all(match.traces for match in match_chunks([HEAD], chunks, ""))


def test_equal_chunks_share_their_parts() -> None:
    assert matched(f"{ONE[:60]}\n\n{ONE[:60]}", ONE, ONE) == [
        ("partial", [ONE[:60]]),
        ("partial", [ONE[:60]]),
    ]


def test_a_chunk_whose_rest_stands_elsewhere_is_not_cut() -> None:
    (match,) = match_chunks([f"{ONE[:45]}\n\nSomething else.\n\n{ONE[46:]}"], [ONE], "")
    assert (match.outcome, match.copies, match.traces) == ("not_found", (), True)


# Traces


@pytest.mark.parametrize(
    ("prompt", "traces"),
    [
        (ONE.upper(), True),
        ("Norzel bike: Roslin Works, 910 coins", True),
        (f"{TWO}\nAnswer the question using only the context.", False),
        (TWO, False),
    ],
)
def test_traces_of_a_chunk_that_is_not_found(prompt: str, traces: bool) -> None:
    match = match_chunks([prompt], [ONE, TWO], "")[0]
    assert (match.outcome, match.traces) == ("not_found", traces)


def test_traces_beside_a_copy() -> None:
    (match,) = match_chunks([f"{ONE[:45]}\n\n{ONE}"], [ONE], "")
    assert (match.outcome, match.traces) == ("found", True)
    (match,) = match_chunks([f"{ONE}\n\nWho?"], [ONE], "Who?")
    assert (match.outcome, match.traces) == ("found", False)


def test_words_of_the_question_are_no_traces() -> None:
    asked = "Does the Norzel bike of Roslin Works cost 910 coins?"
    assert not match_chunks([f"{TWO}\n{asked}"], [ONE, TWO], asked)[0].traces


def test_blank() -> None:
    assert match_chunks(["x"], [" \n", ""], "") == [Match("blank"), Match("blank")]
