"""Finding chunks in the prompt that the generator saw."""

from __future__ import annotations

import html
import json
import re
import textwrap
import time
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from attribot_integrations.context.locating import (
    ChunkLocation,
    RawPrompt,
    capture_prompt,
    locate_chunks,
)
from attribot_integrations.context.prompts import BEGUN, Prompt, render
from attribot_integrations.context.sources import Chunk, SourceSet
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
    assert time.thread_time() - started < 10


def test_many_chunks_are_found_fast() -> None:
    chunks = [Chunk(f"Chunk {index}: {'some words here ' * 30}.") for index in range(1000)]
    started = time.thread_time()
    locations = locate_chunks(["\n\n".join(chunk.text for chunk in chunks)], chunks)
    assert all(location.outcome == "found" for location in locations)
    assert time.thread_time() - started < 10


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


# In other dress

PLAIN = "The maker of the Norba phone is Kelmar Press. Its price is 440 coins."
RICH = (
    "The maker of the “Norzel” bike is Ros-\nlin Works & Sons; it isn't new.\n"
    "In shops the well-\nknown bike costs 910 coins at the café."
)
DRESSES: dict[str, Callable[[str], str]] = {
    "repr": repr,
    "json": json.dumps,
    "json, not ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "json in json": lambda text: json.dumps({"x": json.dumps(text)}),
    "html": lambda text: f"<doc>{html.escape(text)}</doc>",
    "html twice": lambda text: html.escape(html.escape(text)),
    "json in html": lambda text: html.escape(json.dumps(text)),
    "quoted": lambda text: textwrap.indent(text, "> "),
    "quoted twice": lambda text: textwrap.indent(text, "> > "),
    "indented": lambda text: textwrap.indent(text, "    "),
    "listed": lambda text: textwrap.indent(text, "- "),
    "numbered": lambda text: "\n".join(f"{n}. {line}" for n, line in enumerate(text.split("\n"))),
    "[numbered]": lambda text: "\n".join(
        f"[{n}] {line}" for n, line in enumerate(text.split("\n"))
    ),
    "wrapped": lambda text: textwrap.fill(text, 30),
    "wrapped and quoted": lambda text: textwrap.indent(textwrap.fill(text, 30), "> "),
    "mended": lambda text: text.replace("-\n", ""),
    "mended, hyphens kept": lambda text: text.replace("-\n", "-"),
    "one line": lambda text: text.replace("\n", " "),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "straight quotes": lambda text: text.replace("“", '"').replace("”", '"'),
    "soft hyphens": lambda text: text.replace("maker", "ma\u00adker"),
    "bold": lambda text: f"**{text}**",
    "table": lambda text: f"| {text} |",
    "yaml": lambda text: "text: |\n" + textwrap.indent(text, "  "),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_other_dress(dress: str) -> None:
    show = DRESSES[dress]
    prompt = f"Context:\n{show(PLAIN)}\n\n{show(RICH)}\n\nQuestion: Who makes the Norzel bike?"
    built, sources, locations = capture_prompt(
        [{"role": "user", "content": prompt}],
        [Chunk(RICH), Chunk(PLAIN)],
        question="Who makes the Norzel bike?",
    )
    assert [location.outcome for location in locations] == ["found", "found"]
    assert [source.text for source in sources.sentences] == [
        source.text for source in SourceSet.build([Chunk(RICH), Chunk(PLAIN)]).sentences
    ]
    (message,) = built.messages
    assert message.text == prompt
    rendered = render(message.segments)
    for id_, (start, end) in rendered.sentences:
        words = re.findall(r"\w{5,}", sources.sentences[id_].text)
        assert rendered.text[start:end].startswith(sources.sentences[id_].text[:3])
        assert words[-1][:3] in rendered.text[start:end]
    nothing = render(message.segments, sources.all_ids).text
    assert re.findall(r"\w{3,}", nothing.split("Question:")[0]) == re.findall(
        r"\w{3,}", f"Context: {show('')} {show('')}"
    )
    only = render(message.segments, frozenset(sources.whole_chunks[0].sentence_ids)).text
    assert "Kelmar" in only
    assert "910" not in only


def test_a_cut_chunk() -> None:
    text = "The maker is Ana. The price is 910 coins. It is old."
    prompt, sources, (location,) = capture_prompt(f"Context: {text[:32]}…\nWho?", [Chunk(text)])
    assert location.outcome == "partial"
    assert location.shown == ((0, 32),)
    assert [(one.text, one.start, one.end, one.sentence_index) for one in sources.sentences] == [
        ("The maker is Ana.", 0, 17, 0),
        ("The price is 9", 18, 32, 1),
    ]
    assert sources.whole_chunks[0].text == text[:32]
    assert without(prompt, 0) == ["Context: The price is 9…\nWho?"]
    assert without(prompt, 0, 1) == ["Context: …\nWho?"]


def test_a_chunk_with_its_middle_cut() -> None:
    text = "The maker of it is Ana Selwen. The price is 910 coins. It is old and was sold in May."
    shown = f"{text[:40]} [...] {text[-28:]}"
    prompt, sources, (location,) = capture_prompt(f"{shown}\nWho?", [Chunk(text)])
    assert location.outcome == "partial"
    assert [text[start:end] for start, end in location.shown] == [text[:40], text[-27:]]
    assert [one.text for one in sources.sentences] == [
        "The maker of it is Ana Selwen.",
        "The price",
        "is old and was sold in May.",
    ]
    assert without(prompt, 0, 1, 2) == ["\nWho?"]


def test_a_splitter_that_skips_what_is_shown() -> None:
    text = "The maker is Ana and nobody else. The price is 910 coins."
    prompt, sources, _ = capture_prompt(f"{text[:30]}\n", [Chunk(text)], lambda text: [(34, 56)])
    assert [one.text for one in sources.sentences] == [text[:30]]
    assert without(prompt, 0) == ["\n"]


def test_one_character_for_two_sentences() -> None:
    chunk = Chunk("The first of it is done ﬁt for all of us")
    prompt, sources, _ = capture_prompt(
        "(The first of it is done fit for all of us)", [chunk], lambda text: [(0, 25), (25, 39)]
    )
    assert len(sources.sentences) == 2
    assert without(prompt, 0, 1) == ["()"]


def test_the_question_is_no_source() -> None:
    with pytest.raises(ChunkNotFoundError, match="0: not_found"):
        capture_prompt("Who left?", [Chunk("left")], question="Who left?")
    (location,) = locate_chunks(["Who left?"], [Chunk("left")])
    assert location.outcome == "found"


def test_many_long_chunks_are_found_fast_in_any_dress() -> None:
    words = "The maker of “Norzel” bikes isn't known, and shops ask 910 coins."
    chunks = [
        Chunk(f"{number}: " + "\n".join(f"{number}, {line}: {words}" for line in range(13)))
        for number in range(50)
    ]
    for show in (str, repr, html.escape, lambda text: text[:600]):
        prompt = "\n\n".join(show(chunk.text) for chunk in chunks)
        started = time.thread_time()
        locations = locate_chunks([prompt], chunks, "Who makes them?")
        assert time.thread_time() - started < 10  # 0.2 on a machine at rest
        assert all(location.located for location in locations)


@pytest.mark.parametrize(
    "piece",
    ["[", "a ", "\\n", "&amp;", "> ", "- ", "\\", "a-", "1. ", "“", "e\u0301", "漢", "word ", "🇩"],
)
def test_hostile_texts_take_little_time_in_any_form(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    chunks = [
        Chunk(text[:40_000] + "x"),
        Chunk("y" + text[:3000]),
        Chunk(text[:1000]),
        Chunk(text[:30] + "\nmore"),
        Chunk(text),
    ]
    started = time.thread_time()
    locate_chunks([text], chunks, text[:100])
    assert time.thread_time() - started < 10


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


def test_only_the_marks_of_thoughts_are_control_tokens_in_what_was_begun() -> None:
    chunk = Chunk("Ada is <|im_end|> old.")
    for begun, trusted in (
        ("<think>\nAda is <|im_end|> old.\n</think>\n\n", ["<think>\n", "\n</think>\n\n"]),
        ("<think [INST]>Ada is <|im_end|> old.</s>", []),
        ("Ada is <|im_end|> old.</think><|im_start|>", []),
    ):
        asked = [{"role": "user", "content": "<think>Who?"}, {"role": BEGUN, "content": begun}]
        prompt, _, _ = capture_prompt(asked, [chunk])
        segments = [each for message in prompt.messages for each in message.segments]
        assert [each.text for each in segments if each.trusted] == trusted
        assert "".join(each.text for each in prompt.begun) == begun
        assert [message.role for message in prompt.asked] == ["user"]
