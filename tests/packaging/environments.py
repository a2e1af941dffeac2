"""Virtual environments that hold just what an installation would bring, made without a network.

The packages are those of the running interpreter, linked into the environment one by one: what a
distribution does not ask for is not there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and an empty folder to work in."""

    folder: Path
    work: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user of the environment would, away from any checkout."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        settings = {
            "COLUMNS": "200",
            "HF_HUB_OFFLINE": "1",
            "HOME": str(self.work),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        return subprocess.run(
            command,
            cwd=self.work,
            env=own | settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def output(self, *command: str) -> str:
        """Run a command that succeeds, and return what it prints."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout


def metadata_of(wheel: Path) -> Message:
    """The metadata in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def make_environment(folder: Path, wheel: Path, extras: Collection[str] = ()) -> Environment:
    """Install a wheel with its extras in a new environment."""
    made = Environment(folder / "venv", folder / "work")
    made.work.mkdir(parents=True)
    venv.EnvBuilder(symlinks=True).create(made.folder)
    (site,) = made.folder.glob("lib/python*/site-packages")
    requirements = metadata_of(wheel).get_all("Requires-Dist", [])
    _link(_needed(requirements, extras), site)
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(made.python), *install], check=True
    )
    return made


def _needed(requirements: Iterable[str], extras: Collection[str]) -> list[Distribution]:
    """What pip would install, if it chose the versions that are installed here."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(Requirement(each), frozenset(extras)) for each in requirements]
    while waiting:
        wanted, of = waiting.pop()
        if wanted.marker and not any(wanted.marker.evaluate({"extra": each}) for each in of | {""}):
            continue
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        installed = found.setdefault(key[0], distribution(wanted.name))
        assert wanted.specifier.contains(installed.version, prereleases=True), wanted
        if key not in seen:
            seen.add(key)
            waiting += [(Requirement(each), key[1]) for each in installed.requires or ()]
    return list(found.values())


def _link(distributions: Iterable[Distribution], site: Path) -> None:
    """Link folders that belong to one distribution, and in shared ones what is below."""
    files: dict[Path, Path] = {}
    owners: dict[Path, set[int]] = defaultdict(set)
    for number, each in enumerate(distributions):
        base = Path(str(each.locate_file("")))
        for file in map(Path, each.files or ()):
            if ".." not in file.parts and not file.is_absolute():
                files[file] = base
                for folder in file.parents:
                    owners[folder].add(number)
    links = {
        next((each for each in reversed(file.parents) if len(owners[each]) == 1), file): base
        for file, base in files.items()
    }
    for place, base in links.items():
        if (base / place).exists():
            (site / place).parent.mkdir(parents=True, exist_ok=True)
            (site / place).symlink_to(base / place)
