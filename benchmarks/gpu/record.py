"""The file of a GPU day, which holds every figure from the moment there is one."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.gpu.bars import judged
from benchmarks.rows import Row, compared

__all__ = ["Record", "State"]

State = Literal["running", "done", "failed", "stopped", "skipped"]
"""`stopped`: its time was over. `skipped`: what was left was too short to begin."""


class Record:
    """A JSON file that is replaced as a whole at every change, so that it can always be read.

    The day and its steps, which are processes of their own, take turns in writing it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, minutes: float, *, tiny: bool) -> None:
        """Begin an empty file.

        Args:
            minutes: What the day may take.
            tiny: Whether it is a rehearsal, whose figures say nothing.
        """
        date = time.strftime("%Y-%m-%d", time.gmtime())
        self._write({"date": date, "minutes": minutes, "tiny": tiny, "steps": {}, "tables": {}})

    def read(self) -> dict[str, Any]:
        """Return the content."""
        content: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return content

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the content and judge it anew.

        Args:
            change: Changes the content in place.
        """
        content = self.read()
        change(content)
        self._write(content)

    def note(self, step: str, state: State, **figures: Any) -> None:
        """Say how a step stands, beside what is known of it already."""

        def change(content: dict[str, Any]) -> None:
            content["steps"].setdefault(step, {}).update({"state": state, **figures})

        self.change(change)

    def error(self, step: str, error: str) -> None:
        """Add what went wrong in a step."""
        self.change(lambda content: content["steps"][step].setdefault("errors", []).append(error))

    def reach(self, environment: Mapping[str, Any], ceilings: Mapping[str, Any]) -> None:
        """Say what is measured on; of its ceilings, the highest measured ones are kept."""

        def change(content: dict[str, Any]) -> None:
            known = content.get("ceilings", ceilings)
            rates = ("operations_per_second", "bytes_per_second")
            highest = {name: max(known[name], ceilings[name]) for name in rates}
            content["environment"] = dict(environment)
            content["ceilings"] = {**ceilings, **highest}

        self.change(change)

    def add_rows(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows to a table, in the place of earlier ones of the same model, context and way."""

        def change(content: dict[str, Any]) -> None:
            known = [Row(**row) for row in content["tables"].get(table, ())]
            by_key = {(row.shape, row.context, row.way): row for row in (*known, *rows)}
            content["tables"][table] = [row.to_dict() for row in compared([*by_key.values()])]

        self.change(change)

    def _write(self, content: dict[str, Any]) -> None:
        content["bars"] = judged(content)
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        os.replace(beside, self._path)
