"""The example programs of the documentation as modules; they are in no package."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.documents.blocks import ROOT

__all__ = ["EXAMPLES", "example"]

EXAMPLES = ROOT / "docs" / "examples"


def example(name: str) -> ModuleType:
    """Load an example anew."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module
