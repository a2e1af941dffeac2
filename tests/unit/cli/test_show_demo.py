"""`attribot demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.cli.running import StubEngine, run
from tests.unit.render.reading import Page


def test_demo_without_langchain(engine: StubEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("attribot_integrations.langchain", "attribot_integrations.demo.chain")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    result = run("demo")
    assert result.exit_code == 1
    assert 'pip install "attribot-integrations[langchain]"' in result.stderr
    assert "Traceback" not in result.output
    assert not engine.loaded_with


@pytest.mark.parametrize("proxy", [False, True])
def test_demo_asks_about_one_fact_two_and_none(proxy: bool) -> None:
    result = run("demo", *(["--proxy"] if proxy else []))
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    one, two, none = result.stdout.split("Q  ")[1:]
    assert "[1]" in one
    assert "[2]" in two
    assert none.startswith("Which animal does Corlin Corpo keep?")
    assert "No source is cited." in none
    assert ("through proxy" in one) == proxy


def test_demo_writes_a_page(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    result = run("demo", "--html", path)
    assert result.exit_code == 0, result.stderr
    assert "Bragor" in result.stdout
    assert result.stderr == f"attribot: wrote {path}\n"
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.all("article")) == 3
    assert [chip["aria-label"] for chip in page.classes("ab-chip")].count("Citation 1") == 2


def test_demo_cannot_write_into_a_folder_there_is_not(tmp_path: Path) -> None:
    result = run("demo", "--question", "1", "--html", tmp_path / "none" / "out.html")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(("question", "asked"), [("2", 1), ("Who is Ada?", None)])
def test_demo_with_a_question(question: str, asked: int | None) -> None:
    chain = pytest.importorskip("attribot_integrations.demo.chain")
    result = run("demo", "--question", question)
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert f"Q {question if asked is None else chain.demo_corpus()[1][asked]} A " in shown
    assert shown.count("Q ") == 1


@pytest.mark.parametrize("question", ["0", "99", " "])
def test_demo_with_a_question_there_is_not(question: str) -> None:
    result = run("demo", "--question", question)
    assert result.exit_code == 2
    assert result.stdout == ""
