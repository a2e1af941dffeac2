"""Answers read as Markdown: what shapes the text, and where each stretch of it stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.render.answer_blocks import (
    Block,
    answer_blocks,
    leaf_blocks,
    only_shape,
)
from tests.unit.render.samples import HOSTILE

ANSWER = """# Piers

The *first* **one. It** is `long`.
It is \\*old\\*.

3. one
   - two

| year | name \\| place |
| --- | --- |
| 1963 | **Ada** |

> Quoted
> words

```py
x = 1
```

---
"""


def kinds(blocks: tuple[Block, ...]) -> list[object]:
    return [[each.kind, *kinds(each.inside)] if each.inside else each.kind for each in blocks]


def test_blocks_of_an_answer() -> None:
    assert kinds(answer_blocks(ANSWER)) == [
        "heading",
        "text",
        ["list", ["item", "text", ["list", ["item", "text"]]]],
        ["table", ["row", "head", "head"], ["row", "cell", "cell"]],
        ["quote", "text"],
        "code",
        "rule",
    ]
    assert [each.number for each in answer_blocks(ANSWER)] == [1, None, 3, *[None] * 4]


def test_runs_stand_where_they_say() -> None:
    runs = [run for block in leaf_blocks(answer_blocks(ANSWER)) for run in block.runs]
    exact = [run for run in runs if run.end - run.start == len(run.text)]
    assert all(ANSWER[run.start : run.end] == run.text for run in exact)
    others = [(run.text, ANSWER[run.start : run.end]) for run in runs if run not in exact]
    assert others == [("name | place", "name \\| place"), ("x = 1", "```py\nx = 1\n```\n")]
    styled = {run.text: run.styles for run in runs if run.styles}
    assert styled == {
        "first": ("em",),
        "one. It": ("strong",),
        "long": ("code",),
        "Ada": ("strong",),
        "x = 1": ("code",),
    }


def test_links_images_html_and_character_references_stay_text() -> None:
    text = "[a](https://b.example) ![c](d) <b>e</b> &amp; <https://f.example>"
    (block,) = answer_blocks(text)
    assert [run.text for run in block.runs] == [text]


def test_json_is_shown_as_it_is() -> None:
    text = '{"a": "*x*",\n "b": ["_y_"]}'
    (block,) = answer_blocks(text)
    assert (block.kind, block.runs[0].text) == ("plain", text)
    assert only_shape(text, [(7, 10)]) == [False]


def test_headings_heads_of_tables_and_code_are_only_shape() -> None:
    stretches = [
        "Piers",
        "It is",
        "| year | name \\| place |",
        "| 1963",
        "```py\nx = 1\n```",
        "---\n",
    ]
    spans = [(ANSWER.index(each), ANSWER.index(each) + len(each)) for each in stretches]
    assert only_shape(ANSWER, spans) == [True, False, True, False, True, False]
    assert only_shape("", [(0, 0)]) == [False]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_answers_are_read(text: str) -> None:
    for run in (run for block in leaf_blocks(answer_blocks(text)) for run in block.runs):
        assert 0 <= run.start <= run.end <= len(text)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(alphabet="ab1 \n#*_`|->[]()\\~&;\t\r\0", max_size=80))
def test_runs_are_in_order_and_inside(text: str) -> None:
    place = 0
    for run in (run for block in leaf_blocks(answer_blocks(text)) for run in block.runs):
        assert place <= run.start <= run.end <= len(text)
        place = run.end
