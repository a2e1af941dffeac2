"""Imports go one way only: a wing of the package imports from the wings above it in `WINGS`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import attribot_integrations

PACKAGE = "attribot_integrations"
ROOT = Path(attribot_integrations.__file__).parent

WINGS = (
    "lazy_names",
    "errors",
    "context",
    "results",
    "verifying",
    "render",
    "tokens",
    "scoring",
    "methods",
    "requests",
    "filtering",
    "engine",
    "auditing",
    "answers",
    "langchain",
    "llama_index",
    "batch",
    "traces",
    "service",
    "demo",
    "evaluation",
    "cli",
)
"""Bottom up. The root shows names of all of them, and loads each when it is first used."""

UPWARD = (("results.attribution", "render"), ("results.traces", "render"))
"""The one exception: a result shows itself, by what imports it."""

ADAPTERS = ("langchain", "llama_index")

MODEL_LIBRARIES = {"torch", "transformers", "accelerate", "tokenizers", "safetensors"}
WITHOUT_MODEL_LIBRARY = (
    "__init__",
    "lazy_names",
    "errors",
    "context",
    "results",
    "verifying",
    "render",
    "tokens",
    "methods",
    "requests",
    "scoring.protocols",
    "filtering",
    "auditing",
    "answers",
    "traces",
    "service",
    "demo.__init__",
    "demo.corpus",
    "demo.library",
    "demo.relations",
    "demo.world",
)
"""Modules, and wings, that must load on a machine without one."""

FRAMEWORKS = {
    "langchain_core": ("langchain", "demo.chain", "demo.library_chain"),
    "llama_index": ("llama_index", "demo.query_engine"),
}
"""Top-level packages, and the only modules that may import them."""


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name."""

    target: str
    line: int
    at_run_time: bool = True
    """Whether it is outside `if TYPE_CHECKING`."""
    at_top: bool = True
    """Whether it runs when the module is imported, and not in a function."""


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of the package, by its name inside it."""
    found: dict[str, ast.Module] = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports_of(tree: ast.AST, *, at_run_time: bool = True, at_top: bool = True) -> Iterator[Import]:
    """Every import below a node, those by a name in quotes included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                holder = ast.Module([child], [])
                yield from imports_of(holder, at_run_time=False, at_top=at_top)
            for child in node.orelse:
                holder = ast.Module([child], [])
                yield from imports_of(holder, at_run_time=at_run_time, at_top=at_top)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, at_run_time, at_top)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno, at_run_time, at_top)
        else:
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        yield Import(str(argument.value), node.lineno, at_run_time, False)
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_of(node, at_run_time=at_run_time, at_top=at_top and not inside)


def inner_name(target: str) -> str | None:
    """Name inside the package of an imported module or object; `None` for other packages."""
    if target != PACKAGE and not target.startswith(f"{PACKAGE}."):
        return None
    return target.removeprefix(PACKAGE).removeprefix(".")


def wing_of(name: str) -> str:
    return name.partition(".")[0]


def listed(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def problems(name: str, tree: ast.AST) -> list[str]:
    """What one module imports against the rules."""
    found: list[str] = []
    own = wing_of(name)
    if {"util", "utils"} & set(name.split(".")):
        found.append("a module is named after what it holds, not utils")
    if own not in WINGS and own not in ("__init__", "__main__"):
        found.append("this module is in no wing: put it into one")
    for one in imports_of(tree):
        place = f"line {one.line}: {one.target}"
        if one.target.startswith("."):
            found.append(f"{place} is a relative import")
            continue
        top = one.target.split(".")[0]
        for framework, allowed in FRAMEWORKS.items():
            if top == framework and not listed(name, allowed):
                found.append(f"{place} may only be imported by {' and '.join(allowed)}")
        if top in MODEL_LIBRARIES and one.at_run_time and listed(name, WITHOUT_MODEL_LIBRARY):
            found.append(f"{place} is a model library, and this module must load without one")
        if top in ("tests", "training", "benchmarks"):
            found.append(f"{place} is not part of the package")
        inner = inner_name(one.target)
        if inner is not None:
            found += [f"{place} {problem}" for problem in _inside(name, own, inner, one)]
    return found


def _inside(name: str, own: str, inner: str, one: Import) -> Iterator[str]:
    """What is wrong with an import from the package itself."""
    if inner == "__version__" or own == "__main__":
        return
    wing = wing_of(inner)
    if own == "__init__":
        if one.at_run_time and wing != "lazy_names":
            yield "is imported with the package, which must stay lazy"
        return
    if wing not in WINGS:
        yield "is a name of the root: import it from where it lives"
        return
    if {own, wing} == set(ADAPTERS):
        yield "is another adapter's"
    elif WINGS.index(wing) > WINGS.index(own) and (name, wing) not in UPWARD:
        yield "is of a wing below"
    gathers = name in ("methods.__init__", "methods.presets")
    shared = listed(inner, ("methods.base", "methods.grouping", "methods.screens"))
    if own == wing == "methods" and not gathers and not shared:
        yield "is another method's"


@pytest.mark.parametrize(("name", "tree"), modules().items(), ids=modules())
def test_wings(name: str, tree: ast.Module) -> None:
    assert problems(name, tree) == []


def test_every_wing_is_there() -> None:
    assert {wing_of(name) for name in modules()} == {*WINGS, "__init__", "__main__"}


def test_no_name_stands_for_modules_of_two_wings() -> None:
    """The adapters do the same for two frameworks, and so do their modules of one name.

    `protocols` are what a wing asks of others, in whichever wing.
    """
    homes: dict[str, set[str]] = {}
    for name in modules():
        wing, _, module = name.rpartition(".")
        if wing and wing not in ADAPTERS and not module.startswith("__") and module != "protocols":
            homes.setdefault(module, set()).add(wing)
    for path in (ROOT.parent / "training").glob("[!_]*.py"):
        homes.setdefault(path.stem, set()).add("training")
    assert {module: wings for module, wings in homes.items() if len(wings) > 1} == {}


def test_the_documentation_describes_every_wing_in_order() -> None:
    page = ROOT.parent / "docs" / "design.md"
    if not page.is_file():
        pytest.skip("the pages are in a checkout only")
    section = page.read_text(encoding="utf-8").partition("## Wings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in row.split("`")[1::2]] == [*WINGS]


def test_every_module_that_must_be_light_is_there() -> None:
    for prefix in WITHOUT_MODEL_LIBRARY:
        assert any(listed(name, (prefix,)) for name in modules()), prefix


def test_no_module_imports_itself_in_a_circle() -> None:
    names = modules()
    graph: dict[str, set[str]] = {name: set() for name in names}
    for name, tree in names.items():
        for one in imports_of(tree):
            inner = inner_name(one.target)
            if inner is None or not (one.at_top and one.at_run_time):
                continue
            for target in (inner, inner.rpartition(".")[0], f"{inner}.__init__"):
                if target in names and target != name:
                    graph[name].add(target)
    assert sum(map(len, graph.values())) > len(names)  # the walk does find imports
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_trainer_imports_nothing_but_the_corpus_and_the_engine() -> None:
    folder = ROOT.parent / "training"
    if not folder.is_dir():
        pytest.skip("the trainer is in a checkout only")
    wings = {
        wing_of(inner)
        for path in folder.rglob("*.py")
        for one in imports_of(ast.parse(path.read_text(encoding="utf-8")))
        if (inner := inner_name(one.target))
    }
    assert wings == {"AttributionEngine", "demo", "engine"}


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("context.sources", "import torch", "is a model library"),
        ("demo.corpus", "def f():\n    from transformers import x", "is a model library"),
        ("demo.__init__", "import torch.nn", "is a model library"),
        ("methods.loo", "import torch", "is a model library"),
        ("requests.options", "import torch", "is a model library"),
        ("context.sources", f"from {PACKAGE}.results import x", "is of a wing below"),
        ("context.sources", f"from {PACKAGE} import engine", "is of a wing below"),
        ("context.sources", f"from {PACKAGE} import AttributionEngine", "is a name of the root"),
        ("scoring.scorer", f"import {PACKAGE}.methods.loo", "is of a wing below"),
        ("methods.loo", f"def f():\n  from {PACKAGE} import engine", "is of a wing below"),
        ("engine.facade", f"from {PACKAGE}.langchain.x import y", "is of a wing below"),
        ("engine.facade", f'import_module("{PACKAGE}.langchain.x")', "is of a wing below"),
        ("engine.facade", f"import {PACKAGE}.demo.corpus", "is of a wing below"),
        (
            "scoring.x",
            f"if TYPE_CHECKING:\n    from {PACKAGE}.engine import x",
            "is of a wing below",
        ),
        ("results.support", f"from {PACKAGE}.render.html import x", "is of a wing below"),
        ("langchain.x", f"from {PACKAGE}.cli import y", "is of a wing below"),
        ("langchain.x", f"from {PACKAGE}.llama_index.x import y", "is another adapter's"),
        ("llama_index.x", f"from {PACKAGE}.langchain.x import y", "is another adapter's"),
        ("engine.facade", "from langchain_core.documents import x", "may only be imported by"),
        ("demo.showcase", "import langchain_core", "may only be imported by"),
        ("langchain.x", "import llama_index.core", "may only be imported by"),
        ("methods.loo", f"from {PACKAGE}.methods.rescoring import x", "is another method's"),
        ("methods.base", f"from {PACKAGE}.methods import LeaveOneOut", "is another method's"),
        ("scoring.x", "from . import y", "is a relative import"),
        ("scoring.x", "from ..engine import y", "is a relative import"),
        ("scoring.utils", "", "not utils"),
        ("unheard_of", "", "is in no wing"),
        ("cli.x", "from training.train import main", "is not part of the package"),
        ("__init__", f"from {PACKAGE}.context.sources import Chunk", "must stay lazy"),
        ("__init__", "import torch", "is a model library"),
        (
            "context.sources",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  pass\nelse:\n  import torch",
            "is a model library",
        ),
    ],
)
def test_the_rules_can_be_broken(name: str, source: str, expected: str) -> None:
    (problem,) = problems(name, ast.parse(source))
    assert expected in problem


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("context.sources", "if TYPE_CHECKING:\n    import torch"),
        ("scoring.x", f"import torch\nfrom {PACKAGE}.context.sources import Chunk"),
        ("engine.facade", f"from {PACKAGE}.engine.bundled import bundled_model_path"),
        ("methods.loo", f"from {PACKAGE}.methods.base import Method"),
        ("methods.knockout", f"from {PACKAGE}.methods.grouping import remove_groups"),
        ("methods.__init__", f"from {PACKAGE}.methods.loo import LeaveOneOut"),
        ("langchain.x", f"import langchain_core\nfrom {PACKAGE}.engine import x"),
        ("results.attribution", f"def f():\n    from {PACKAGE}.render.html import x"),
        ("demo.chain", "import langchain_core"),
        ("cli.x", f"from {PACKAGE} import __version__\nfrom {PACKAGE}.langchain import x"),
    ],
)
def test_what_the_rules_allow(name: str, source: str) -> None:
    assert problems(name, ast.parse(source)) == []
