"""Documents data by the name that users import, with what is written where it is defined.

Sphinx looks for the words below an assignment only in the module that is named, and a package that
imports a name has no assignment.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import attribot_integrations

__all__ = ["copy_words", "imported_names", "setup"]


def imported_names(package: ModuleType) -> Iterator[tuple[str, str]]:
    """The names that a package imports from its own modules, each with its module."""
    for node in ast.walk(ast.parse(inspect.getsource(package))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package.__name__):
            for alias in node.names:
                yield alias.name, str(node.module)


def copy_words(package: ModuleType) -> None:
    """Let a package have the words on data that its modules define."""
    shown = ModuleAnalyzer.for_module(package.__name__)
    shown.analyze()
    for name, module in imported_names(package):
        words = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name))
        if words:
            shown.attr_docs["", name] = words


def setup(app: Sphinx) -> dict[str, bool]:
    """Do it for every wing."""
    app.connect("builder-inited", _copy_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _copy_all(app: Sphinx) -> None:
    for found in iter_modules(attribot_integrations.__path__, "attribot_integrations."):
        if found.ispkg:
            copy_words(import_module(found.name))
