"""The step that runs the tests marked `gpu`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.gpu.day import ROOT
from benchmarks.gpu.record import Record

__all__ = ["run"]

_MARK = "@pytest.mark.gpu"
_ENDED = re.compile(r"(?P<test>tests/\S+\.py::.+) (?P<how>PASSED|FAILED|ERROR|SKIPPED)\b")
_BROKEN = re.compile(r"ERROR (?:collecting )?(?P<test>tests/\S+\.py)\b")


def run(record: Record, step: str, tiny: bool) -> None:
    """Run them and note which passed.

    Args:
        record: The day's file.
        step: The step's name.
        tiny: Whether to collect them only, as a rehearsal without a GPU does.
    """
    # Only files that hold some, since others need libraries that may be missing on a GPU machine.
    files = [str(path.relative_to(ROOT)) for path in marked_files(ROOT / "tests")]
    # Its versions are not those of development, so a warning is no failure there.
    options = ["-m", "gpu", "-W", "default", "-p", "no:cacheprovider", "--color=no", "--no-header"]
    how = ["--collect-only", "-q"] if tiny else ["-v", "--continue-on-collection-errors"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *how, *files],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    _follow(process.stdout or (), record, step)
    if code := process.wait():
        record.error(step, f"pytest ended with status {code}; the log says why")


def marked_files(folder: Path) -> list[Path]:
    """Return the files that hold tests marked `gpu`."""
    files = sorted(folder.rglob("test_*.py"))
    return [path for path in files if _MARK in path.read_text(encoding="utf-8")]


def _follow(lines: Iterable[str], record: Record, step: str) -> None:
    """Print what pytest prints, and note every test as soon as it has ended."""
    found: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": [], "collected": []}
    for line in lines:
        print(line, end="", flush=True)
        if ended := _ENDED.match(line):
            how = ended["how"].lower()
            found["failed" if how == "error" else how].append(ended["test"])
        elif broken := _BROKEN.match(line):
            found["failed"].append(broken["test"])
        elif re.fullmatch(r"tests/\S+\.py::.+", line.strip()):
            found["collected"].append(line.strip())
        else:
            continue
        failed = list(dict.fromkeys(found["failed"]))
        counts = {how: len(tests) for how, tests in found.items() if tests and how != "failed"}
        record.note(step, "running", tests={**counts, "failed": failed})
