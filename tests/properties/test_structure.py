"""Structured text divides without loss, and what is left of it is as well formed as the whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from attribot_integrations.context.pieces import leaves
from attribot_integrations.context.prompts import ContextTemplate, render
from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.context.structure import SplitStructure
from tests.properties.strategies import texts

WORDS = st.text("abc\u00e9\u6f22\u0e01 ", min_size=1, max_size=12).map(
    lambda text: f"w{text.strip()}"
)
NAMES = st.integers(0, 10**6).map(lambda number: f"name{number}")
NUMBERS = st.integers(-999, 999)
JSON = st.recursive(
    WORDS | NUMBERS | st.booleans() | st.none() | texts(max_pieces=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)
TEMPLATE = ContextTemplate("{context}{question}")


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def csv_row(cells: Sequence[object], delimiter: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return file.getvalue()[:-1]


@dataclass(frozen=True)
class Format:
    """How parts are written, and what stands around and between them."""

    part: SearchStrategy[str]
    head: str = ""
    joint: str = "\n"
    tail: str = ""
    metadata: Mapping[str, Any] | None = None
    """That of a file of this format, where it would not be known by itself."""

    def write(self, parts: Sequence[str]) -> str:
        return self.head + self.joint.join(parts) + self.tail


def cells(line: str) -> SearchStrategy[str]:
    return st.builds(line.format, WORDS, NUMBERS, NAMES)


def rows(delimiter: str, cell: SearchStrategy[Any]) -> SearchStrategy[str]:
    row = st.tuples(WORDS, cell, NAMES)
    return row.map(lambda row: csv_row(row, delimiter))


MEMBERS = st.builds(lambda name, value: f"{dumped(name)}: {dumped(value)}", NAMES, JSON)
OBJECTS = st.builds(lambda name, value: dumped({name: value}), NAMES, JSON)
FORMATS = {
    "Markdown table": Format(cells("| {} | {} | {} |"), "| Name | Size | Id |\n|---|:-:|--:|\n"),
    "Markdown table without outer lines": Format(cells("{} | {} | {}"), "A | B | C\n--|--|--\n"),
    "HTML table": Format(
        cells("<tr><td>{}</td><td>{}</td><td>{}</td></tr>"),
        "<table>\n<thead><tr><th>A</th><th>B</th><th>C</th></tr></thead>\n<tbody>\n",
        tail="\n</tbody></table>",
    ),
    "HTML list": Format(cells("<li>{} <b>{}</b> {}</li>"), '<ul class="x">\n', tail="\n</ul>"),
    "HTML definitions": Format(cells("<dt>{}</dt><dd>{} {}</dd>"), "<dl>", "", "</dl>"),
    "CSV": Format(rows(",", NUMBERS), "name,size,id\n"),
    "CSV file": Format(
        rows(",", st.text('ab,"\n')), "name,size,id\r\n", "\r\n", metadata={"source": "/x/a.csv"}
    ),
    "tabs": Format(rows("\t", NUMBERS), "name\tsize\tid\n"),
    "semicolons": Format(rows(";", NUMBERS), "name;size;id\n"),
    "psql": Format(cells("{} | {} | {}"), " a | b | c\n---+---+---\n", tail="\n(5 rows)"),
    "mysql": Format(
        cells("| {} | {} | {} |"), "+--+--+--+\n| a | b | c |\n+--+--+--+\n", tail="\n+--+--+--+"
    ),
    "JSON object": Format(MEMBERS, "{", ", ", "}"),
    "JSON object on lines": Format(MEMBERS, "{\n  ", ",\n  ", "\n}"),
    "JSON array": Format(OBJECTS, "[", ",", "]"),
    "JSON in JSON": Format(OBJECTS, '{"results": [\n', ",\n", "\n]}"),
    "JSON lines": Format(OBJECTS),
    "SQL rows": Format(st.tuples(NUMBERS, WORDS, st.none()).map(repr), "[", ", ", "]"),
    "YAML mapping": Format(
        st.builds("{}:\n  - {}\n  - b: {}".format, NAMES, WORDS, NUMBERS),
        metadata={"file_name": "a.yaml"},
    ),
    "YAML sequence": Format(
        st.builds("- {}: {}\n  b: {}".format, NAMES, WORDS, NUMBERS),
        metadata={"language": "yaml"},
    ),
    "YAML documents": Format(
        st.builds("{}: {}\nb: {}".format, NAMES, WORDS, NUMBERS),
        joint="\n---\n",
        metadata={"file_name": "a.yml"},
    ),
    "Markdown rows behind a cut": Format(cells("| {} | {} | {} |")),
    "grid": Format(
        cells("| {} | {} | {} |\n|   | x | y |"),
        "+--+--+--+\n| a | b | c |\n+==+==+==+\n",
        "\n+--+--+--+\n",
        "\n+--+--+--+",
    ),
    "columns": Format(cells("{}    {}    {}"), "a  b  c\n-- -- --\n"),
    "printed columns": Format(
        st.builds("{}   {}   x{}".format, NUMBERS, NAMES, NUMBERS), "size   name   id\n"
    ),
    "rows of a database": Format(cells("{1}|{0}|{2}"), "id|name|note\n"),
    "HTML rows that share a cell": Format(
        cells("<tr><td rowspan=2>{}<td>{}</tr><tr><td>{}</tr>"), "<table>", "\n", "</table>"
    ),
    "fenced table": Format(
        cells("| {} | {} | {} |"), "```\n| A | B | C |\n|--|--|--|\n", tail="\n```"
    ),
    "round bullets": Format(st.builds("\u2022 {} {}. More\nof {}.".format, WORDS, NUMBERS, NAMES)),
    "settings": Format(cells("{2} = {0} {1}")),
    "wide colons": Format(cells("\u540d{1}\uff1a{0}{2}")),
    "wrapped fields": Format(cells("{2}: {0}\n  and {1}")),
    "edges": Format(cells("({0})-[{1}]->({2})")),
    "bullets": Format(st.builds("- {} {}. More\n  of {} it.".format, WORDS, NUMBERS, NAMES)),
    "numbered items": Format(
        st.builds("{}. {}\n    - {}".format, st.integers(0, 99), WORDS, NAMES),
    ),
    "fields": Format(cells("Field of {2}: {0} {1}")),
    "arrows": Format(cells("{} -> owns {} -> {}")),
    "triplets": Format(st.tuples(WORDS, WORDS, WORDS).map(repr)),
    "Python": Format(
        st.builds("# {}\ndef {}(x):\n    y = {}\n\n    return y".format, WORDS, NAMES, NUMBERS),
        "```python\n", "\n\n\n", "\n```",
    ),
    "code": Format(
        st.builds("{} = {} + {}".format, NAMES, NAMES, NUMBERS), "~~~ r\n", "\n\n", "\n~~~",
    ),
}  # fmt: skip


def shown(sources: SourceSet, removed: frozenset[int]) -> str:
    return render(TEMPLATE("", sources).messages[0].segments, removed).text


@settings(max_examples=6)
@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_parts_are_found_and_taken_out(name: str, data: st.DataObject) -> None:
    check_format(FORMATS[name], data)


@pytest.mark.slow
@settings(max_examples=300)
@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_parts_of_many_texts(name: str, data: st.DataObject) -> None:
    check_format(FORMATS[name], data)


def check_format(form: Format, data: st.DataObject) -> None:
    parts = data.draw(st.lists(form.part, min_size=2, max_size=5, unique=True))
    before, after = ("", "") if form.metadata else ("It rains. ", "\n\nThe sun sets. It is dark.")
    if before and not form.head.startswith("<"):
        before = "It rains.\n\n"
    text = before + form.write(parts) + after
    sources = SourceSet.build([Chunk(text, metadata=form.metadata or {})], SplitStructure())
    around = ["It rains."] if before else [], ["The sun sets.", "It is dark."] if after else []
    assert [each.text for each in sources.sentences] == [*around[0], *parts, *around[1]]
    assert all(text[each.start : each.end] == each.text for each in sources.sentences)
    assert shown(sources, frozenset()) == sanitized(text)
    first = len(around[0])
    numbers = st.integers(0, len(parts) - 1)
    gone = data.draw(st.frozensets(numbers, max_size=len(parts) - 1))
    kept = [part for place, part in enumerate(parts) if place not in gone]
    left = shown(sources, frozenset(first + place for place in gone))
    assert left == sanitized(before + form.write(kept) + after)


def sanitized(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in text)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, JSON, min_size=1, max_size=4), st.integers(1, 3), st.data())
def test_json_stays_json_at_any_depth(
    value: dict[str, Any], depth: int, data: st.DataObject
) -> None:
    text = json.dumps(value, indent=data.draw(st.sampled_from((None, 0, 2))))
    sources = SourceSet.build([Chunk(text)], SplitStructure(depth=depth))
    gone = data.draw(st.frozensets(st.sampled_from(range(len(sources.sentences)))))
    left = shown(sources, gone)
    assert left == "" if gone == sources.all_ids else isinstance(json.loads(left), dict)


ENTRIES = st.recursive(
    NAMES | NUMBERS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, ENTRIES, min_size=2, max_size=4), st.integers(1, 3), st.data())
def test_yaml_stays_yaml_at_any_depth(
    value: dict[str, Any], depth: int, data: st.DataObject
) -> None:
    text = yaml.safe_dump(value, sort_keys=False)
    chunk = Chunk(text, metadata={"file_name": "a.yml"})
    sources = SourceSet.build([chunk], SplitStructure(depth=depth))
    gone = data.draw(st.frozensets(st.sampled_from(range(len(sources.sentences)))))
    left = shown(sources, gone)
    assert left == "" if gone == sources.all_ids else isinstance(yaml.safe_load(left), dict)


SNIPPETS = st.sampled_from(
    (
        *"{}[](),|\t&'\"#",
        *(
            "\n",
            "\n\n",
            "\r",
            "  ",
            "- ",
            "1. ",
            "## A\n",
            "> ",
            "===\n",
            "```",
            "```json\n",
            "~~~",
        ),
        *("---|---", "| a | b |", "+--+--+\n", "a,b,c\n", "1,2,3\n", "a: b\n", "a:\n  - b\n"),
        *("<table>", "<tr>", "</tr>", "<td>", "</table>", "<ul>", "<li>", "</ul>", "<!--", "<!["),
        *("<p>", "</p>", "<h1>a</h1>", "<body>", " rowspan=2>", "a = 1\n", "\u2022 x\n", "---\n"),
        *("a  1\n", "===\n", "| x |\n", "--  --\n", "\ufeff", "\uff1a", "(a)-[B]->(c)\n"),
        *('"a": 1', "&x", "*x", "a -> b -> c\n", "def f():\n"),
    )
)
FORMAT_NAMES = st.sampled_from(
    ("", "json", "jsonl", "yaml", "csv", "tsv", "python", "javascript", "html", "md")
)


@settings(max_examples=150)
@given(
    st.lists(SNIPPETS | texts(max_pieces=2), max_size=14).map("".join),
    FORMAT_NAMES,
    st.integers(1, 3),
    st.data(),
)
def test_broken_text_is_never_refused(
    text: str, language: str, depth: int, data: st.DataObject
) -> None:
    splitter = SplitStructure(depth=depth)
    done = 0
    for leaf in leaves(splitter.divide(text, {"language": language})):
        assert done <= leaf.start < leaf.end <= len(text)
        done = leaf.end
    sources = SourceSet.build([Chunk(text, metadata={"language": language})], splitter)
    assert bool(sources.sentences) == bool(text.strip())
    if not sources.sentences:
        return
    assert shown(sources, frozenset()) == sanitized(text)
    gone = data.draw(st.frozensets(st.sampled_from(range(len(sources.sentences)))))
    left = shown(sources, gone)
    assert left == "" or gone != sources.all_ids
    assert all(each.text.strip() for each in sources.sentences)
