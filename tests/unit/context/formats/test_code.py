"""Program code, by definition."""

from __future__ import annotations

import sys

import pytest

from attribot_integrations.context.formats import code as module
from attribot_integrations.context.formats.code import LANGUAGES, code
from tests.unit.context.formats.dividing import parts

PYTHON = """import os
import re

# What f is.
@wraps
def f(x):
    a = "é"

    return a
class A:
    b = 1

LIMIT = 3
NAME = "x"
"""
PARTS = [
    "import os\nimport re",
    '# What f is.\n@wraps\ndef f(x):\n    a = "é"\n\n    return a',
    "class A:\n    b = 1",
    'LIMIT = 3\nNAME = "x"',
]


def test_definitions_with_what_belongs_to_them() -> None:
    pytest.importorskip("tree_sitter")
    assert parts(PYTHON, code(PYTHON, 0, len(PYTHON), "py")) == PARTS


@pytest.mark.parametrize(
    ("language", "definitions"),
    [
        ("javascript", ["// f\nfunction f() { return 1 }", "const g = () => 2"]),
        ("ts", ["interface A { b: number }", "function f(a: A): number { return a.b }"]),
        ("tsx", ["const a = <b>1</b>;", "function f() { return <i/> }"]),
        ("java", ["class A { int b; }", "/* C */\nclass C {}"]),
        ("go", ["package a", "func f() int { return 1 }", "type T struct { b int }"]),
        ("rust", ["#[derive(Debug)]\nstruct A { b: u8 }", "fn f() -> u8 { 1 }"]),
        ("c", ["#include <a.h>", "int f(void) { return 1; }", "struct a { int b; };"]),
        ("c++", ["namespace a { int b; }", "template <class T> T f(T t) { return t; }"]),
    ],
)
def test_languages(language: str, definitions: list[str]) -> None:
    pytest.importorskip("tree_sitter")
    text = "\n".join(definitions) + "\n"
    assert parts(text, code(text, 0, len(text), language)) == definitions
    assert parts(text, code(text + "((", 0, len(text) + 2, language)) != definitions


def test_blank_lines_where_no_grammar_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a = 1\n\n  b\n\n\nc\n\n)\n"
    assert parts(text, code(text, 0, len(text), "")) == ["a = 1\n\n  b", "c\n\n)"]
    assert code("a\nb", 0, 3, "") is None
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    module._parser.cache_clear()
    try:
        assert parts(PYTHON, code(PYTHON, 0, len(PYTHON), "py")) == [
            PYTHON[: PYTHON.index("\n\nLIMIT")],
            PARTS[3],
        ]
    finally:
        module._parser.cache_clear()


def test_lone_surrogates_keep_their_places() -> None:
    text = "a = '\ud800'\n\ndef f():\n    pass\n"
    assert parts(text, code(text, 0, len(text), "py")) == ["a = '\ud800'", "def f():\n    pass"]


def test_there_is_a_parser_for_each_language() -> None:
    pytest.importorskip("tree_sitter")
    assert all(module._parser(grammar) for grammar in set(LANGUAGES.values()) - {""})


def test_languages_without_a_grammar_divide_at_blank_lines() -> None:
    text = "#!/bin/sh\nset -e\n\nf() {\n  echo 1\n\n  echo 2\n}\n\nf"
    assert parts(text, code(text, 0, len(text), "sh")) == [
        *("#!/bin/sh\nset -e", "f() {\n  echo 1\n\n  echo 2\n}", "f")
    ]
