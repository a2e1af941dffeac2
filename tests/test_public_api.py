"""What the package shows to the outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import attribot_integrations
from attribot_integrations import errors
from attribot_integrations.errors import AttribotError, MissingExtraError

PACKAGE = "attribot_integrations"
ROOT = Path(attribot_integrations.__file__).parent
PATHS = sorted(ROOT.rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in PATHS]

PUBLIC = (
    "",
    "context",
    "results",
    "methods",
    "requests",
    "engine",
    "auditing",
    "scoring",
    "filtering",
    "verifying",
    "render",
    "langchain",
    "llama_index",
    "batch",
    "traces",
    "service",
    "evaluation",
    "errors",
)
"""The root and the wings whose `__all__` is public."""
INTERNAL = {"answers", "cli", "demo", "lazy_names", "tokens"}
"""All other wings."""
AT_MOST = 195
"""Public names; a reader should be able to read the list."""


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def fresh_modules(code: str) -> set[str]:
    """The top-level modules that are loaded after running code in a new interpreter."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def wing(name: str) -> Any:
    return import_module(f"{PACKAGE}.{name}".rstrip("."))


def homes(name: str) -> dict[str, str]:
    """The module that each name of a wing's `__init__` comes from, as type checkers see it."""
    return {
        alias.name: str(node.module)
        for node in ast.walk(tree_of(Path(wing(name).__file__)))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}.")
        for alias in node.names
        if alias.name not in ("MissingExtraError", "lazy_names")
    }


def defined_in(name: str, one: str) -> tuple[str, str]:
    """The module that defines what a wing shows; the root shows names of wings."""
    module = homes(name).get(one, f"{PACKAGE}.{name}")
    inner = module.removeprefix(f"{PACKAGE}.")
    return defined_in(inner, one) if inner in PUBLIC and inner != name else (module, one)


# Names


def test_the_documentation_lists_the_public_names() -> None:
    page = ROOT.parent / "docs" / "reference" / "public_names.md"
    if not page.is_file():
        pytest.skip("the pages are in a checkout only")
    rows = [line.split("|") for line in page.read_text("utf-8").splitlines() if line[:3] == "| ["]
    listed = {row[1].split("`")[1]: row[2].split("`")[1::2] for row in rows}
    public = {f"{PACKAGE}.{name}".rstrip("."): wing(name).__all__ for name in PUBLIC}
    assert {name: sorted(names) for name, names in listed.items()} == {
        name: sorted(names) for name, names in public.items()
    }


def test_public_names_are_few() -> None:
    objects = {defined_in(name, one) for name in PUBLIC for one in wing(name).__all__}
    assert (f"{PACKAGE}.context.sources", "Chunk") in objects
    assert AT_MOST - 60 < len(objects) <= AT_MOST


def test_every_wing_is_public_or_internal() -> None:
    wings = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in PATHS}
    assert wings - {"__init__", "__main__"} == {*PUBLIC, *INTERNAL} - {""}


@pytest.mark.parametrize("name", PUBLIC)
def test_names_of_a_wing_are_those_that_it_imports(name: str) -> None:
    if name == "errors":
        pytest.skip("a module, which imports nothing")
    shown = wing(name)
    assert {*homes(name)} == {*shown.__all__} - {"__version__"}
    assert {*shown.__all__} <= {*dir(shown)}
    for one, module in homes(name).items():
        assert getattr(shown, one) is getattr(import_module(module), one), one
        assert one in import_module(module).__all__, one


def test_names_of_before_keep_working() -> None:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.results import Attribution

    assert attribot_integrations.AttributionEngine is AttributionEngine
    assert attribot_integrations.Attribution is Attribution
    assert len(attribot_integrations.__all__) == 27
    assert dir(attribot_integrations) == sorted(attribot_integrations.__all__)


def test_unknown_names_are_no_attributes() -> None:
    message = "module 'attribot_integrations' has no attribute 'nothing'"
    with pytest.raises(AttributeError, match=message):
        getattr(attribot_integrations, "nothing")  # noqa: B009
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from attribot_integrations import nothing")


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_all_of_a_module_names_what_it_defines(path: Path) -> None:
    tree = tree_of(path)
    listed: list[str] = []
    defined: set[str] = set()
    for_types = [node for node in tree.body if isinstance(node, ast.If)]
    for node in [*tree.body, *(child for block in for_types for child in block.body)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            defined |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined |= {target.id for target in targets if isinstance(target, ast.Name)}
            if "__all__" in ast.unparse(targets[0]):
                assert node.value is not None
                listed = ast.literal_eval(node.value)
    assert set(listed) <= defined
    assert len(listed) == len(set(listed))


# Documentation


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public classes, functions and methods without a docstring."""
    if ast.get_docstring(tree) is None:
        yield "the module"
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield node.name
        for method in node.body if isinstance(node, ast.ClassDef) else []:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            overload = any("overload" in ast.unparse(one) for one in method.decorator_list)
            public = not method.name.startswith("_") and not overload
            if public and ast.get_docstring(method) is None:
                yield f"{node.name}.{method.name}"


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_everything_public_is_documented(path: Path) -> None:
    assert list(undocumented(tree_of(path))) == []


def test_missing_docstrings_are_seen() -> None:
    source = (
        "def f(): pass\nasync def g(): pass\ndef _h(): pass\n"
        'class A:\n    "Doc."\n    def m(self): pass\n    def _n(self): pass\nclass _B: pass'
    )
    assert list(undocumented(ast.parse(source))) == ["the module", "f", "g", "A.m"]


def test_the_tree_of_errors_is_complete() -> None:
    shown = {
        line.split("── ")[-1].split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if line.endswith(")") or "Error " in line or line.endswith("Error")
    }
    found = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert shown == found
    for name in found:
        assert issubclass(getattr(errors, name), AttribotError)


def test_missing_extras_name_the_command() -> None:
    error = MissingExtraError("The adapter", "langchain")
    assert str(error) == (
        "The adapter needs packages that are not installed: "
        'pip install "attribot-integrations[langchain]"'
    )
    assert isinstance(error, ImportError)


# Importing


HEAVY = {"torch", "transformers", "accelerate", "langchain_core", "llama_index"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = fresh_modules("import attribot_integrations")
    assert "attribot_integrations" in loaded
    assert not loaded & {*HEAVY, "numpy", "rich"}


def test_most_wings_load_no_model_library() -> None:
    light = (
        "context",
        "results",
        "render",
        "tokens",
        "scoring",
        "methods",
        "requests",
        "filtering",
        "traces",
        "service",
    )
    loaded = fresh_modules(
        f"from {PACKAGE} import Attribution, Chunk, EngineOptions, LeaveOneOut\n"
        f"from {PACKAGE} import {', '.join(light)}, answers, batch, cli, demo, evaluation\n"
        f"import {PACKAGE}.filtering.keeping, {PACKAGE}.scoring.protocols\n"
        f"from {PACKAGE}.batch import read_requests\n"
        f"from {PACKAGE}.evaluation import demo_set\n"
        f"from {PACKAGE}.service import RemoteEngine\n"
        f"import {PACKAGE}.service.wire, {PACKAGE}.engine.protocols\n"
        f"from {PACKAGE}.render import html_page, terminal_view\n"
        "context.split_sentences('One. Two.')\n"
    )
    assert {PACKAGE, "sentencex", "numpy", "rich"} <= loaded
    assert not loaded & HEAVY


def test_the_extra_of_a_lazy_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("langchain_core")
    monkeypatch.delitem(sys.modules, f"{PACKAGE}.langchain.agents", raising=False)
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware.types", None)
    with pytest.raises(MissingExtraError, match=r"attribot-integrations\[langchain-agents\]"):
        from attribot_integrations.langchain import CitationMiddleware  # noqa: F401


def test_types_are_shipped() -> None:
    assert files("attribot_integrations").joinpath("py.typed").is_file()
