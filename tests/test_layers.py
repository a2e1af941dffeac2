"""Imports go one way only: text, scoring, methods, engine, adapters, demo, command line."""

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

TEXT, SCORING, METHODS, ENGINE, ADAPTER, DEMO, COMMAND = range(7)
LAYERS = {
    "errors": TEXT,
    "sources": TEXT,
    "mappings": TEXT,
    "prompts": TEXT,
    "capture": TEXT,
    "engine_check": TEXT,
    "parts": TEXT,
    "probabilities": TEXT,
    "results": TEXT,
    "segmentation": TEXT,
    "statements": TEXT,
    "support": TEXT,
    "citations": TEXT,
    "serialization": TEXT,
    "typed_data": TEXT,
    "word_search": TEXT,
    "render": TEXT,
    "chunk_filter": METHODS,
    "config": METHODS,
    "context_runs": METHODS,
    "datafiles": METHODS,
    "resultfiles": METHODS,
    "scoring": SCORING,
    "methods": METHODS,
    "attributing": ENGINE,
    "batching": ENGINE,
    "batch": ENGINE,
    "engine": ENGINE,
    "filtering": METHODS,
    "filtering.results": TEXT,
    "langchain": ADAPTER,
    "llama_index": ADAPTER,
    "demo": DEMO,
    "demo.__init__": TEXT,
    "demo.bundled": TEXT,
    "demo.corpus": TEXT,
    "demo.relations": TEXT,
    "demo.world": TEXT,
    "evaluation": DEMO,
    "cli": COMMAND,
    "__main__": COMMAND,
}
"""A module has the layer of the longest prefix of its name; it imports that layer or lower."""

MODEL_LIBRARIES = {"torch", "transformers", "accelerate", "tokenizers", "safetensors"}
FRAMEWORKS = {
    "langchain_core": ("langchain", "demo.chain"),
    "llama_index": ("llama_index", "demo.query_engine"),
}
"""Top-level packages, and the only modules that may import them."""


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name."""

    target: str
    line: int
    at_run_time: bool
    """Whether it is outside `if TYPE_CHECKING`."""
    at_top: bool
    """Whether it runs when the module is imported, and not in a function."""


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of the package, by its name inside it."""
    found: dict[str, ast.Module] = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def layer_of(name: str) -> int | None:
    """Layer of a module of the package; `None` where no prefix is listed."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        exact = length == len(parts) and f"{prefix}.__init__" in LAYERS
        layer = LAYERS.get(f"{prefix}.__init__" if exact else prefix)
        if layer is not None:
            return layer
    return None


def imports_of(tree: ast.AST, *, at_run_time: bool = True, at_top: bool = True) -> Iterator[Import]:
    """Every import below a node."""
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
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_of(node, at_run_time=at_run_time, at_top=at_top and not inside)


def inner_name(target: str) -> str | None:
    """Name inside the package of an imported module or object; `None` for other packages."""
    if target != PACKAGE and not target.startswith(f"{PACKAGE}."):
        return None
    return target.removeprefix(PACKAGE).removeprefix(".")


def inner_layer(inner: str) -> int | None:
    """Layer of what is imported from the package."""
    if inner == "__version__":
        return TEXT
    package = inner.rpartition(".")[0]
    if inner not in modules() and f"{package}.__init__" in modules():
        inner = package  # an object of the package, not a module in it
    layer = layer_of(inner)
    # Names of the package itself (`from attribot_integrations import AttributionEngine`).
    return ENGINE if layer is None and "." not in inner else layer


def problems(name: str, tree: ast.AST) -> list[str]:
    """What one module imports against the rules."""
    found: list[str] = []
    own = layer_of(name)
    if {"util", "utils"} & set(name.split(".")):
        found.append("a module is named after what it holds, not utils")
    if own is None and name != "__init__":
        found.append("this module is in no layer: add it to LAYERS")
    for one in imports_of(tree):
        place = f"line {one.line}: {one.target}"
        if one.target.startswith("."):
            found.append(f"{place} is a relative import")
            continue
        top = one.target.split(".")[0]
        for framework, allowed in FRAMEWORKS.items():
            if top == framework and not name.startswith(allowed):
                found.append(f"{place} may only be imported by {' and '.join(allowed)}")
        if top in MODEL_LIBRARIES and one.at_run_time and (own == TEXT or _light(name)):
            found.append(f"{place} is a model library, and this module must load without one")
        inner = inner_name(one.target)
        if inner is None:
            continue
        layer = inner_layer(inner)
        if one.at_run_time and own is not None and layer is not None and layer > own:
            found.append(f"{place} is of a higher layer")
        if one.at_run_time and name == "__init__":
            found.append(f"{place} is imported with the package, which must stay lazy")
        if {name.split(".")[0], inner.split(".")[0]} == {"langchain", "llama_index"}:
            found.append(f"{place} is another adapter's")
        sibling = inner.startswith("methods") and name.startswith("methods.")
        gathers = name in ("methods.__init__", "methods.presets")
        if sibling and not gathers and not inner.startswith(("methods.base", "methods.grouping")):
            found.append(f"{place} is another method's")
    return found


def _light(name: str) -> bool:
    """Whether a module above the text layer must load without a model library all the same."""
    return name.split(".")[0] in {"__init__", "config", "datafiles", "methods"}


@pytest.mark.parametrize(("name", "tree"), modules().items(), ids=modules())
def test_layers(name: str, tree: ast.Module) -> None:
    assert problems(name, tree) == []


def test_every_layer_is_used() -> None:
    names = modules()
    for prefix in LAYERS:
        assert any(name == prefix or name.startswith(f"{prefix}.") for name in names), prefix


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


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("sources", "import torch", "is a model library"),
        ("demo.corpus", "def f():\n    from transformers import x", "is a model library"),
        ("demo.__init__", "import torch.nn", "is a model library"),
        ("sources", f"from {PACKAGE}.scoring import x", "is of a higher layer"),
        ("sources", f"from {PACKAGE} import engine", "is of a higher layer"),
        ("sources", f"from {PACKAGE} import AttributionEngine", "is of a higher layer"),
        ("scoring.scorer", f"import {PACKAGE}.methods.loo", "is of a higher layer"),
        ("methods.loo", f"def f():\n  from {PACKAGE} import engine", "is of a higher layer"),
        ("engine", f"from {PACKAGE}.langchain.x import y", "is of a higher layer"),
        ("engine", f"import {PACKAGE}.demo.training", "is of a higher layer"),
        ("langchain.x", f"from {PACKAGE}.cli import y", "is of a higher layer"),
        ("langchain.x", f"from {PACKAGE}.llama_index.x import y", "is another adapter's"),
        ("llama_index.x", f"from {PACKAGE}.langchain.x import y", "is another adapter's"),
        ("engine", "from langchain_core.documents import Document", "may only be imported by"),
        ("demo.bundled", "import langchain_core", "may only be imported by"),
        ("langchain.x", "import llama_index.core", "may only be imported by"),
        ("methods.loo", f"from {PACKAGE}.methods.rescoring import x", "is another method's"),
        ("methods.base", f"from {PACKAGE}.methods import LeaveOneOut", "is another method's"),
        ("methods.loo", "import torch", "is a model library"),
        ("config", "import torch", "is a model library"),
        ("scoring.x", "from . import y", "is a relative import"),
        ("scoring.x", "from ..engine import y", "is a relative import"),
        ("scoring.utils", "", "not utils"),
        ("unheard_of", "", "is in no layer"),
        ("__init__", f"from {PACKAGE}.sources import Chunk", "must stay lazy"),
        ("__init__", "import torch", "is a model library"),
        (
            "sources",
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
        ("sources", "if TYPE_CHECKING:\n    import torch"),
        ("sources", f"if typing.TYPE_CHECKING:\n    from {PACKAGE}.engine import x"),
        ("scoring.x", f"import torch\nfrom {PACKAGE}.sources import Chunk"),
        ("engine", f"from {PACKAGE}.demo.bundled import bundled_model_path"),
        ("engine", f"from {PACKAGE}.demo import bundled_model_path"),
        ("methods.loo", f"from {PACKAGE}.methods.base import Method"),
        ("methods.knockout", f"from {PACKAGE}.methods.grouping import remove_groups"),
        ("methods.__init__", f"from {PACKAGE}.methods.loo import LeaveOneOut"),
        ("langchain.x", f"import langchain_core\nfrom {PACKAGE}.engine import x"),
        ("demo.chain", "import langchain_core"),
        ("cli", f"from {PACKAGE} import __version__\nfrom {PACKAGE}.langchain import x"),
    ],
)
def test_what_the_rules_allow(name: str, source: str) -> None:
    assert problems(name, ast.parse(source)) == []


def test_layer_of_the_longest_prefix() -> None:
    assert layer_of("demo.corpus") == layer_of("demo") == layer_of("demo.__init__") == TEXT
    assert layer_of("demo.training") == DEMO
    assert layer_of("render.text") == TEXT
    assert layer_of("elsewhere.sources") is None
