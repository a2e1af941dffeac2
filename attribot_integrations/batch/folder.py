"""The folder of a job: its settings, and the results of its parts, safe from a kill at any moment.

```
out.jsonl.job/
  job.json                     settings; once all is done, how many rows there were
  part-00000007.jsonl          results of a finished part, renamed into place at once
  part-00000008.jsonl.partial  results of a part at work, row by row
```

A row is done once its whole line, with the end of the line, is in the file. A part at work is
locked, so that two jobs never write the same one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from attribot_integrations.batch.inputs import file_identity
from attribot_integrations.errors import ConfigurationError, DataFileError

__all__ = ["Finished", "JobFolder", "OpenPart"]

_SETTINGS = "job.json"
_OWN = (_SETTINGS, f"{_SETTINGS}.new", "output.new", "errors.new")


@dataclass(frozen=True)
class Finished:
    """What a finished job did."""

    rows: int
    """How many rows there were, failed ones included."""
    failed: int
    """How many of them failed."""


@dataclass(frozen=True)
class OpenPart:
    """A part that is being filled."""

    done: int
    """How many of its rows have been there before."""
    stream: IO[bytes]
    """Takes the lines of the others."""


@dataclass(frozen=True)
class JobFolder:
    """The folder of a job beside its output."""

    path: Path

    @classmethod
    def of(cls, output: Path) -> JobFolder:
        """Return the folder of the job that makes a file."""
        return cls(output.with_name(f"{output.name}.job"))

    @property
    def begun(self) -> bool:
        """Whether a job has been begun here."""
        return (self.path / _SETTINGS).is_file()

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Begin a new job, deleting what was done before.

        Raises:
            ConfigurationError: If the folder holds what is of no job.
            OSError: If the folder cannot be written to.
        """
        for file in self.path.glob("*"):
            if file.name not in _OWN and not file.name.startswith("part-"):
                raise ConfigurationError(
                    f"{self.path} holds {file.name}, which is of no job: choose another output"
                )
        # First the settings: without them, the rest belongs to no job.
        (self.path / _SETTINGS).unlink(missing_ok=True)
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self.path.mkdir()
        self._write({"settings": dict(settings)})

    def check(self, settings: Mapping[str, Any]) -> None:
        """Make sure that the job here is the same.

        Raises:
            ConfigurationError: If its settings differ.
            DataFileError: If its settings cannot be read.
        """
        before, now = self._read()["settings"], json.loads(json.dumps(dict(settings)))
        changed = [
            f"{name}: {before.get(name)!r}, now {now.get(name)!r}"
            for name in sorted({*before, *now})
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise ConfigurationError(
                f"{self.path} was made with other settings ({'; '.join(changed)}): choose another "
                "output, the same settings, or overwrite it (--overwrite)"
            )

    @property
    def finished(self) -> Finished | None:
        """What the job did, if its output is there."""
        counts = self._read().get("finished")
        return None if counts is None else Finished(**counts)

    def announce(self, outputs: Mapping[Path, Path]) -> None:
        """Note what files will be put into place, so that they are known as the job's own.

        Args:
            outputs: The files as they are written, by their places; or the files there, where they
                may be replaced.
        """
        known = {place.name: file_identity(file) for place, file in outputs.items()}
        self._write({**self._read(), "outputs": known})

    def owns(self, file: Path) -> bool:
        """Return whether a file is one that has been announced, and still the same."""
        known = self._read().get("outputs", {})
        return file.name in known and known[file.name] == file_identity(file)

    def finish(self, counts: Finished) -> None:
        """Note that the output is there, and delete the parts."""
        self._write({**self._read(), "finished": asdict(counts)})
        self.clear()

    def clear(self) -> None:
        """Delete the parts."""
        for file in list(self.path.glob("part-*")):
            file.unlink(missing_ok=True)

    def part(self, index: int) -> Path:
        """Return the file of a finished part."""
        return self.path / f"part-{index:08}.jsonl"

    @contextmanager
    def fill(self, index: int) -> Iterator[OpenPart | None]:
        """Open a part to write what is missing, and finish it unless an error is raised.

        Yields:
            The part, or `None` if another process has just finished it.

        Raises:
            ConfigurationError: If another process is writing it.
            OSError: If it cannot be written.
        """
        final = self.part(index)
        partial = final.with_name(f"{final.name}.partial")
        with partial.open("a+b") as stream:
            _lock(stream, partial)
            if final.exists():  # finished between the opening and the lock
                partial.unlink(missing_ok=True)
                yield None
                return
            yield OpenPart(_keep_whole_lines(stream), stream)
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(final)

    def _read(self) -> dict[str, Any]:
        path = self.path / _SETTINGS
        try:
            content = json.loads(path.read_bytes())
            if not isinstance(content["settings"], dict):
                raise TypeError("its settings are no object")
        except (ValueError, TypeError, KeyError) as error:
            raise DataFileError(f"{path} cannot be read: {error}") from error
        return dict(content)

    def _write(self, content: Mapping[str, Any]) -> None:
        new = self.path / f"{_SETTINGS}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / _SETTINGS)


def _keep_whole_lines(stream: IO[bytes]) -> int:
    """Cut off what follows the last line that can be read, and return how many lines there are."""
    stream.seek(0)
    good = lines = 0
    for line in stream:
        if not line.endswith(b"\n"):
            break
        try:
            json.loads(line)
        except ValueError:  # a power cut may leave blocks of zeros
            break
        good += len(line)
        lines += 1
    stream.truncate(good)
    return lines


def _lock(stream: IO[bytes], path: Path) -> None:
    """Lock a file until it is closed or its process ends; where the system cannot, do nothing."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"another process is writing {path}: end it or wait for it, then resume"
            ) from error
