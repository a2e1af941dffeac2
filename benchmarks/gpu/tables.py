"""A GPU day's figures as Markdown, for the documentation and the README."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

__all__ = ["bar_cells", "day_markdown", "summary_markdown"]

Figures = Mapping[str, Any]

_COLUMNS: Mapping[str, Callable[[Figures], str]] = {
    "seconds": lambda row: _seconds(row),
    "x naive": lambda row: _number(row["speedup_naive"], ",.1f"),
    "x cached": lambda row: _number(row["speedup_cached"], ",.1f"),
    "x generating": lambda row: _number(row["speedup_generate"], ",.1f"),
    "of the ceilings": lambda row: _number(row["ceiling_share"], ".0%"),
    "GiB above the weights": lambda row: _number(
        None
        if row["peak_bytes_above_weights"] is None
        else row["peak_bytes_above_weights"] / 2**30,
        ".2f",
    ),
}
_SUMMARY = ("1B", "8B", "32B")


def day_markdown(report: Figures) -> str:
    """Return all tables of a day's file, and what they were measured on.

    Raises:
        ValueError: If it is a rehearsal.
    """
    _check(report)
    lines = [_measured_on(report), *_bars(report)]
    rows = [row for table in report["tables"].values() for row in table if _has_figures(row)]
    rows.sort(key=lambda row: (row["parameters"], row["shape"], row["prompt_tokens"]))
    for _, group in groupby(rows, lambda row: (row["shape"], row["context"])):
        lines += _rows(list(group))
    if any(row["extrapolated_from"] for row in rows):
        lines.append("\\* extrapolated from some of the ablations.")
    return "\n".join([*lines, ""])


def summary_markdown(report: Figures) -> str:
    """Return one table of the most important rows, the bars, and what they were measured on.

    Raises:
        ValueError: If it is a rehearsal.
    """
    _check(report)
    found = {name: _by_way(report["tables"].get(name, ())) for name in _SUMMARY}
    found = {name: rows for name, rows in found.items() if rows}
    ways = dict.fromkeys(way for rows in found.values() for way in rows)
    body = []
    for way in ways:
        cells = [f"`{way.removeprefix('preset ')}`" if way.startswith("preset ") else way]
        for rows in found.values():
            row = rows.get(way)
            cells += ["", ""] if row is None else [_seconds(row), _times(row)]
        body.append(cells)
    head = ["way", *(cell for name in found for cell in (name, "x"))]
    lines = [_measured_on(report)]
    if body:
        first = next(iter(next(iter(found.values())).values()))
        lines += [
            "",
            f"Seconds for one answer over {first['sources']} sentences ({first['prompt_tokens']:,} "
            "tokens of prompt), and how many times faster than the naive loop; * extrapolated from "
            "some of the ablations.",
            *_lines(head, body),
        ]
    return "\n".join([*lines, *_bars(report), ""])


def bar_cells(bar: Figures) -> tuple[str, str, str]:
    """Return a bar's name, what is wanted and what was found."""
    sign = "≤" if bar["at_most"] else "≥"
    found = "-" if bar["found"] is None else _figure(bar["found"], bar["unit"])
    return bar["name"], f"{sign} {_figure(bar['wanted'], bar['unit'])}", found


def _check(report: Figures) -> None:
    if report["tiny"]:
        raise ValueError("figures of a rehearsal with tiny shapes are not to be shown")


def _by_way(rows: Sequence[Figures]) -> dict[str, Figures]:
    return {row["way"]: row for row in rows if _has_figures(row)}


def _has_figures(row: Figures) -> bool:
    return row["seconds"] is not None


def _bars(report: Figures) -> list[str]:
    judged = [bar for bar in report["bars"] if bar["state"] != "unmeasured"]
    body = [[*bar_cells(bar), bar["state"]] for bar in judged]
    return list(_lines(["bar", "wanted", "measured", ""], body)) if body else []


def _rows(rows: Sequence[Figures]) -> Iterator[str]:
    first = rows[0]
    yield ""
    yield (
        f"`{first['shape']}` ({first['parameters'] / 1e9:.2f} billion parameters), "
        f"`{first['context']}`: {first['sources']} sources, {first['prompt_tokens']:,} tokens of "
        f"prompt and {first['answer_tokens']} of answer."
    )
    cells = {name: [cell(row) for row in rows] for name, cell in _COLUMNS.items()}
    cells = {name: column for name, column in cells.items() if set(column) != {"-"}}
    body = [[row["way"], *values] for row, *values in zip(rows, *cells.values(), strict=True)]
    yield from _lines(["way", *cells], body)


def _lines(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines; all columns but the first hold numbers."""
    yield ""
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *body):
        yield f"| {' | '.join(row)} |"
    yield ""


def _measured_on(report: Figures) -> str:
    environment, ceilings = report["environment"], report["ceilings"]
    versions = (f"{name} {version}" for name, version in environment["versions"].items() if version)
    return (
        f"Measured on {report['date']} on one {environment['device']}: Python "
        f"{environment['python']}, CUDA {environment['cuda']}, {', '.join(versions)}; "
        f"{ceilings['dtype']}, random weights. Ceilings in the same run: "
        f"{ceilings['operations_per_second'] / 1e12:,.0f} TFLOP/s, "
        f"{ceilings['bytes_per_second'] / 1e12:,.2f} TB/s."
    )


def _seconds(row: Figures) -> str:
    digits = 4 if row["seconds"] < 0.1 else 2
    return f"{row['seconds']:.{digits}f}{'*' if row['extrapolated_from'] else ''}"


def _times(row: Figures) -> str:
    return _number(row["speedup_naive"], ",.1f")


def _figure(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.0%}"
    return f"{value:,.1f} x" if unit == "times" else f"{value:,.1f} {unit}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
