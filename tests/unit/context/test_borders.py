"""Where a piece of text may begin and end."""

from __future__ import annotations

import time

import pytest

from attribot_integrations.context.borders import is_part_of_name, units

WHOLE = [
    "isn't",
    "l\u2019homme",
    "2.5",
    "1,500",
    "-5",
    "\u22125",
    "+49",
    "-$5",
    ".5",
    "5%",
    "5°",
    "$5",
    "5€",
    "5½",
    "10²",
    "H₂O",
    "12:30",
    "3\u20135",
    "2024-05-06",
    "12/05/2024",
    "v1.2b",
    "non-smoker",
    "non\u2011smoker",
    "mid\u00adway",
    "AT&T",
    "U.S.A",
    "C++",
    "C#",
    ".NET",
    "#tag",
    "@ann",
    "snake_case",
    "std::vector",
    "Node.js",
    "not-ann@pier.org",
    "ann+news@pier.org",
    "mailto:ann@pier.org",
    "https://pier.org/a?b=1&c=(2)#d",
    "www.pier.org/a?b",
    "pier.org",
    "/etc/passwd",
    "~/docs",
    "docs/guide.md",
    "C:\\new\\dir",
    "\\alpha",
    "cafe\u0301s",
    "हिन्दी",
    "서울은",
    "カタカナ",
    "👩‍💻",
    "👍🏽",
    "🇩🇪",
    "5️⃣",
]


@pytest.mark.parametrize("unit", WHOLE)
def test_what_is_one_unit(unit: str) -> None:
    assert units(unit) == [(0, len(unit))]
    around = f"We ({unit}) left."
    assert (4, 4 + len(unit)) in units(around)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("We left.", ["We", " ", "left", "."]),
        ("a \n\t b", ["a", " \n\t ", "b"]),
        ("Context:We", ["Context", ":", "We"]),
        ("key=We", ["key", "=", "We"]),
        ("a—b", ["a", "—", "b"]),
        ("_We_", ["_", "We", "_"]),
        ("**We**", ["*", "*", "We", "*", "*"]),
        ("</b>We", ["<", "/", "b", ">", "We"]),
        ("...We", [".", ".", ".", "We"]),
        ("-We", ["-", "We"]),
        ("[1]We", ["[", "1", "]", "We"]),
        ("①We", ["①", "We"]),
        ("使用Python编程", ["使", "用", "Python", "编", "程"]),
        ("ข้อ", ["ข้", "อ"]),
        ("漢字.We", ["漢", "字", ".", "We"]),
        ("🇩🇪🇫🇷🇫", ["🇩🇪", "🇫🇷", "🇫"]),
        ("", []),
    ],
)
def test_what_is_divided(text: str, pieces: list[str]) -> None:
    assert [text[start:end] for start, end in units(text)] == pieces


@pytest.mark.parametrize(
    ("text", "piece", "expected"),
    [
        ("_We left_", "We left", False),
        ("_private", "private", True),
        ("__init__", "init", True),
        ("We left", "We", False),
        ("_We left", "We left", True),
    ],
)
def test_underscores_of_names(text: str, piece: str, expected: bool) -> None:
    start = text.index(piece)
    assert is_part_of_name(text, start, start + len(piece)) is expected


@pytest.mark.parametrize(
    "piece",
    [
        *"[a+-$/\\.:_@&'漢カᄀ🇩\u0301\u200d\u0600",
        *("a-", "a--", "a.", "a:", "a_", "a+", "a@", "1,", "1:", "//", "~/", "/a", "x://", "h:/"),
        *("::", "ア'", "กำ", "क्", "👩\u200d", "a\u0301", "🇩\u0301"),
    ],
)
def test_any_text_takes_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.thread_time()
    spans = units(text)
    assert time.thread_time() - started < 10
    assert spans[-1][1] == len(text)


@pytest.mark.parametrize("text", ["x://" + "." * 100_000, "a" + "\u0301" * 100_000])
def test_one_long_unit_takes_linear_time(text: str) -> None:
    started = time.thread_time()
    units(text)
    assert time.thread_time() - started < 10
