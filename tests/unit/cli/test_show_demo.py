"""`attribot demo`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attribot_integrations.demo.library import LIBRARY_QUESTIONS, OUTSIDE_QUESTION
from attribot_integrations.engine.bundled import bundled_model_path
from tests.unit.cli.running import StubEngine, run
from tests.unit.demo.encoders import tiny_encoder
from tests.unit.render.reading import Page


def test_demo_without_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("attribot_integrations.langchain", "attribot_integrations.demo.chain")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain_core", None)
    result = run("demo")
    assert result.exit_code == 0, result.stderr
    assert "asking without a chain, for " in result.stderr
    assert 'pip install "attribot-integrations[langchain]"' in result.stderr
    one, two, none = result.stdout.split("Q  ")[1:]
    assert "[1]" in one
    assert "[2]" in two
    assert "No source is cited." in none
    real = run("demo", "--real", "--model", "x", "--embedder", "y")
    assert real.exit_code == 1
    assert 'pip install "attribot-integrations[langchain]"' in real.stderr


@pytest.mark.parametrize("proxy", [False, True])
def test_demo_asks_about_one_fact_two_and_none(proxy: bool) -> None:
    result = run("demo", *(["--proxy"] if proxy else []))
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("attribot: loading the bundled model …\n")
    assert len(result.stderr.splitlines()) == 1 + proxy
    one, two, none = result.stdout.split("Q  ")[1:]
    assert "[1]" in one
    assert "[2]" in two
    assert none.startswith("Which animal does Corlin Corpo keep?")
    assert "No source is cited." in none
    assert none.endswith("With real models, on real subjects: attribot demo --real\n")
    assert ("through proxy" in one) == proxy


def test_demo_writes_a_page(tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    result = run("demo", "--html", path)
    assert result.exit_code == 0, result.stderr
    assert "Bragor" in result.stdout
    assert result.stderr.endswith(f"attribot: wrote {path}\n")
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.all("article")) == 3
    labels = [chip.get("aria-label", "") for chip in page.classes("ab-chip")]  # others: the legend
    assert sum(label.startswith("Citation 1:") for label in labels) == 2


def test_demo_cannot_write_into_a_folder_there_is_not(engine: StubEngine, tmp_path: Path) -> None:
    result = run("demo", "--question", "1", "--html", tmp_path / "none" / "out.html")
    assert result.exit_code == 2
    assert "is not a file in a folder that exists" in " ".join(result.stderr.split())
    assert not engine.loaded_with


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


def test_the_real_demo_says_how_to_get_its_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("demo", "--real")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "attribot: error: .models/SmolLM2-135M-Instruct.Q4_1.gguf is not there: run `make models` "
        "in a checkout, or name other models: attribot demo --real "
        "--model HuggingFaceTB/SmolLM2-135M-Instruct "
        "--embedder sentence-transformers/all-MiniLM-L6-v2\n"
    )
    result = run("demo", "--real", "--model", bundled_model_path())
    assert result.stderr.startswith("attribot: error: .models/all-minilm-l6-v2 is not there: run")
    assert "loading" not in result.stderr


def test_the_real_demo_with_models_of_the_users_choice(tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    models = ("--model", bundled_model_path(), "--embedder", tiny_encoder(tmp_path / "encoder"))
    result = run("demo", "--real", *models, "--html", page)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("32 paragraphs about real subjects\n")
    asked = [each.splitlines()[0] for each in result.stdout.split("Q  ")[1:]]
    assert asked == [LIBRARY_QUESTIONS[0], LIBRARY_QUESTIONS[-1], OUTSIDE_QUESTION]
    assert "demo --real" not in result.stdout
    assert len(Page(page.read_text(encoding="utf-8")).all("article")) == 3
    result = run("demo", "--real", *models, "--question", "2")
    assert f"Q  {LIBRARY_QUESTIONS[1]}" in result.stdout
    assert result.stdout.count("Q  ") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--real", "--proxy"), "Invalid value for --proxy: cannot be used with --real"),
        (("--model", "x"), "Invalid value for --model and --embedder: needs --real"),
        (("--embedder", "x"), "Invalid value for --model and --embedder: needs --real"),
        (("--real", "--question", "9"), "must be a text or a number from 1 to 4, got '9'"),
    ],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], message: str) -> None:
    result = run("demo", *options)
    assert result.exit_code == 2
    assert message in result.stderr
