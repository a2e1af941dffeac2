"""The distributions, built once, and environments to install them in."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.environments import Environment, make_environment

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """What would be published."""

    wheel: Path
    sdist: Path
    rebuilt: Path
    """The wheel that is built from the sdist."""


def build(project: Path, folder: Path, *targets: str) -> None:
    chosen = [argument for target in targets for argument in ("--target", target)]
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *chosen]
    subprocess.run(command, cwd=project, check=True, capture_output=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "sdist", "wheel")
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    build(folder / sdist.name.removesuffix(".tar.gz"), folder / "again", "wheel")
    (rebuilt,) = (folder / "again").glob("*.whl")
    return Built(wheel, sdist, rebuilt)


@pytest.fixture(scope="session")
def plain(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The package without any extra."""
    return make_environment(tmp_path_factory.mktemp("plain"), built.wheel)


@pytest.fixture(scope="session")
def light(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What a web process has whose models run elsewhere: LangChain, no torch."""
    return make_environment(tmp_path_factory.mktemp("light"), built.wheel, ["langchain", "server"])


@pytest.fixture(scope="session")
def with_model(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The package as `make demo` has it."""
    return make_environment(tmp_path_factory.mktemp("model"), built.wheel, ["langchain", "local"])
