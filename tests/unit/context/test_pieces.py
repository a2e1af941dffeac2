"""Divisions of a text, and what each piece of it needs to be shown."""

from __future__ import annotations

import pytest

from attribot_integrations.context.pieces import (
    Leaf,
    Node,
    Row,
    cut_pieces,
    kept_spans,
    leaves,
    moved,
    numbered,
    pieces_of,
    shown_of,
)

TEXT = "# H\n\n{a, b}\n\nS. T."
HEADING = Leaf(0, 5, "heading")
VALUE = Row((Leaf(5, 6, "frame"), Row((Leaf(6, 7), Leaf(9, 10))), Leaf(10, 11, "frame")))
PROSE = Row((Leaf(13, 15), Leaf(16, 18)))


def left(node: Node, *kept: int) -> str:
    spans = kept_spans(pieces_of(node, 0), len(TEXT), {*kept})
    return "".join(TEXT[start:end] for start, end in spans)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ((0, 1, 2, 3), TEXT),
        ((1, 2, 3), "# H\n\n{b}\n\nS. T."),
        ((0, 2), "# H\n\n{a}\n\nS."),
        ((3,), "# H\n\n{}\n\nT."),
        ((), ""),
    ],
)
def test_frames_stay_and_joints_go(kept: tuple[int, ...], expected: str) -> None:
    assert left(Row((HEADING, Row((VALUE, PROSE)))), *kept) == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [((0, 1), "# H\n\n{a, b}\n\nS. T."[:5] + "a, b}\n\nS."), ((1,), "S."), ((0,), "# H\n\na, b}")],
)
def test_headings_go_with_the_last_below_them(kept: tuple[int, ...], expected: str) -> None:
    text = "# H\n\na, b}\n\nS."
    node = Row((Row((Leaf(0, 5, "heading"), Leaf(5, 10))), Leaf(12, 14)))
    spans = kept_spans(pieces_of(node, 0), len(text), {*kept})
    assert "".join(text[start:end] for start, end in spans) == expected


def test_pieces_of_a_chunk_start_with_its_first_id() -> None:
    pieces = pieces_of(PROSE, 7)
    assert [piece.sentence_id for piece in pieces] == [7, 8]
    assert pieces[0].joint == (range(7, 9),)
    assert pieces[1].joint == (range(7, 8), range(8, 9))
    assert pieces == pieces_of(Row((PROSE,)), 7)  # with and without the short way


def test_cut_pieces_need_only_what_is_shown() -> None:
    pieces = pieces_of(Row((VALUE, PROSE)), 0)
    cut = cut_pieces(pieces[2:])  # without the bracket and the first member
    assert [piece.sentence_id for piece in cut] == [1, None, 2, 3]
    assert cut[0].joint == (range(1, 4),)
    assert cut[1].needs == (range(1, 4),)  # the bracket stays with what is shown of its chunk
    assert cut[3].joint == (range(2, 3), range(3, 4))


def test_shown_of_cuts_leaves_and_rows() -> None:
    cut = shown_of(numbered(Row((VALUE, PROSE))), TEXT, [(8, 17)])
    assert cut is not None
    found = [(TEXT[leaf.start : leaf.end], leaf.number) for leaf in leaves(cut)]
    assert found == [("b", 1), ("}", None), ("S.", 2), ("T", 3)]
    assert shown_of(PROSE, TEXT, [(0, 11)]) is None
    assert shown_of(PROSE, TEXT, [(15, 16)]) is None


def test_metadata_has_no_number() -> None:
    node = numbered(Row((Leaf(0, 3, "metadata"), PROSE)))
    assert [leaf.number for leaf in leaves(node)] == [None, 0, 1]


def test_moved() -> None:
    assert [leaf.start for leaf in leaves(moved(Row((PROSE,)), 10))] == [23, 26]
    assert moved(PROSE, 0) is PROSE
