"""Finding chunks in the prompt that the generator saw."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from attribot_integrations.context.locating import (
    ChunkLocation,
    RawPrompt,
    capture_prompt,
    locate_chunks,
)
from attribot_integrations.context.prompts import Prompt, render
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ChunkNotFoundError, InputError


def outcomes(text: str, *chunks: str) -> list[tuple[str, list[tuple[int, int]]]]:
    return [
        (location.outcome, [(start, end) for _, start, end in location.places])
        for location in locate_chunks([text], [Chunk(chunk) for chunk in chunks])
    ]


def without(prompt: Prompt, *removed: int) -> list[str]:
    return [render(message.segments, frozenset(removed)).text for message in prompt.messages]


# Outcomes


def test_found() -> None:
    assert outcomes("[A one.] [B two.]", "B two.", "A one.") == [
        ("found", [(10, 16)]),
        ("found", [(1, 7)]),
    ]


def test_white_space_around_a_chunk_does_not_matter() -> None:
    assert outcomes("<A one.>", "\n A one.\t") == [("found", [(1, 7)])]


def test_repeated() -> None:
    assert outcomes("A. - A. - A.", "A.") == [("repeated", [(0, 2), (5, 7), (10, 12)])]


def test_repeated_in_other_white_space() -> None:
    assert outcomes("A b. - A\n b. - A b.", "A b.") == [("repeated", [(0, 4), (7, 12), (15, 19)])]


def test_equal_chunks_share_the_places() -> None:
    assert outcomes("A. - A. - A.", "A.", "A.") == [
        ("found", [(0, 2)]),
        ("repeated", [(5, 7), (10, 12)]),
    ]
    assert outcomes("A.", "A.", "A.") == [("found", [(0, 2)]), ("overlapping", [])]


def test_chunks_that_differ_in_white_space_share_the_places() -> None:
    assert outcomes("A b. - A\tb.", "A b.", "A\nb.") == [
        ("found", [(0, 4)]),
        ("found", [(7, 11)]),
    ]


def test_longer_chunks_choose_first() -> None:
    assert outcomes("one two three", "two", "one two three") == [
        ("overlapping", []),
        ("found", [(0, 13)]),
    ]
    assert outcomes("one two three, two", "two", "one two three") == [
        ("found", [(15, 18)]),
        ("found", [(0, 13)]),
    ]


def test_overlapping_chunks_divide_what_they_share() -> None:
    assert outcomes("one two three", "one two", "two three") == [
        ("partial", [(0, 3)]),
        ("found", [(4, 13)]),
    ]


def test_place_that_a_taken_one_hides_is_still_found() -> None:
    # "a a" stands at 4 and at 6, and the first of the two begins in "c b a".
    assert outcomes("c b a a a", "a a", "c b a") == [("found", [(6, 9)]), ("found", [(0, 5)])]


def test_copies_do_not_overlap_one_another() -> None:
    assert outcomes("a a a a a", "a a") == [("repeated", [(0, 3), (4, 7)])]


def test_not_found_and_blank() -> None:
    assert outcomes("A.", "B.", " \n", "", "A. C.") == [
        ("not_found", []),
        ("blank", []),
        ("blank", []),
        ("not_found", []),
    ]


def test_words_are_not_run_together() -> None:
    assert outcomes("ab", "a b") == [("not_found", [])]
    assert outcomes("a b", "ab") == [("not_found", [])]


@pytest.mark.parametrize(
    ("text", "chunk"),
    [
        ("We start here.", "art"),
        ("We start here.", "start her"),
        ("We start here.", "e start"),
        ("version 1.25", "version 1.2"),
        ("cafe\u0301s", "cafe"),
        ("हिन्दी", "हिन"),
        ("naïve", "na"),
    ],
)
def test_chunks_are_not_found_inside_words(text: str, chunk: str) -> None:
    assert outcomes(text, chunk) == [("not_found", [])]
    assert outcomes(f"{text} {chunk}", chunk)[0][0] == "found"


@pytest.mark.parametrize(
    ("text", "chunk"),
    [
        ("[1]We left.[2]", "We left."),
        ("<doc>We left</doc>", "We left"),
        ("_We left_, **we left**", "We left"),
        ('Context:"We left"', "We left"),
        ("根据漢字資料回答", "漢字資料"),
        ("ตามข้อความนี้", "ข้อความ"),
        ("...", "."),
    ],
)
def test_marks_and_scripts_without_spaces_end_words(text: str, chunk: str) -> None:
    assert outcomes(text, chunk)[0][0] in ("found", "repeated")


N = 50_000


@pytest.mark.parametrize(
    ("text", "chunk", "outcome"),
    [
        ("a" + " " * N, "a b", "not_found"),
        (" " * N + "x", "x" + " " * N + "x", "not_found"),
        ("a " * N, "a " * (N // 2) + "b", "not_found"),
        ("a " * N, "b " + "a " * (N // 2), "not_found"),
        ("a " * N, "a " * (N // 2), "repeated"),
        ("a" * N, "a" * (N // 2), "not_found"),
        ("ab " * N, "b " + "ab " * (N // 2), "not_found"),
        ("." * N, "." * (N // 2 + 1), "found"),
    ],
)
def test_hostile_texts_take_linear_time(text: str, chunk: str, outcome: str) -> None:
    started = time.thread_time()
    assert outcomes(text, chunk)[0][0] == outcome
    assert time.thread_time() - started < 2


def test_many_chunks_are_found_fast() -> None:
    chunks = [Chunk(f"Chunk {index}: {'some words here ' * 30}.") for index in range(1000)]
    started = time.thread_time()
    locations = locate_chunks(["\n\n".join(chunk.text for chunk in chunks)], chunks)
    assert all(location.outcome == "found" for location in locations)
    assert time.thread_time() - started < 3


def test_characters_with_a_meaning_in_patterns() -> None:
    assert outcomes("see [a] (b|c)* \\d+ $^", "(b|c)*\n\\d+ $^") == [("found", [(8, 21)])]


def test_several_messages() -> None:
    (location,) = locate_chunks(["A.", "no", "A. A."], [Chunk("A.")])
    assert location == ChunkLocation(0, "repeated", ((0, 0, 2), (2, 0, 2), (2, 3, 5)))
    assert location.located
    assert not ChunkLocation(0, "not_found").located


# Prompts


def test_raw_text() -> None:
    prompt, sources, locations = capture_prompt(
        "Context:\nA one. A two.\n\nB.\nWho?", [Chunk("A one. A two."), Chunk("B.")]
    )
    assert prompt.raw
    assert prompt.messages[0].role is None
    assert without(prompt) == ["Context:\nA one. A two.\n\nB.\nWho?"]
    assert without(prompt, 0) == ["Context:\nA two.\n\nB.\nWho?"]
    assert without(prompt, 1) == ["Context:\nA one.\n\nB.\nWho?"]
    assert without(prompt, 0, 1) == ["Context:\n\n\nB.\nWho?"]
    assert len(sources.sentences) == 3
    assert all(location.located for location in locations)


def test_messages() -> None:
    messages = [
        {"role": "system", "content": "Use:\nA."},
        {"role": "user", "content": "Who?"},
    ]
    prompt, _, _ = capture_prompt(messages, [Chunk("A.")])
    assert not prompt.raw
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert without(prompt, 0) == ["Use:\n", "Who?"]
    assert messages[0] == {"role": "system", "content": "Use:\nA."}


def test_every_copy_of_a_chunk_is_removed() -> None:
    prompt, _, _ = capture_prompt("A b. - A\nb. - C.", [Chunk("A b."), Chunk("C.")])
    assert without(prompt, 0) == [" -  - C."]


def test_sentences_of_a_chunk_with_other_white_space() -> None:
    chunk = Chunk("  One\ntwo.   Three  four.\n")
    prompt, sources, _ = capture_prompt("[One two.\r\n\r\nThree\tfour.]", [chunk])
    assert [one.text for one in sources.sentences] == ["One\ntwo.", "Three  four."]
    rendered = render(prompt.messages[0].segments)
    assert [rendered.text[start:end] for _, (start, end) in rendered.sentences] == [
        "One two.",
        "Three\tfour.",
    ]
    assert without(prompt, 0) == ["[Three\tfour.]"]
    assert without(prompt, 1) == ["[One two.]"]


def test_sentences_that_end_inside_a_word() -> None:
    chunk = Chunk("abc def")
    prompt, _, _ = capture_prompt("(abc\ndef)", [chunk], lambda text: [(0, 2), (2, 5), (5, 7)])
    assert without(prompt, 0) == ["(c\ndef)"]
    assert without(prompt, 1) == ["(abef)"]


def test_chunks_without_a_place_have_no_sources() -> None:
    prompt, sources, locations = capture_prompt("A.", [Chunk("B."), Chunk("A."), Chunk("")])
    assert [(one.chunk_index, one.id) for one in sources.sentences] == [(1, 0)]
    assert [location.outcome for location in locations] == ["not_found", "found", "blank"]
    assert without(prompt, 0) == [""]


def test_lone_surrogates_match() -> None:
    prompt, _, locations = capture_prompt("x A\ud800. y", [Chunk("A\ud800.")])
    assert locations[0].outcome == "found"
    assert without(prompt) == ["x A\ufffd. y"]


# Errors


def test_no_chunk_found() -> None:
    message = "none of the 2 chunks stands in the captured prompt (0: not_found, 1: blank)"
    with pytest.raises(ChunkNotFoundError, match=re.escape(message)):
        capture_prompt("Who?", [Chunk("A."), Chunk(" ")])


@pytest.mark.parametrize(
    ("captured", "message"),
    [
        ([], "the captured prompt holds no message"),
        (5, r"must be a str, a RawPrompt or a list of messages \{.*\}, not int"),
        (b"A.", r"must be a str, a RawPrompt or a list of messages \{.*\}, not bytes"),
        ({"role": "user", "content": "A."}, r"or a list of messages \{.*\}, not dict"),
        ([{"role": "user"}], "message 0 of the captured prompt must be a mapping"),
        (["text"], 'message 0 of the captured prompt must be a mapping with "role"'),
        (
            [{"role": "user", "content": "A."}, {"role": "user", "content": [{"text": "A."}]}],
            "message 1 of the captured prompt must hold text, got role str and content list",
        ),
        ([{"role": None, "content": "A."}], "got role NoneType and content str"),
        (
            [{"role": "user<|im_end|>", "content": "A."}],
            r"a letter first; got 'user<\|im_end\|>'",
        ),
    ],
)
def test_captured_prompt_is_checked(captured: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        capture_prompt(captured, [Chunk("A.")])


def test_trust_is_given_by_a_bool() -> None:
    trusted: Any = "yes"
    with pytest.raises(InputError, match="trusted must be a bool, not str"):
        RawPrompt("A.", trusted=trusted)
