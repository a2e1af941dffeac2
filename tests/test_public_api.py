"""What the package shows to the outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import attribot_integrations
from attribot_integrations import errors
from attribot_integrations.errors import AttribotError, MissingExtraError

ROOT = Path(attribot_integrations.__file__).parent
PATHS = sorted(ROOT.rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in PATHS]


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def fresh_modules(code: str) -> set[str]:
    """The top-level modules that are loaded after running code in a new interpreter."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


# Names


def test_all_names_can_be_imported() -> None:
    for name in attribot_integrations.__all__:
        found = getattr(attribot_integrations, name)
        if name != "__version__":
            assert found.__name__ == name
            assert found.__module__.startswith("attribot_integrations.")


def test_all_is_what_the_package_imports_for_type_checkers() -> None:
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree_of(ROOT / "__init__.py"))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("attribot_")
        for alias in node.names
    }
    assert imported | {"__version__"} == set(attribot_integrations.__all__)
    assert dir(attribot_integrations) == sorted(attribot_integrations.__all__)
    assert len(set(attribot_integrations.__all__)) == len(attribot_integrations.__all__)


def test_public_names_are_public_where_they_live() -> None:
    for name in set(attribot_integrations.__all__) - {"__version__"}:
        home = import_module(getattr(attribot_integrations, name).__module__)
        assert name in home.__all__


def test_unknown_names_are_no_attributes() -> None:
    message = "module 'attribot_integrations' has no attribute 'nothing'"
    with pytest.raises(AttributeError, match=message):
        attribot_integrations.nothing  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from attribot_integrations import nothing  # noqa: F401


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_all_of_a_module_names_what_it_defines(path: Path) -> None:
    tree = tree_of(path)
    listed: list[str] = []
    defined: set[str] = set()
    for node in tree.body:
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
    if path != ROOT / "__init__.py":  # lazy; tested above
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


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = fresh_modules("import attribot_integrations")
    assert "attribot_integrations" in loaded
    heavy = {"torch", "transformers", "accelerate", "langchain_core", "llama_index", "numpy"}
    assert not loaded & heavy


def test_text_is_handled_without_a_model_library() -> None:
    loaded = fresh_modules(
        "from attribot_integrations import Attribution, Chunk, EngineOptions, LeaveOneOut\n"
        "import attribot_integrations.context.locating, attribot_integrations.demo\n"
        "import attribot_integrations.batch.datafiles\n"
        "import attribot_integrations.results.serialization\n"
        "import attribot_integrations.render.terminal, attribot_integrations.cli\n"
        "attribot_integrations.context.sources.split_sentences('One. Two.')\n"
    )
    assert {"attribot_integrations", "sentencex", "numpy"} <= loaded
    assert not loaded & {"torch", "transformers", "accelerate", "langchain_core", "llama_index"}


def test_types_are_shipped() -> None:
    assert files("attribot_integrations").joinpath("py.typed").is_file()
