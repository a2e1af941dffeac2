"""Makes types readable whose names are imported for type checkers only, or come from bases."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, get_type_hints

from sphinx.application import Sphinx

import attribot_integrations

__all__ = ["add_type_names", "evaluate_fields", "setup"]

_LEFT_OUT = ("__main__",)


def add_type_names(module: ModuleType) -> None:
    """Run the imports that a module has below `if TYPE_CHECKING`, once all modules are loaded."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__name__, "exec"), vars(module))


def evaluate_fields(module: ModuleType) -> None:
    """Evaluate the types of its classes' fields and arguments.

    Dataclasses and models may have them from bases, and then they are names of another module.
    """
    for one in list(vars(module).values()):
        if not isinstance(one, type) or one.__module__ != module.__name__:
            continue
        is_model = hasattr(one, "model_fields")
        if not (is_model or is_dataclass(one)):
            continue
        hints = get_type_hints(one)
        own = vars(one)
        _evaluate(own.get("__annotations__", {}), hints)
        if is_dataclass(one):
            _evaluate(own["__init__"].__annotations__, hints)
        elif "__init__" in own:
            whole = inspect.signature(own["__init__"], eval_str=True)
            without_self = list(whole.parameters.values())[1:]
            type.__setattr__(one, "__signature__", whole.replace(parameters=without_self))


def _evaluate(annotations: dict[str, Any], hints: dict[str, Any]) -> None:
    annotations.update({name: hints[name] for name in annotations if name in hints})


def setup(app: Sphinx) -> dict[str, bool]:
    """Load the whole package."""
    app.connect("builder-inited", _load)
    app.connect("viewcode-follow-imported", _defined_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _load(app: Sphinx) -> None:
    modules = list(_modules())
    for module in modules:
        add_type_names(module)
    for module in modules:
        evaluate_fields(module)


def _defined_in(app: Sphinx, module: str, attribute: str) -> str:
    """Name the module whose source is shown: never that of another project."""
    value: Any = sys.modules[module]
    for name in attribute.split("."):
        value = getattr(value, name, None)
    found = getattr(value, "__module__", None) or module
    return found if found.startswith(attribot_integrations.__name__) else module


def _modules() -> Iterator[ModuleType]:
    for found in walk_packages(
        attribot_integrations.__path__, f"{attribot_integrations.__name__}."
    ):
        if found.name.rpartition(".")[2] not in _LEFT_OUT:
            yield import_module(found.name)
