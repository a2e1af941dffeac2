"""Tables in Markdown, and how figures are written in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Figures", "capital", "cell", "lines", "measured_on", "number", "short", "table"]

Figures = Mapping[str, Any]

_WITH_INTERVAL = {
    "map",
    "top1",
    "recall",
    "exchanged",
    "added",
    "dropped",
    "alarms",
    "exact_answer",
    "gold_map",
}


def table(
    first: str, rows: Mapping[str, Figures], columns: Mapping[str, tuple[str, int]]
) -> Iterator[str]:
    """Yield a table of figures, a row for each name.

    Args:
        first: Heading of the names.
        rows: Figures by name.
        columns: Key and decimals of each column, by heading.
    """
    body = [
        [f"`{name}`", *(cell(figures, *column) for column in columns.values())]
        for name, figures in rows.items()
    ]
    yield from lines([first, *columns], body)


def lines(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines; all columns but the first hold numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    yield ""
    for row in (head, rule, *body):
        yield f"| {' | '.join(row)} |"
    yield ""


def cell(figures: Figures, key: str, decimals: int) -> str:
    """Write a figure, with its interval where there is one."""
    value = figures.get(key)
    text = number(value, f".{decimals}f")
    if value is None or key not in _WITH_INTERVAL or f"{key}_ci" not in figures:
        return text
    low, high = figures[f"{key}_ci"]
    return f"{text} ({low:.{decimals}f} to {high:.{decimals}f})"


def number(value: float | None, form: str) -> str:
    """Write a number; "-" where there is none."""
    return "-" if value is None else format(value, form)


def capital(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def short(name: str) -> str:
    """Return a data set's name without the endings of its file."""
    return name.removesuffix(".jsonl").removesuffix("_dev")


def measured_on(results: Figures) -> str:
    """Say what figures were measured on."""
    environment: Figures = results["environment"]
    packages: Mapping[str, str | None] = environment.get("packages") or environment["versions"]
    threads = environment["threads"]
    parts = [
        f"{environment['device']}, {threads} thread{'' if threads == 1 else 's'}",
        f"Python {environment['python']}",
        *(f"{name} {version}" for name, version in packages.items() if version),
    ]
    return f"Measured on: {', '.join(parts)}."
