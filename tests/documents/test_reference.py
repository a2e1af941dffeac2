"""The reference has every public name once and nothing else; the pages build without a warning."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from attribot_integrations.cli import app
from tests.documents.blocks import ROOT, blocks_of
from tests.test_public_api import PACKAGE, PUBLIC, defined_in

DOCS = ROOT / "docs"

_DIRECTIVE = re.compile(
    rf"^\.\. ((?:auto|py:)\w+):: {PACKAGE}\.?([\w.]*)(?:\(\))?\n((?:   :.*\n)*)", re.MULTILINE
)


def public_names(wing: str) -> Iterator[str]:
    for name in import_module(f"{PACKAGE}.{wing}".rstrip(".")).__all__:
        yield f"{wing}.{name}".lstrip(".")


def documented(text: str) -> Iterator[str]:
    """Names that a page of the reference describes; packages by themselves are no names."""
    for kind, name, options in _DIRECTIVE.findall(text):
        if kind not in ("automodule", "py:module"):
            yield name
        elif kind == "automodule" and "no-members" not in options:
            yield from public_names(name)


def definition(name: str) -> tuple[str, str]:
    """Where a name is defined, which is the same for all names of an object."""
    wing, _, one = name.rpartition(".")
    return defined_in(wing, one)


def test_the_reference_has_every_public_name_once_and_no_other() -> None:
    names = [
        name
        for page in sorted(DOCS.glob("reference/*.rst"))
        for name in documented(page.read_text(encoding="utf-8"))
    ]
    public = {name for wing in PUBLIC for name in public_names(wing)}
    assert sorted(set(names) - public) == [], "internal: what is to be known of it is for design.md"
    described = [definition(name) for name in names]
    assert sorted(one for one in set(described) if described.count(one) > 1) == []
    missing = sorted(name for name in public if definition(name) not in set(described))
    assert missing == [], "add them to a page of docs/reference/"


def test_names_of_the_root_are_documented_as_such() -> None:
    """It is by these that they are imported everywhere else."""
    text = "".join(page.read_text("utf-8") for page in DOCS.glob("reference/*.rst"))
    names = set(documented(text))
    assert {*public_names("")} - {"AttribotError"} <= names


def imported_from(code: str) -> Iterator[tuple[str, str]]:
    """The names that Python code imports from wings, `*` included."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                yield str(node.module).removeprefix(PACKAGE).lstrip("."), alias.name


def shown_code() -> Iterator[tuple[str, str]]:
    """Python code that users read, by the name of its page."""
    pages = [ROOT / "README.md", *DOCS.glob("**/*.md"), *ROOT.glob("notebooks/*.ipynb")]
    for path in pages:
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            for block in blocks_of(name, text):
                if block.language == "python":
                    yield name, block.code
        else:
            for cell in json.loads(text)["cells"]:
                if cell["cell_type"] == "code":
                    yield name, re.sub(r"^[%!].*", "", "".join(cell["source"]), flags=re.MULTILINE)


def test_pages_and_notebooks_show_public_names_only() -> None:
    public = {name for wing in PUBLIC for name in public_names(wing)}
    found = [
        (page, f"{wing}.{name}".lstrip("."))
        for page, code in shown_code()
        for wing, name in imported_from(code)
        if wing.split(".")[0] != "demo"  # the made-up pipelines are the notebooks' own
    ]
    assert len(found) > 60
    assert sorted(one for one in found if one[1] not in public) == []


def test_the_directives_are_found() -> None:
    text = (
        f".. autoclass:: {PACKAGE}.A()\n   :no-members:\n\n.. py:data:: {PACKAGE}.b.c\n\n"
        f".. py:module:: {PACKAGE}\n\n.. automodule:: {PACKAGE}.engine\n"
        f".. automodule:: {PACKAGE}.results\n   :no-members:\n"
    )
    assert [*documented(text)] == ["A", "b.c", "engine.AttributionEngine"]
    code = f"from {PACKAGE}.a.b import c as d, e\nfrom {PACKAGE} import f\nfrom x import y"
    assert [*imported_from(code)] == [("a.b", "c"), ("a.b", "e"), ("", "f")]


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
