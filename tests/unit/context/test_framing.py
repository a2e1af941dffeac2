"""What a part stands below is found as it was divided, and stays when the part is removed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from attribot_integrations.context.framing import frame_text, frames_above, frames_of
from attribot_integrations.context.retrieved import Chunk, Span
from attribot_integrations.context.sources import SourceSet, split_sentences
from attribot_integrations.context.structure import SplitStructure

TABLE = "Piers.\n\n| Pier | Metres |\n| --- | --- |\n| North | 900 |\n| South | 450 |\n"
ROWS = "pier,metres,year\nNorth,900,1962\nSouth,450,1871"
NESTED = '{"piers": {"north": {"metres": 900, "built": 1962}, "south": {"metres": 450}}}'
YAML = "north:\n  metres: 900\n  built: 1962\nsouth:\n  metres: 450\n"


def framed(text: str, depth: int = 1, **metadata: Any) -> dict[str, str]:
    """Each source with what frames it."""
    chunks = [Chunk(text, metadata=metadata)]
    sources = SourceSet.build(chunks, SplitStructure(depth=depth)).sentences
    found = frames_of(chunks, sources)
    return {source.text: frame for source, frame in zip(sources, found, strict=True)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TABLE,
            {
                "Piers.": "",
                "| North | 900 |": "| Pier | Metres |",
                "| South | 450 |": "| Pier | Metres |",
            },
        ),
        (ROWS, {"North,900,1962": "pier,metres,year", "South,450,1871": "pier,metres,year"}),
        (
            '{"piers": [{"name": "North"}, {"name": "South"}]}',
            {'{"name": "North"}': '"piers": [', '{"name": "South"}': '"piers": ['},
        ),
        ('{"a": 1, "b": 2}', {'"a": 1': "", '"b": 2': ""}),
        ("1. Walk\n2. Run\n", {"1. Walk": "", "2. Run": ""}),
        ("# Piers\n\nIt is long. It is old.", {"It is long.": "", "It is old.": ""}),
    ],
)
def test_what_frames_the_parts(text: str, expected: dict[str, str]) -> None:
    assert framed(text) == expected


def test_keys_above_a_member_at_every_depth() -> None:
    outer = framed(NESTED)
    assert outer['"south": {"metres": 450}'] == '"piers": {'
    inner = framed(NESTED, 2)
    assert inner['"metres": 900'] == '"piers": { "north": {'
    assert inner['"metres": 450'] == '"piers": { "south": {'
    settings = framed(YAML, 2, source="piers.yaml")
    assert settings["built: 1962"] == "north:"
    assert settings["metres: 450"] == "south:"


def by_line(text: str) -> list[Span]:
    spans, place = [], 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            spans.append((place, place + len(line.rstrip())))
        place += len(line)
    return spans


def test_a_header_that_is_removed_by_itself_frames_nothing() -> None:
    chunks = [Chunk(ROWS), Chunk(TABLE)]
    for splitter in (by_line, split_sentences):
        sources = SourceSet.build(chunks, splitter).sentences
        assert frames_of(chunks, sources) == [""] * len(sources)
    rows = [each for each in SourceSet.build(chunks, by_line).sentences if "pier" not in each.text]
    assert frames_of(chunks, rows)[0] == "pier,metres,year"  # unless nothing removes it


def test_whole_chunks_and_stretches_that_are_no_part_have_no_frame() -> None:
    chunks = [Chunk(ROWS)]
    found = SourceSet.build(chunks, SplitStructure())
    assert frames_of(chunks, found.whole_chunks) == [""]
    assert (
        frames_of(chunks, [*found.whole_chunks, *found.sentences])[1:] == ["pier,metres,year"] * 2
    )
    assert (0, len(ROWS)) not in frames_above(chunks[0])


def test_a_frame_is_one_line_of_what_has_words() -> None:
    text = "<table>\n<tr><th>Pier</th>\n<th>Metres</th></tr>\n<tr><td>North</td></tr>\n</table>"
    ((_, frames),) = [each for each in frames_above(Chunk(text)).items() if each[1]][:1]
    assert frame_text(Chunk(text), frames) == "<tr><th>Pier</th> <th>Metres</th></tr>"
    long = ",".join(f"column {number}" for number in range(500))
    row = ",".join(str(number) for number in range(500))
    (frame, _) = framed(f"{long}\n{row}\n{row[::-1]}", source="long.csv").values()
    assert frame.startswith("column 0,column 1,")
    assert len(frame) <= 1_000


def test_long_tables_take_time_by_their_length() -> None:
    body = "".join(
        f"<tbody><tr><th>Part {number}</th></tr><tr><td>{number}</td></tr></tbody>"
        for number in range(2_000)
    )
    started = time.process_time()
    found = framed(f"<table><tr><th>Number</th></tr>{body}</table>")
    assert time.process_time() - started < 10
    assert found["<tr><td>7</td></tr>"].startswith("<table><tr><th>Number</th></tr>")
