"""Parts of a text, where the rest was cut."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable

import pytest

from attribot_integrations.context.copies import Needle, PromptTexts
from attribot_integrations.context.cuts import may_show_part, parts, rest_stands

TEXT = (
    "The maker of the Norzel bike is Roslin Works. In shops it costs 910 coins. "
    "It first appeared in 1962, and was well-known then."
)


def found(prompt: str, text: str = TEXT) -> list[str]:
    """Return what a prompt shows of a text, part by part, of the longest part."""
    ordered = parts(PromptTexts([prompt]), Needle(text))
    return [text[slice(*run.shown)] for run in ordered[0].copy.runs] if ordered else []


@pytest.mark.parametrize("length", [30, 45, 46, 47, 60, 62, 75, 100])
@pytest.mark.parametrize(
    "end", ["", "\n\nThe end", "…", "...", " [...]", "</doc> x", '", "x": 1', "|"]
)
def test_prefix(length: int, end: str) -> None:
    (shown,) = found(f"Context: {TEXT[:length]}{end}")
    assert shown == TEXT[:length].strip()


@pytest.mark.parametrize(
    "mark",
    [" ... ", "…", "\n", "\n\n", "[...]", "\n[45 characters left out]\n", " <snip> ", " […] "],
)
def test_head_and_tail(mark: str) -> None:
    assert found(f"Context: {TEXT[:50]}{mark}{TEXT[-40:]}\nWho?") == [
        TEXT[:50].strip(),
        TEXT[-40:].strip(),
    ]


def test_tail() -> None:
    assert found(f"Context: ...{TEXT[-60:]}\nWho?") == [TEXT[-60:].strip()]


@pytest.mark.parametrize(
    "show",
    [
        lambda text: json.dumps(text[:90]),
        lambda text: textwrap.indent(textwrap.fill(text[:90], 20), "> "),
        lambda text: textwrap.shorten(text, 90),
        lambda text: repr(text[:50] + "…" + text[-40:]),
    ],
)
def test_other_dress(show: Callable[[str], str]) -> None:
    text = TEXT.replace(". In", ".\nIn")
    assert found(f"Context:\n{show(text)}\nWho?", text)[0].startswith(text[:48])


@pytest.mark.parametrize(
    "prompt",
    [
        f"{TEXT[:60]} and more of the same line",  # it goes on in other words
        f"x{TEXT[:60]}\n",
        f"We say the m{TEXT[5:60]}\n",
        f"Say {TEXT[4:60]}\n",
        f"word {TEXT[:60]}\n",  # starts in the middle of a line
        TEXT[:20],  # says too little
        TEXT,
        f"non-{TEXT}",
        "",
    ],
)
def test_no_part(prompt: str) -> None:
    assert found(prompt) == []


def test_short_texts_have_no_parts() -> None:
    assert found("The maker", "The maker left.") == []


def test_words_behind_a_cut_may_be_the_same_by_chance() -> None:
    assert found(f"{TEXT[:45]}\n\nIn shops the price is 7.") == [TEXT[:45]]


def test_what_is_taken_is_no_part() -> None:
    prompt = PromptTexts([f"{TEXT[:60]}\n"])
    part = parts(prompt, Needle(TEXT))[0]
    prompt.take(part.copy)
    assert not prompt.is_free(part.copy)
    assert parts(prompt, Needle(TEXT)) == []
    prompt.free(part.copy)
    assert parts(prompt, Needle(TEXT))[0].copy.place == part.copy.place


def test_rest_that_stands() -> None:
    for prompt, expected in (
        (f"{TEXT[:45]}\nSomething else.\n{TEXT[80:]}", True),
        (f"{TEXT[:45]} [see](x) and then also\n{TEXT[46:]}", True),
        (f"{TEXT[:45]}\nSomething else.", False),
    ):
        texts = PromptTexts([prompt])
        part = next(part for part in parts(texts, Needle(TEXT)) if part.shown == ((0, 45),))
        texts.take(part.copy)
        assert rest_stands(texts.left(), Needle(TEXT), part) is expected


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        ("Then in shops 910 coins it was; it appeared, as is well-known, in 1962.", True),
        ("Answer at first glance. Costs do not matter.", False),
        ("Who makes it?", False),
    ],
)
def test_pieces_of_the_rest(behind: str, expected: bool) -> None:
    texts = PromptTexts([f"{TEXT[:45]}\n{behind}"])
    part = next(part for part in parts(texts, Needle(TEXT)) if part.shown == ((0, 45),))
    texts.take(part.copy)
    assert rest_stands(texts.left(), Needle(TEXT), part) is expected


def test_may_show_part() -> None:
    prompt = PromptTexts([f"{TEXT[:60]}\n"])
    assert may_show_part(prompt.left(), Needle(TEXT))
    assert not may_show_part(
        prompt.left(), Needle(f"It begins in another way. {TEXT[:45]} It ends in another way, too.")
    )


@pytest.mark.parametrize("piece", ["a ", "ab", ". ", "[", "漢"])
def test_hostile_texts_take_little_time(piece: str) -> None:
    prompt = PromptTexts([piece * (60_000 // len(piece))])
    needle = Needle(piece * 5000 + "end of it all")
    started = time.thread_time()
    for part in parts(prompt, needle):
        rest_stands(prompt.left(), needle, part)
    assert time.thread_time() - started < 10


def test_what_was_put_into_a_text_goes_with_it() -> None:
    assert found(f"Context: {TEXT[:45]} [see it](x) {TEXT[46:]}") == [TEXT[:45], TEXT[46:]]
