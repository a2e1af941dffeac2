"""The element: its file, its HTML, and what it shows, as far as that needs no browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from attribot_integrations.context.links import web_link
from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.front_ends.answer_data import answer_data
from attribot_integrations.render.front_ends.element import answer_element, front_end_folder
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.text import visible
from attribot_integrations.results import Attribution
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed

SCRIPT = front_end_folder() / "attribot-answer.js"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def in_node(expression: str, data: Any) -> Any:
    """Evaluate JavaScript that uses what the element's file exports, given `data`."""
    code = (
        f"import * as file from {json.dumps(SCRIPT.as_uri())};\n"
        "import { readFileSync } from 'node:fs';\n"
        "const data = JSON.parse(readFileSync(0, 'utf8'));\n"
        f"console.log(JSON.stringify({expression}));"
    )
    run = subprocess.run(
        ["node", "--input-type=module", "--eval", code],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_folder_holds_what_a_page_loads() -> None:
    assert {path.name for path in front_end_folder().iterdir()} == {
        "attribot-answer.d.ts",
        "attribot-answer.js",
        "attribution.schema.json",
    }


def test_the_script_needs_nothing_and_writes_no_html() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    code = re.sub(r"/\*\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.findall(r"^\s*import\b|require\(|fetch\(|https?://", code, re.MULTILINE)
    assert not re.findall(
        r"(?:inner|outer)HTML|insertAdjacent|document\.write|\beval\b|Function\(|cssText|"
        r'createElement\("(?:style|script)"\)|setAttribute\("style"',
        code,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_its_html_holds_the_data_and_no_markup(text: str) -> None:
    html = answer_element(hostile(text))
    (found,) = re.findall(r'result="([^"]*)"', html)
    assert json.loads(unescape(found)) == answer_data(hostile(text))
    assert re.findall(r"<[^<>]*>", html) == [
        html.removesuffix("</attribot-answer>"),
        "</attribot-answer>",
    ]


def places() -> list[Chunk]:
    """Chunks whose names and links are told by different metadata."""
    found: Sequence[dict[str, Any]] = (
        {"title": "Pier", "url": "https://a.org/x?y=1"},
        {"source": "https://a.org/b", "page": 3},
        {"source": "/srv/data/annual.pdf", "page_label": "iv", "section": "Piers > Repairs"},
        {"file_path": r"C:\files\b.docx", "page": True},
        {"file_name": "docs/tides.txt", "page_number": 2, "link": "javascript:alert(1)"},
        {"title": "S", "section": "S", "url": "http://"},
        {"url": "ftp://a.org/x", "source": "https://a.org/\u202ex"},
        {"title": " two\nlines\x07 "},
    )
    return [Chunk("It is.", id=f"c{index}", metadata=one) for index, one in enumerate(found)]


@needs_node
def test_names_and_links_are_those_of_other_outputs() -> None:
    made = make_attribution("Q", [*places(), Chunk("It is.")], "It is.")
    for data in (made.to_dict(offsets="utf-16"), answer_data(made)):
        shown = (
            "[...view.cited, ...view.uncited].map(({ index, name, link }) => [index, name, link])"
        )
        found = in_node(f"[file.answerView(data)].flatMap((view) => {shown})", data)
        assert sorted(found) == [
            [index, chunk_name(chunk, index), web_link(chunk.metadata)]
            for index, chunk in enumerate(made.chunks)
        ]


@needs_node
def test_marks_and_labels_are_those_of_other_outputs() -> None:
    long = make_attribution("Q", ["👍 It is 900. Yes."], "It 👍 is 900. Yes. ")
    results = [sample(), weighed(), long, replace(sample(), citations=(), support=())]
    shown = (
        "({ before, text, marks, label, remark, carried }) =>"
        " [before, text, marks.map((mark) => mark.numbers), label, remark, carried]"
    )
    code = f"data.map(file.answerView).map((view) => [view.passages.map({shown}), view.tail])"
    found = in_node(code, [each.to_dict(offsets="utf-16") for each in results])
    assert found == [passages(each) for each in results]


def passages(attribution: Attribution) -> list[Any]:
    marked = marked_answer(attribution)
    return [
        [
            [
                each.before,
                each.text,
                [list(mark.numbers) for mark in each.marks],
                each.doubt,
                each.remark,
                each.carried,
            ]
            for each in marked.passages
        ],
        marked.tail,
    ]


@needs_node
def test_offsets_in_characters_are_refused() -> None:
    code = "(() => { try { file.answerView(data) } catch (error) { return String(error) } })()"
    message = 'TypeError: offsets must count UTF-16 units: use to_dict(offsets="utf-16")'
    assert in_node(code, sample().to_dict()) == message


@needs_node
def test_what_cannot_be_seen_is_a_space() -> None:
    texts = [*HOSTILE, "a\u00a0b\u2028c\U000e0041d\u200d\U0001f44d"]
    found = in_node("data.map(file.readable)", texts)
    expected = [visible(text).replace("\ufffd", " ") for text in texts]
    assert [each.replace("  ", " ") for each in found] == [
        each.replace("  ", " ") for each in expected
    ]
