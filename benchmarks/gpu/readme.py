"""Puts the figures of GPUs into the README: `python -m benchmarks.gpu.readme`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.tables import summary_markdown

__all__ = ["README", "filled", "published_days"]

_ROOT = Path(__file__).parents[2]
README = _ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- GPU speed: [^>]*-->\n).*?(<!-- end of GPU speed -->\n)", re.DOTALL)
_NOTHING = "Nothing has been measured on a GPU yet.\n"


def published_days(folder: Path = _ROOT / "benchmarks" / "results") -> list[Mapping[str, Any]]:
    """Return the content of every published day's file.

    Args:
        folder: Where they are, by names that begin with `gpu`.
    """
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("gpu*.json"))]


def filled(text: str, days: Sequence[Mapping[str, Any]]) -> str:
    """Return a README with the figures between its two marks.

    Args:
        text: The README.
        days: Contents of days' files.

    Raises:
        ValueError: If the marks are not there, or a day was a rehearsal.
    """
    if len(_BLOCK.findall(text)) != 1:
        raise ValueError("the README must have one pair of marks for the speed of GPUs")
    inside = "\n".join(summary_markdown(day) for day in days) or _NOTHING
    return _BLOCK.sub(lambda found: found[1] + inside + found[2], text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8"), published_days()), "utf-8")
