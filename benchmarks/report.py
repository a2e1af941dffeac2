"""Shows rows as tables, and writes them as JSON with what they were measured on."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.ceilings import Ceilings
from benchmarks.rows import Row

__all__ = ["environment", "show", "write_json"]

_PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy", "context-cite")


def environment(device: torch.device) -> dict[str, Any]:
    """Describe what figures are measured on, naming no machine."""
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else _processor(),
        "device_memory_bytes": (
            torch.cuda.get_device_properties(device).total_memory if cuda else None
        ),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "cuda": torch.version.cuda if cuda else None,
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def show(console: Console, rows: Sequence[Row], ceilings: Ceilings) -> None:
    """Print one table for each model and context, and the ceilings."""
    for _, group in groupby(rows, lambda row: (row.shape, row.context)):
        table = list(group)
        console.print(_table(table))
        for row in table:
            if row.reason is not None:
                console.print(f"{row.way}: {row.reason}", highlight=False)
    console.print(
        f"Ceilings: {ceilings.operations_per_second / 1e12:.3g} TFLOP/s ({ceilings.dtype}), "
        f"{ceilings.bytes_per_second / 1e9:.3g} GB/s"
    )


def write_json(
    path: Path, rows: Sequence[Row], ceilings: Ceilings, described: Mapping[str, Any]
) -> None:
    """Write everything to a file."""
    report = {
        "environment": dict(described),
        "ceilings": asdict(ceilings),
        "rows": [row.to_dict() for row in rows],
    }
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


_COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "seconds": lambda row: _number(row.seconds, ".4f") + ("*" if row.extrapolated_from else ""),
    "x naive": lambda row: _number(row.speedup_naive, ".1f"),
    "x cached": lambda row: _number(row.speedup_cached, ".2f"),
    "x gen.": lambda row: _number(row.speedup_generate, ".2f"),
    "tokens": lambda row: _number(row.tokens_run, ",d"),
    "passes": lambda row: _number(row.passes, ",d"),
    "GFLOP": lambda row: _number(row.operations and row.operations / 1e9, ",.1f"),
    "floor s": lambda row: _number(row.floor_seconds, ".4f"),
    "share": lambda row: _number(row.ceiling_share, ".0%"),
    "peak MiB": lambda row: _number(
        None if row.peak_bytes_above_weights is None else row.peak_bytes_above_weights / 2**20,
        ",.0f",
    ),
    "error nats": lambda row: _number(row.largest_difference, ".0e"),
    "exact": lambda row: _number(row.exact_sources, "d"),
}


def _table(rows: Sequence[Row]) -> Table:
    first = rows[0]
    title = (
        f"{first.shape} ({first.parameters / 1e6:,.1f} M), {first.context}: {first.sources} "
        f"sources, {first.prompt_tokens:,} + {first.answer_tokens} tokens"
    )
    caption = "* extrapolated from some of the ablations" if _extrapolated(rows) else None
    table = Table(title=title, caption=caption)
    table.add_column("way", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        if row.reason is None:
            table.add_row(row.way, *(cell(row) for cell in _COLUMNS.values()))
    return table


def _extrapolated(rows: Sequence[Row]) -> bool:
    return any(row.extrapolated_from for row in rows)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
