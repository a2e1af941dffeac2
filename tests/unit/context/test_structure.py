"""Dividing text by its structure, block by block."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.context.prompts import ContextTemplate, render
from attribot_integrations.context.retrieved import Origin
from attribot_integrations.context.sources import Chunk, SourceSet, Span, split_sentences
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.demo.library import library_chunks
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.examples import demo_set

PAGE = """# Piers

The pier is old. It was painted.

## Sizes

| Pier | Metres |
| --- | --- |
| North | 900 |
| South | 450 |

Both are of wood. See:

- The north pier. It is long.
- The south pier.

```json
{"built": 1962, "painter": "Ada"}
```

## Notes
"""


def parts(text: str, metadata: dict[str, Any] | None = None, depth: int = 1) -> list[str]:
    chunk = Chunk(text, metadata=metadata or {})
    return [each.text for each in SourceSet.build([chunk], SplitStructure(depth=depth)).sentences]


def without(text: str, *gone: str, splitter: SplitStructure | None = None) -> str:
    sources = SourceSet.build([Chunk(text)], splitter or SplitStructure())
    ids = frozenset(each.id for each in sources.sentences if each.text in gone)
    assert len(ids) == len(gone)
    return render(
        ContextTemplate("{context}{question}")("", sources).messages[0].segments, ids
    ).text


def test_a_page_divides_into_sentences_and_rows() -> None:
    assert parts(PAGE) == [
        *("The pier is old.", "It was painted.", "| North | 900 |", "| South | 450 |"),
        *("Both are of wood.", "See:", "- The north pier. It is long.", "- The south pier."),
        *('"built": 1962', '"painter": "Ada"', "## Notes"),
    ]
    assert without(PAGE) == PAGE


@pytest.mark.parametrize(
    ("gone", "before", "after"),
    [
        (["| South | 450 |"], "\n| South | 450 |", ""),
        (["- The north pier. It is long."], "- The north pier. It is long.\n", ""),
        (['"built": 1962'], '"built": 1962, ', ""),
        (['"painter": "Ada"'], ', "painter": "Ada"', ""),
        (["The pier is old.", "It was painted."], "The pier is old. It was painted.\n\n", ""),
    ],
)
def test_removal_leaves_a_page(gone: list[str], before: str, after: str) -> None:
    assert without(PAGE, *gone) == PAGE.replace(before, after)


def test_a_chunk_goes_with_all_that_frames_it() -> None:
    sources = SourceSet.build([Chunk(PAGE), Chunk("Rain.")], SplitStructure())
    whole = sources.whole_chunks[0]
    assert whole.text == PAGE.strip()
    segments = ContextTemplate("{context}{question}")("", sources).messages[0].segments
    assert render(segments, frozenset(whole.sentence_ids)).text == "Rain."


def test_a_heading_stays_as_long_as_what_follows() -> None:
    text = "Intro.\n\n## A\n\nOne. Two.\n\n## B\n\nThree."
    assert parts(text) == ["Intro.", "One.", "Two.", "Three."]
    assert without(text, "One.") == "Intro.\n\n## A\n\nTwo.\n\n## B\n\nThree."
    assert without(text, "One.", "Two.") == "Intro.\n\n## B\n\nThree."
    assert without(text, "Intro.", "Three.") == "## A\n\nOne. Two."


def test_depth_of_data() -> None:
    text = '{"a": {"b": 1, "c": {"d": 2, "e": 3}}, "f": 4}'
    assert parts(text) == ['"a": {"b": 1, "c": {"d": 2, "e": 3}}', '"f": 4']
    assert parts(text, depth=2) == ['"b": 1', '"c": {"d": 2, "e": 3}', '"f": 4']
    assert parts(text, depth=3) == ['"b": 1', '"d": 2', '"e": 3', '"f": 4']
    deep = SplitStructure(depth=3)
    assert without(text, '"d": 2', '"e": 3', splitter=deep) == '{"a": {"b": 1, "c": {}}, "f": 4}'


def test_json_below_a_line_and_across_blank_lines() -> None:
    text = 'The result:\n{"a": 1,\n\n"b": 2}\nIt is good.'
    assert parts(text) == ["The result:", '"a": 1', '"b": 2', "It is good."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The sizes are:\n| a | b |\n|:--|--:|\n| x | 1 |\n| z | 2 |\nThat is all. Really.",
            ["The sizes are:", "| x | 1 |", "| z | 2 |", "That is all.", "Really."],
        ),
        (
            "- item\n\n    | a | b |\n    |---|---|\n    | x | 1 |\n- other",
            ["- item", "| x | 1 |", "- other"],
        ),
        (
            "Here it is.\nName: North\nLength: 900 m\nBuilt: 1962\nThat is all. Yes.",
            ["Here it is.", "Name: North", "Length: 900 m", "Built: 1962", "That is all.", "Yes."],
        ),
        (
            "It rains.\nname,size,built\nNorth,900,1962\nSouth,450,1871\nEast,3,1900\nDone. Yes.",
            ["It rains.", "North,900,1962", "South,450,1871", "East,3,1900", "Done.", "Yes."],
        ),
        ("Facts:\n\nA -> owns -> b\nA -> has -> c\nSo it is.", [
            *("Facts:", "A -> owns -> b", "A -> has -> c", "So it is.")
        ]),
        ("```\n| a | b |\n|---|---|\n| x | 1 |\n```\nText.", ["| x | 1 |", "Text."]),
        ("Piers\n=====\n\nOne. Two.\n\nSizes\n-----\n\nThree.", ["One.", "Two.", "Three."]),
        ("---\ntitle: X\nyear: 1\n---\n\n# Piers\n\nOne.", ["title: X", "year: 1", "One."]),
        ("[1, 2, 3]", ["[1, 2, 3]"]),
        (
            "<body><h1>Piers</h1><p>One. <b>Two</b> it is.</p><ul><li>a<li>b</ul>\n</body>",
            ["One.", "<b>Two</b> it is.", "<li>a", "<li>b"],
        ),
        ("<p>One.</p>", ["One."]),
    ],
)  # fmt: skip
def test_prose_around_records_is_prose(text: str, expected: list[str]) -> None:
    assert parts(text) == expected
    assert without(text) == text


def test_headings_of_any_form_stay_as_long_as_what_follows() -> None:
    text = "Piers\n=====\n\nOne.\n\nSizes\n-----\n\nTwo.\n\n# End\n\nThree."
    assert without(text, "Two.") == "Piers\n=====\n\nOne.\n\n# End\n\nThree."


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2}', "name,size\nNorth,900\nSouth,450"])
def test_the_mark_of_an_encoding_is_no_text(text: str) -> None:
    assert parts(f"\ufeff{text}") == parts(text)
    assert len(parts(text)) == 2
    assert without(f"\ufeff{text}") == f"\ufeff{text}"


def test_a_mark_alone_is_what_there_is() -> None:
    assert parts("\ufeff") == ["\ufeff"]


def test_rows_further_behind_in_a_file_have_no_header() -> None:
    chunk = Chunk(
        "Bo,Oslo\nAl,Rome", metadata={"source": "a.csv"}, origin=Origin("a", ((0, 15, 90),))
    )
    found = SourceSet.build([chunk, replace(chunk, origin=None)], SplitStructure()).sentences
    assert [each.text for each in found] == ["Bo,Oslo", "Al,Rome", "Al,Rome"]


def test_rows_of_a_table_that_was_cut_are_one_source_where_chunks_overlap() -> None:
    table = "| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |\n| z | 3 |\n| u | 4 |"
    cuts = (0, 42), (25, len(table))  # inside of a row
    chunks = [
        Chunk(table[low:high], origin=Origin("t", ((0, high - low, low),))) for low, high in cuts
    ]
    sources = SourceSet.build(chunks, SplitStructure()).at(["sentence"])
    assert sorted(" ".join(each.text.split("|")).split()[0] for each in sources) == [*"uxyz"]
    shared = [each for each in sources if len(each.sentence_ids) > 1]
    assert [each.text for each in shared] == ["| x | 1 |", "| y | 2 |", "| z | 3 |"]


def test_a_row_that_a_loader_wrote() -> None:
    row = "name: North, or so\nnote: It is\nlong, and old.\nbuilt: 1962"
    assert parts(row, {"source": "a.csv", "row": 0}) == [
        *("name: North, or so", "note: It is\nlong, and old.", "built: 1962")
    ]


def test_the_name_of_a_file_tells_its_format() -> None:
    rows = "name,town\nBo,Rome\nAl,Oslo"
    assert parts(rows) == [rows]  # two cells alone may be prose
    assert parts(rows, {"source": "/data/people.csv"}) == ["Bo,Rome", "Al,Oslo"]
    more = "Cy,Bern\nDi,Riga,1"  # of the same file, behind the header
    assert parts(more, {"source": "/data/people.csv"}) == [more] or parts(
        "1,Bern\n2,Riga", {"file_name": "people.csv"}
    ) == ["1,Bern", "2,Riga"]
    code = "import os\n\ndef f():\n    return 1\n\n\ndef g():\n    return 2"
    assert parts(code, {"file_path": "x.py"}) == [
        *("import os", "def f():\n    return 1", "def g():\n    return 2")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1, broken",
        "(see the notes, which are long)",
        "[1]",
        "It costs $3 | $4. No more.",
        "One thing - two. - Three.",
        "- A single item. It has two sentences.",
        "Dr. Smith: he left. He was late.\nAda: yes. She was.",
        "First, second, third.\nFourth, fifth, sixth.\nSeventh, eighth, ninth.",
        "Write <p> and </p> around it. <b>Two.</b>",
        "Line one.\nLine two.\n\n***\n\nLine three.",
        "2000. The trend goes on.\nIt is low.",
        "He came; she left; it rained.\nThey saw; we heard.\nAll; is; well.",
        "Use a | b here. The | is a bar.\nThen c | d follows. It | too.",
        "The set {a, b} is [1].\nIt maps x -> y, and (a, b) too. So it is.",
        "See: this one is it. Or so.\nThen we go: there. It rains.",
    ],
)
def test_prose_stays_prose(text: str) -> None:
    assert parts(text) == [text[start:end] for start, end in split_sentences(text)]


def test_the_demo_divides_as_before() -> None:
    chunks = [*library_chunks()]
    chunks += [chunk for each in demo_set(30).examples for chunk in each.chunks]
    assert len(chunks) > 100
    for chunk in chunks:
        spans = split_sentences(chunk.text)
        assert parts(chunk.text) == [chunk.text[start:end] for start, end in spans]


def test_sentences_of_prose_are_found_by_any_splitter() -> None:
    def lines(text: str) -> list[Span]:
        return [(0, len(text))]

    splitter = SplitStructure(lines)
    sources = SourceSet.build([Chunk("One. Two.\n\n- a\n- b")], splitter)
    assert [each.text for each in sources.sentences] == ["One. Two.\n\n", "- a", "- b"]
    assert splitter("One. Two.") == [(0, 9)]


def test_partly_shown_text_is_divided_as_shown() -> None:
    sources = SourceSet.build([Chunk(PAGE)], SplitStructure(), {0: [(0, PAGE.index("| South"))]})
    assert [each.text for each in sources.sentences] == [
        *("The pier is old.", "It was painted.", "| North | 900 |")
    ]
    assert [each.sentence_index for each in sources.sentences] == [0, 1, 2]


def test_long_and_hostile_text_takes_little_time() -> None:
    for text in (
        "[" * 200_000,
        '{"a":' * 50_000,
        "```\n" * 50_000,
        "<table>" * 20_000,
        "- a\n" * 5_000,
        "-- --\n" * 9_000,
        "a | b\n---+---\n" * 5_000,
        "| a | b |\nx\na: 1\n" * 1_000,
    ):
        assert parts(text)
    assert len(parts("a: b\n" * 2_000)) == 2_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sentences": "en"}, "sentences must be callable, got 'en'"),
        ({"sentences": SplitStructure}, "sentences must be callable, got <class"),
        ({"depth": 0}, "depth must be an int of at least 1, got 0"),
        ({"depth": True}, "depth must be an int of at least 1, got True"),
        ({"depth": "2"}, "depth must be an int of at least 1, got '2'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SplitStructure(**options)


def test_equal_options_are_equal() -> None:
    assert SplitStructure() == SplitStructure()
    assert SplitStructure(depth=2) != SplitStructure()
