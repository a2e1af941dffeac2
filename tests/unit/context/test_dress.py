"""Undoing how a formatter shows a text."""

from __future__ import annotations

import html
import json
import time

import pytest

from attribot_integrations.context.dress import (
    decoded,
    may_cut_path,
    normalized,
    reformatted,
    spaced,
    unnumbered,
)
from attribot_integrations.context.layers import Layer


def test_white_space_is_equal_whatever_it_is() -> None:
    assert spaced(Layer("We\r\n\tleft\u2028 \x1cnow .")).text == "We left now ."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“We” \u2018left\u2019 «now»", '"We" \'left\' "now"'),
        ("cafe\u0301 \u1112\u1161\u11ab", "café 한"),
        ("ma\u00adker\u200b \ufeffx\u200f", "maker x"),
        ("> We\n- left", "> We - left"),
    ],
)
def test_normalized(text: str, expected: str) -> None:
    assert normalized(Layer(text)).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> We\n> left.\n>now", "We left. now"),
        ("> > We\n> > left", "We left"),
        ("- We\n  * left\n• now", "We left now"),
        ("> - We\n> - left", "We left"),
        ("## We\n| left", "We left"),
        ("Ros-\nlin Works", "Roslin Works"),
        ("Ros-\n> lin Works", "Roslin Works"),
        ("well- known, well-known, well\u2010known", "wellknown, wellknown, wellknown"),
        ("ﬁ ① … 10²", "fi 1 ... 102"),
        ("3 \u2013 5 \u2212 7", "3 - 5 - 7"),
        ("漢字資\n料 です", "漢字資料です"),
        ("-5 and\n-5", "-5 and -5"),
        ("1. We\n2. left", "1. We 2. left"),
    ],
)
def test_reformatted(text: str, expected: str) -> None:
    assert reformatted(Layer(text)).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "1. We\n2. left",
        "[1] We\n[2] left",
        "1: We\n2: left",
        "  1 | We\n 12 | left",
        "1\tWe\n2\tleft",
    ],
)
def test_numbers_before_lines(text: str) -> None:
    assert unnumbered(Layer(text)).text == "We left"


def test_numbers_in_lines_stay() -> None:
    assert unnumbered(Layer("In 1984. We 5) left\n12 men")).text == "In 1984. We 5) left 12 men"


TEXT = 'The "maker" isn\'t é\n\t<b>R&D</b> 👩 \\d+ C:\\dir'


@pytest.mark.parametrize(
    "shown",
    [
        repr(TEXT),
        json.dumps(TEXT),
        json.dumps(TEXT, ensure_ascii=False),
        json.dumps(TEXT).replace("/", "\\/"),
        html.escape(TEXT),
        html.escape(html.escape(TEXT)),
        json.dumps(json.dumps(TEXT)),
        html.escape(json.dumps(TEXT)),
        json.dumps(html.escape(TEXT)),
        TEXT.encode("ascii", "xmlcharrefreplace").decode(),
        TEXT.encode("unicode_escape").decode(),
    ],
)
def test_escapes(shown: str) -> None:
    assert any(TEXT in layer.text for (layer,) in decoded((Layer(f"[{shown}]"),)))


def test_odd_escapes() -> None:
    shown = "\\ud83d \\U00110000 &nosuch; &#0; \\q &#9999999;"
    *_, (layer,) = decoded((Layer(shown),))
    assert "\\ud83d" not in layer.text
    assert not any("\ud800" <= one <= "\udfff" for one in layer.text)
    assert "\\q" in layer.text


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("in C:\\new\\dir", "in C:\\new\\dir"),
        ("Plan B:\\nThe maker", "Plan B:\nThe maker"),
    ],
)
def test_paths_are_no_escapes(shown: str, expected: str) -> None:
    assert [layer.text for (layer,) in decoded((Layer(shown),))][-1] == expected


@pytest.mark.parametrize(
    "piece",
    [
        "\\",
        "\\n",
        "&amp;",
        "&",
        "> ",
        "- ",
        "1. ",
        "-",
        "“",
        "e\u0301",
        "\u1112\u1161",
        " ",
        "|",
        "#",
    ],
)
def test_any_text_takes_linear_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    started = time.thread_time()
    for (layer,) in decoded((Layer(text),)):
        for fold in (spaced, normalized, reformatted, unnumbered):
            fold(layer)
    assert time.thread_time() - started < 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see docs\\new release", True),
        ("see docs\\new release, 'as said.\\nHere'", False),
        ("docs\\New release", False),
        ("docs new release", False),
    ],
)
def test_escapes_that_may_be_paths(text: str, expected: bool) -> None:
    start = text.index("ew release")
    assert may_cut_path(text, start, start + 10) is expected
    end = text.index("docs") + 4
    assert may_cut_path(text, end - 4, end) is expected
