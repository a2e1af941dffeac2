"""What the wheel and the source distribution hold."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from attribot_integrations import __version__
from tests.packaging.conftest import ROOT, Built
from tests.packaging.environments import metadata_of

PACKAGE = "attribot_integrations"
INFO = f"{PACKAGE}-{__version__}.dist-info"
MEBIBYTE = 1 << 20


def files_of_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def files_of_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        names = [PurePosixPath(each.name) for each in archive if each.isfile()]
    return {str(name.relative_to(name.parts[0])) for name in names}


def files_of_package() -> set[str]:
    paths = [path.relative_to(ROOT) for path in (ROOT / PACKAGE).rglob("*") if path.is_file()]
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def test_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    metadata = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    expected = files_of_package() | {f"{INFO}/{name}" for name in metadata}
    assert files_of_wheel(built.wheel) == expected


def test_package_holds_code_models_templates_and_types_only(built: Built) -> None:
    model = {".jinja", ".json", ".safetensors"}
    expected = {
        "": {".typed"},
        "auditing/templates": {".css", ".html"},
        "demo/documents": {".txt"},
        "engine/models/proxy": model,
        "engine/models/target": model,
        "methods/bundled_screens": {".safetensors"},
        "render/front_ends/static": {".js", ".json", ".ts"},
        "render/templates": {".css", ".html", ".js"},
    }
    found: dict[str, set[str]] = {}
    for name in files_of_wheel(built.wheel):
        folder, _, file = name.removeprefix(f"{PACKAGE}/").rpartition("/")
        if not name.startswith(INFO) and not name.endswith(".py"):
            found.setdefault(folder, set()).add(PurePosixPath(file).suffix)
    assert found == expected


def test_wheel_built_from_the_sdist_is_the_same(built: Built) -> None:
    assert built.rebuilt.name == built.wheel.name
    assert built.rebuilt.read_bytes() == built.wheel.read_bytes()


def test_sdist_holds_what_developing_needs(built: Built) -> None:
    files = files_of_sdist(built.sdist)
    assert files_of_package() < files
    assert {"LICENSE", "Makefile", "README.md", "constraints.txt", "pyproject.toml"} < files
    assert {name.partition("/")[0] for name in files if "/" in name} == {
        ".github",
        PACKAGE,
        "benchmarks",
        "docker",
        "docs",
        "notebooks",
        "tests",
        "training",
    }
    assert not [name for name in files if name.endswith((".pyc", ".log", ".whl", ".egg-info"))]


def test_sizes_stay_small(built: Built) -> None:
    # The bundled models are 3.4 MiB of it; the pictures of the documentation are 1.1 of the sdist.
    assert built.wheel.stat().st_size < 4 * MEBIBYTE
    assert built.sdist.stat().st_size < 7 * MEBIBYTE


def test_metadata(built: Built) -> None:
    metadata = metadata_of(built.wheel)
    assert metadata["Name"] == "attribot-integrations"
    assert metadata["Version"] == __version__
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["License-Expression"] == "Apache-2.0"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert str(metadata.get_payload()).strip() == readme.strip()
    oldest = metadata["Requires-Python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {oldest}" in metadata.get_all("Classifier", [])
