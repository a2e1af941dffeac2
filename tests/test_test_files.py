"""Every module has a file of tests that is found by its name."""

from __future__ import annotations

from pathlib import Path

import attribot_integrations

TESTS = Path(__file__).parent
PACKAGE = Path(attribot_integrations.__file__).parent
TRAINING = TESTS.parent / "training"

IN_NO_FILE = ("__init__", "__main__")


def modules() -> list[tuple[str, str]]:
    """The wing and the name of every module; a module that is a wing by itself has none above."""
    found = [
        (path.parent.relative_to(PACKAGE).as_posix().strip("."), path.stem)
        for path in sorted(PACKAGE.rglob("*.py"))
    ]
    if TRAINING.is_dir():
        found += [("training", path.stem) for path in sorted(TRAINING.glob("*.py"))]
    return [(wing, name) for wing, name in found if name not in IN_NO_FILE]


def files(wing: str, name: str) -> list[Path]:
    """Where a module's tests stand: below the folder of its kind, in one named after its wing."""
    return [path for path in TESTS.rglob(f"{wing or 'unit'}/test_{name}.py") if path.stat().st_size]


def test_every_module_has_its_own() -> None:
    assert len(modules()) > 140
    missing = [f"{wing}/test_{name}.py" for wing, name in modules() if not files(wing, name)]
    assert missing == []
