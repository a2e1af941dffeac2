"""Dividing text by its structure, block by block."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.context.prompts import ContextTemplate, render
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
        "<p>One.</p> <b>Two.</b>",
        "Line one.\nLine two.\n\n***\n\nLine three.",
        "2000. The trend goes on.\nIt is low.",
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
