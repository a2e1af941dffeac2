"""Rows are quoted with the header of their table."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.render import open_webui_events, terminal_view
from attribot_integrations.render.frames import below_frame, frame_above
from attribot_integrations.results import Attribution
from tests.unit.attributions import make_attribution

TABLE = "Piers.\n\n| Pier | Metres |\n| --- | --- |\n| North | 900 |\n| South | 450 |\n"
HTML = (
    "<table>\n<tr><th>Pier</th></tr>\n<tr><td>North</td></tr>\n</table>\n"
    "<p>More.</p>\n<table><tr><th>Boat</th></tr><tr><td>Rex</td></tr></table>"
)
ROWS = "pier,metres,year\nNorth,900,1962\nSouth,450,1871"


def frame_of(text: str, part: str, **metadata: Any) -> str:
    """What is above the part, as the engine finds it."""
    chunk = Chunk(text, metadata=metadata)
    found = SourceSet.build([chunk], SplitStructure()).sentences
    (own,) = (each for each in found if each.text == part)
    return frame_above(chunk, own.start, own.end)


@pytest.mark.parametrize(
    ("text", "part", "frame"),
    [
        (TABLE, "| South | 450 |", "| Pier | Metres |"),
        (TABLE, "Piers.", ""),
        (ROWS, "South,450,1871", "pier,metres,year"),
        (HTML, "<tr><td>North</td></tr>", "<tr><th>Pier</th></tr>"),
        (HTML, "<tr><td>Rex</td></tr>", "<table><tr><th>Boat</th></tr>"),
        (" id | pier\n----+-------\n  1 | North\n  2 | South\n", "2 | South", "id | pier"),
        ('{\n  "a": 1,\n  "b": 2\n}', '"b": 2', ""),
        ("Long ago.\n\nIt is long. It is old.", "It is old.", ""),
        ("1. Walk\n2. Run\n", "2. Run", ""),
        (f"```csv\n{ROWS}\n```\n", "South,450,1871", "pier,metres,year"),
    ],
)
def test_what_a_part_stands_below(text: str, part: str, frame: str) -> None:
    assert frame_of(text, part) == frame


def test_what_is_no_part_has_no_frame() -> None:
    chunk = Chunk(TABLE)
    start = TABLE.index("North")
    assert frame_above(chunk, start, start + 5) == ""
    assert frame_above(chunk, 0, len(TABLE)) == ""


def test_control_characters_are_spaces_and_long_headers_are_cut() -> None:
    names = ",".join(f"name\x1b{a}{b}" for a in "abcd" for b in "efghijklmn")
    rows = "\n".join(",".join(f"{row}{number}" for number in range(40)) for row in "ab")
    frame = frame_of(f"{names}\n{rows}", rows.partition("\n")[0], source="piers.csv")
    assert frame.startswith("name ae,name af,")
    assert frame.endswith("…")
    assert len(frame) == 201


def test_a_quotation_without_a_frame_stays() -> None:
    assert below_frame("", "It is old.") == "It is old."
    assert below_frame("pier,year", "North,1962") == "pier,year … North,1962"


LINES = "South,450\nNorth,900\nWest,1962"


def made(text: str) -> Attribution:
    """The row of the South pier is cited."""
    chunk = Chunk(text, metadata={"title": "piers.csv"})
    return make_attribution("How long?", [chunk], "450.", splitter=SplitStructure())


def test_every_output_that_quotes_a_row_shows_its_header() -> None:
    found = made(f"pier,metres\n{LINES}")
    quote = "pier,metres … South,450"
    assert [each.text for each in found.citations] == ["South,450"]
    assert f"[1] piers.csv: {quote} (" in found.to_text()
    assert f"“{quote}”" in found.to_markdown()
    with Console(width=120, record=True, file=StringIO()) as console:
        console.print(terminal_view(found))
    assert quote in console.export_text()
    assert f'<q dir="auto">{quote}</q>' in found.to_html()
    (event,) = (each for each in open_webui_events(found) if each["type"] == "citation")
    assert event["data"]["document"] == [quote]


def test_a_folded_table_shows_the_header_above_the_cited_row() -> None:
    long = f"pier,metres\n{LINES}\n" + "\n".join(f"Pier {n},{n}" for n in range(100, 200))
    shown = made(long).to_html(parts=["sources"])
    before, _, folded = shown.partition("<details>")
    assert before.count("pier,metres") == 1
    assert before.index("pier,metres") < before.index("South,450")
    assert "North,900" not in before
    assert "North,900" in folded


def test_a_trace_shows_the_header_of_a_row() -> None:
    tree = made(f"pier,metres\n{LINES}").trace(0)
    assert "pier,metres … South,450" in tree.to_text()
    assert "pier,metres … South,450" in tree.to_html()
