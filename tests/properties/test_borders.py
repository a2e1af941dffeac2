"""No chunk is found inside a larger unit, and every chunk that stands by itself is."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from attribot_integrations.context.locating import locate_chunks
from attribot_integrations.context.sources import Chunk

WORDS = st.sampled_from(
    (
        "pier",
        "Norzel",
        "bike",
        "harbour",
        "naïve",
        "cafe\u0301s",
        "Straße",
        "дом",
        "بيت",
        "हिन्दी",
        "서울",
    )
)
NUMBERS = st.sampled_from(("5", "12", "1,500", "2.5", "1962"))
UNSPACED = st.sampled_from(("漢字資料", "東京の天気", "ข้อความ"))
BEFORE_WORDS = (
    "non-",
    "not-",
    "ann@",
    "x.",
    "docs/",
    "https://pier.org/",
    "a_",
    "std::",
    "l\u2019",
    "\\",
    "@",
    "#",
    "$",
    "C:\\",
    "x=https://a.b/?q=",
    "mid\u00ad",
    "pre",
    "www.",
)
BEHIND_WORDS = (
    "-like",
    "\u2019s",
    "'t",
    "@pier.org",
    ".org",
    "/guide.md",
    "_b",
    "::vector",
    "++",
    "#",
    "\u0301",
    "ish",
    "\u00adway",
    "&D",
    "\\new",
)
BEFORE_NUMBERS = (
    "-",
    "+",
    "\u2212",
    "$",
    "€",
    "3.",
    "1,",
    "3\u2013",
    "12:",
    "v",
    "4/",
    "2024-",
    ".",
    "#",
    "0",
)
BEHIND_NUMBERS = (
    "%",
    "€",
    "°",
    ".5",
    ",000",
    "\u20137",
    "-fold",
    ":30",
    "th",
    "/8",
    "²",
    "½",
    "\ufe0f\u20e3",
)
FLAGS_AND_FACES = (
    ("👩", "\u200d💻"),
    ("👍", "🏽"),
    ("🇩", "🇪"),
    ("❤", "\ufe0f"),
    ("5", "\ufe0f\u20e3"),
)
SEPARATORS = (
    (" ", " "),
    ("\n", "\n"),
    ("- ", "\n"),
    ("* ", "\n"),
    ("1. ", "\n"),
    ("[1] ", "\n"),
    ("> ", "\n"),
    ('"', '"'),
    ("'", "'"),
    ("“", "”"),
    ("«", "»"),
    ("„", "“"),
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("<d>", "</d>"),
    ("**", "**"),
    ("Context:", "\n"),
    ("key=", ";"),
    ("| ", " |"),
    ("「", "」"),
    ("\uff08", "\uff09"),
    ("、", "。"),
    ("— ", " —"),
    ("…", "…"),
    ("#\n", "\n#"),
    ("```\n", "\n```"),
    ("", ", and"),
    ("", "; "),
    ("", "? "),
    ("", "! "),
    ("\r\n", "\r\n"),
    ("\u2028", "\u2028"),
    ("_", "_"),
    ("资料\uff1a", "。"),
    ("漢字", "漢字"),
)


WRITERS: dict[str, Callable[[str], str]] = {
    "json": json.dumps,
    "repr": repr,
    "html": html.escape,
}
NUMBERS_OR_WORDS = (
    (st.sampled_from(BEFORE_WORDS), st.sampled_from(BEHIND_WORDS)),
    (st.sampled_from(BEFORE_NUMBERS), st.sampled_from(BEHIND_NUMBERS)),
)


@st.composite
def plain_chunks(draw: DrawFn) -> str:
    """Words and numbers, the last and the first of them whole units."""
    return " ".join(draw(st.lists(WORDS | NUMBERS | UNSPACED, min_size=1, max_size=6)))


@st.composite
def larger_units(draw: DrawFn) -> tuple[str, str]:
    """A chunk, and a text in which it only stands inside of something larger."""
    if draw(st.booleans()):
        first, rest = draw(st.sampled_from(FLAGS_AND_FACES))
        return first, first + rest
    chunk = draw(plain_chunks())
    first, last = chunk.split()[0], chunk.split()[-1]
    before = draw(NUMBERS_OR_WORDS[first[0].isdigit()][0])
    behind = draw(NUMBERS_OR_WORDS[last[0].isdigit()][1])
    sides = [first[0] not in "漢東ข", last[0] not in "漢東ข"]  # those are cut anywhere
    if not any(sides):
        return "pier", "piers"
    side = draw(st.sampled_from([number for number, cut in enumerate(sides) if cut]))
    return chunk, f"{before}{chunk}" if side == 0 else f"{chunk}{behind}"


@settings(max_examples=200)
@given(larger_units(), st.sampled_from(SEPARATORS[:24]), st.booleans())
def test_a_chunk_inside_larger_units_is_not_found(
    drawn: tuple[str, str], around: tuple[str, str], twice: bool
) -> None:
    chunk, larger = drawn
    prompt = f"Answer.\n{around[0]}{larger}{around[1]}\n" * (1 + twice)
    (location,) = locate_chunks([prompt], [Chunk(chunk)])
    assert location.outcome == "not_found", (prompt, location)


@settings(max_examples=200)
@given(st.lists(plain_chunks(), min_size=1, max_size=4, unique=True), st.data())
def test_a_chunk_between_ordinary_separators_is_found(
    drawn: list[str], data: st.DataObject
) -> None:
    drawn = [
        chunk for chunk in drawn if not any(chunk in other for other in drawn if other != chunk)
    ]
    prompt = ""
    places = []
    for chunk in drawn:
        before, behind = data.draw(st.sampled_from(SEPARATORS))
        if before == "_" and " " not in chunk:
            before = behind = '"'  # `_word_` may be a name
        prompt += before
        places.append((0, len(prompt), len(prompt) + len(chunk)))
        prompt += chunk + behind + data.draw(st.sampled_from(("\n", " ", "\n\n")))
    found = locate_chunks([prompt], [Chunk(chunk) for chunk in drawn])
    for location, place in zip(found, places, strict=True):
        assert place in location.places, (prompt, location)


@given(st.lists(plain_chunks(), min_size=2, max_size=4), st.sampled_from(sorted(WRITERS)))
def test_a_chunk_in_escapes_is_found(drawn: list[str], escape: str) -> None:
    chunk = f'"{drawn[0]}" & <{drawn[1]}>.\n' + "\n".join(drawn)
    write = WRITERS[escape]
    (location,) = locate_chunks([f"[{write(chunk)}, {write('Else.')}]"], [Chunk(chunk)])
    assert (location.outcome, location.dress) == ("found", "escaped")


@given(st.lists(plain_chunks(), min_size=3, max_size=8), st.data())
def test_what_is_shown_of_a_cut_chunk_is_what_was_left(
    drawn: list[str], data: st.DataObject
) -> None:
    chunk = ". ".join(f"{number} {text}" for number, text in enumerate(drawn))
    cut = data.draw(st.integers(0, len(chunk) - 1))
    (location,) = locate_chunks([f"Context:\n{chunk[:cut]}\n\nWho?"], [Chunk(chunk)])
    if location.located:
        assert location.outcome == "partial"
        assert len(location.shown) == 1
        start, end = location.shown[0]
        assert start == 0
        assert end <= cut
        left = chunk[end:cut]
        assert not left.strip() or len(left) < 25
    else:
        assert len(chunk[:cut].encode()) < 60
