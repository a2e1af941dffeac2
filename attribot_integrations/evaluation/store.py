"""Rows of an evaluation on their way to disk, so that it can go on, and its results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attribot_integrations.errors import ConfigurationError, DataFileError

__all__ = ["RowStore", "fingerprint", "write_results"]

Row = dict[str, Any]

_FILE = "examples.jsonl"


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return a short text that differs where settings differ."""
    canonical = json.dumps(settings, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass
class RowStore:
    """The rows measured so far, in memory and in a folder's `examples.jsonl`.

    The file's first line holds the settings, each further line the row of one example, written as
    soon as it is there. A last line that a killed process left unfinished is dropped.
    """

    settings: Mapping[str, Any]
    """What the rows depend on."""
    folder: Path | None = None
    """Where they are kept, if anywhere."""
    rows: list[Row] = field(default_factory=list)
    """The rows, in the order of the examples."""

    @classmethod
    def open(
        cls, settings: Mapping[str, Any], folder: Path | None = None, *, resume: bool = True
    ) -> RowStore:
        """Start a store, or go on with one.

        Args:
            settings: What the rows depend on.
            folder: Where they are kept; made if it is not there.
            resume: Whether to go on with the rows of the folder; they are deleted otherwise.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If the folder's rows cannot be read.
            OSError: If the folder cannot be written to.
        """
        store = cls(settings, folder)
        if folder is None:
            return store
        folder.mkdir(parents=True, exist_ok=True)
        content = store._path.read_bytes() if resume and store._path.is_file() else b""
        if b"\n" in content:
            store._load(content)
        else:
            store._write({"settings": dict(settings)}, "w")
        return store

    def append(self, row: Row) -> None:
        """Keep the row of the next example."""
        self.rows.append(row)
        if self.folder is not None:
            self._write(row, "a")

    @property
    def _path(self) -> Path:
        return (self.folder or Path()) / _FILE

    def _write(self, record: Mapping[str, Any], mode: str) -> None:
        with self._path.open(mode, encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def _load(self, content: bytes) -> None:
        complete = content[: content.rfind(b"\n") + 1]
        try:
            header, *rows = [json.loads(line) for line in complete.splitlines()]
            before = header.get("settings", {})
        except (ValueError, AttributeError) as error:
            raise DataFileError(f"{self._path} cannot be read: {error}") from error
        changed = _differences(before, json.loads(json.dumps(dict(self.settings))))
        if changed:
            raise ConfigurationError(
                f"{self._path} was made with other settings ({'; '.join(changed)}): choose another "
                "folder, the same settings, or overwrite it"
            )
        if len(complete) < len(content):
            self._path.write_bytes(complete)
        self.rows = rows


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Sequence[str]:
    """Return what differs, as `name: old, now new`."""
    names = sorted({*before, *now})
    return [
        f"{name}: {before.get(name)!r}, now {now.get(name)!r}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def write_results(results: Mapping[str, Any], path: Path) -> None:
    """Write results as JSON; a file that is there is replaced at once or not at all."""
    text = json.dumps(results, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
