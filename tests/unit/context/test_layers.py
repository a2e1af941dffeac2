"""Text written anew, traceable to the original."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import regex
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.layers import Layer


def chosen(new: str, match: regex.Match[str]) -> str:
    return new


def test_offsets_of_a_rewritten_text() -> None:
    layer = Layer("a&amp;b").rewritten(regex.compile("&amp;"), lambda _: "&")
    assert layer.text == "a&b"
    assert [layer.origin(place, place + 1) for place in range(3)] == [(0, 1), (1, 6), (6, 7)]
    assert layer.origin(0, 3) == (0, 7)
    assert layer.within(6, 7) == (2, 3)
    assert layer.within(2, 3) == (1, 2)
    assert (layer.ended_by(6), layer.started_by(0)) == (2, 1)


def test_longer_and_empty_replacements() -> None:
    layer = Layer("-ﬁ-x-").rewritten(regex.compile("-"), lambda _: "")
    layer = layer.rewritten(regex.compile("ﬁ"), lambda _: "fi")
    assert layer.text == "fix"
    assert [layer.origin(place, place + 1) for place in range(3)] == [(1, 2), (1, 2), (3, 4)]
    assert layer.within(1, 2) == (0, 2)


def test_nothing_to_replace() -> None:
    layer = Layer("abc")
    assert layer.rewritten(regex.compile("x|b"), lambda match: match[0]) is layer


def test_translated() -> None:
    layer = Layer("  “a”").rewritten(regex.compile("^ +"), lambda _: "")
    layer = layer.translated({ord("“"): '"', ord("”"): '"'})
    assert (layer.text, layer.origin(0, 3)) == ('"a"', (2, 5))


@given(
    st.text("ab- \n", max_size=30),
    st.lists(
        st.tuples(st.sampled_from("ab- \n"), st.sampled_from(("", "x", "ab", "--"))), max_size=4
    ),
)
def test_offsets_stay_in_order(text: str, steps: list[tuple[str, str]]) -> None:
    layer = Layer(text)
    for old, new in steps:
        layer = layer.rewritten(regex.compile(f"[{old}]+"), partial(chosen, new))
    spans = [layer.origin(place, place + 1) for place in range(len(layer.text))]
    for (start, end), (following, behind) in pairwise(spans):
        assert start <= following
        assert end <= behind
    for place, (start, end) in enumerate(spans):
        assert 0 <= start < end <= len(text)
        low, high = layer.within(start, end)
        assert low <= place < high
        if not steps:
            assert text[start:end] == layer.text[place]
