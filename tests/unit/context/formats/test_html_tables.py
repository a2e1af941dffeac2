"""Tables and lists in HTML."""

from __future__ import annotations

import pytest

from attribot_integrations.context.formats.html_tables import html_blocks
from tests.unit.context.formats.dividing import kinds, parts


def found(text: str) -> list[list[str]]:
    return [parts(text, node) for _, node in html_blocks(text)]


def test_what_frames_rows_stays() -> None:
    text = (
        "A <table>\n<tr><th>a</th></tr>\n<tbody><tr><td>1</td></tr></tbody>\n"
        "<tbody><tr><td>2</td></tr></tbody></table> B"
    )
    ((span, node),) = html_blocks(text)
    assert text[slice(*span)] == text[2:-2]
    assert kinds(text, node) == [
        ("frame", "<table>\n<tr><th>a</th></tr>\n<tbody>"),
        ("part", "<tr><td>1</td></tr>"),
        ("frame", "</tbody>\n<tbody>"),
        ("part", "<tr><td>2</td></tr>"),
        ("frame", "</tbody></table>"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<TABLE><TR><TD>1<TR><TD>2</TABLE>", [["<TR><TD>1", "<TR><TD>2"]]),
        (
            "<table><tr><th>Bo</th><td>1</td></tr><tr><th>Al</th><td>2</td></tr></table>",
            [["<tr><th>Bo</th><td>1</td></tr>", "<tr><th>Al</th><td>2</td></tr>"]],
        ),
        (
            "<table><thead><tr><td>a</td></tr></thead><tr><td>1</td></tr></table>",
            [["<tr><td>1</td></tr>"]],
        ),
        ("<ul><li>a<li>b</ul> and <ol><li>c</li></ol>", [["<li>a", "<li>b"], ["<li>c</li>"]]),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", [["<li>a<ul><li>b</ul>", "<li>c"]]),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", [["<dt>a<dd>b", "<dt>c<dd>d"]]),
        ("<!-- <table><tr><td>1</table> --> x", []),
        ("<table><tr><td>1</td></tr>", []),
        ("<table><tr><th>a</th></tr></table>", []),
        ("<table></table></table>", []),
        (
            "<table><tr><th colspan=2>a</th></tr><tr><td rowspan='2'>1</td><td>2</td></tr>"
            "<tr><td>3</td></tr><tr><td>4</td><td>5</td></tr></table>",
            [
                [
                    "<tr><td rowspan='2'>1</td><td>2</td></tr><tr><td>3</td></tr>",
                    "<tr><td>4</td><td>5</td></tr>",
                ]
            ],
        ),
        (
            "<table><tr><td rowspan=0>1<tr><td>2<tr><td>3</table>",
            [["<tr><td rowspan=0>1<tr><td>2<tr><td>3"]],
        ),
        (
            "<table><tr><td rowspan=x>1<table><tr><td rowspan=9>n</table><tr><td>2</table>",
            [["<tr><td rowspan=x>1<table><tr><td rowspan=9>n</table>", "<tr><td>2"]],
        ),
        ("<ul><li>a</ul", []),
        ("<![x[<ul><li>a", []),
    ],
)
def test_blocks(text: str, expected: list[list[str]]) -> None:
    assert found(text) == expected
