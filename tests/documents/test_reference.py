"""The reference covers every public name, and the pages are built without a warning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import typer

from attribot_integrations.cli import app
from tests.documents.blocks import ROOT

PACKAGE = "attribot_integrations"
DOCS = ROOT / "docs"
WITH_ALL = ("", "errors", "filtering", "langchain", "langchain.agents", "llama_index", "methods")
"""Modules that list the public names of what they stand for."""
OF_MODULES = ("batch", "evaluation", "render")
"""Packages whose modules each list their own; a runner of the command line has none."""
SCORING = ("models", "scorer", "capabilities", "encoding")

_DIRECTIVE = re.compile(
    rf"^\.\. ((?:auto|py:)\w+):: {PACKAGE}\.?([\w.]*)(?:\(\))?\n((?:   :.*\n)*)", re.MULTILINE
)


def documented() -> Iterator[str]:
    """Names on the pages of the reference, without the package's own."""
    for page in sorted(DOCS.glob("reference/*.rst")):
        for kind, name, options in _DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            yield name
            if kind == "automodule" and "no-members" not in options:
                yield from public_names(name)


def public_names(module: str) -> Iterator[str]:
    for name in import_module(f"{PACKAGE}.{module}".rstrip(".")).__all__:
        yield f"{module}.{name}".lstrip(".")


def wanted() -> Iterator[str]:
    for module in WITH_ALL:
        yield from public_names(module)
    for package in OF_MODULES:
        for found in iter_modules(import_module(f"{PACKAGE}.{package}").__path__):
            yield from public_names(f"{package}.{found.name}")
    for name in SCORING:
        yield from public_names(f"scoring.{name}")


def same(name: str) -> object:
    """What a name stands for, so that one object has all its names at once."""
    module, _, attribute = name.rpartition(".")
    found: Any = getattr(import_module(f"{PACKAGE}.{module}".rstrip(".")), attribute)
    own = (getattr(found, "__module__", None), getattr(found, "__qualname__", None))
    return own if str(own[0]).startswith(PACKAGE) and own[1] else id(found)


def test_the_reference_covers_every_public_name() -> None:
    modules = {path.stem for path in DOCS.glob("reference/*")}
    assert {"engine", "errors", "langchain", "llama_index", "command_line"} <= modules
    known = {same(name) for name in documented() if name and not _is_module(name)}
    missing = sorted(name for name in set(wanted()) if same(name) not in known)
    assert missing == [], "add them to a page of docs/reference/"


def _is_module(name: str) -> bool:
    try:
        return find_spec(f"{PACKAGE}.{name}") is not None
    except ModuleNotFoundError:
        return False


def test_nothing_is_described_twice() -> None:
    names = [name for name in documented() if name]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_the_directives_are_found() -> None:
    text = (
        f".. autoclass:: {PACKAGE}.A()\n   :no-members:\n\n.. py:data:: {PACKAGE}.b.c\n\n"
        f".. py:module:: {PACKAGE}\n"
    )
    assert _DIRECTIVE.findall(text) == [
        ("autoclass", "A", "   :no-members:\n"),
        ("py:data", "b.c", ""),
        ("py:module", "", ""),
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as `make docs` builds them."""
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going", "-n"),
            *("-j", "auto", "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.slow
def test_pages_are_built_without_warnings_and_load_nothing(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link[^>]*\shref=\"([^\"]*)\"", text)
        assert [one for one in loaded if re.match(r"(?:https?:)?//", one)] == [], page
    for sheet in built.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", sheet.read_text("utf-8")), (
            sheet
        )


@pytest.mark.slow
def test_built_pages_show_the_command_line_and_measured_figures(built: Path) -> None:
    page = (built / "reference" / "command_line.html").read_text(encoding="utf-8")
    group: Any = typer.main.get_command(app)
    options = [
        option
        for command in group.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    ]
    assert len(options) > 30
    assert [option for option in options if option not in page] == []
    shown = (DOCS / "benchmarks.md").read_text(encoding="utf-8").count("```{results-table}")
    figures = (built / "benchmarks.html").read_text(encoding="utf-8")
    assert figures.count("Measured on") == shown > 3
