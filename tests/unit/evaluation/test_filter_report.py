"""The table of filters, from results made by hand."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from attribot_integrations.evaluation.filter_report import FILTER_LEGEND, filter_table

FIGURES = {
    "recall": 0.98765,
    "recall_ci": [0.9, 1.0],
    "all_facts": 0.5,
    "dropped": 0.25,
    "dropped_ci": [0.125, 0.375],
    "exact_answer": None,
    "exact_answer_ci": None,
    "saved": 0.333,
    "tokens_vs_pass": 1.234,
    "cost_vs_pass": 0.0,
    "seconds_vs_pass": None,
}


def shown(filters: dict[str, Any], **settings: Any) -> list[str]:
    context = {"data": "4-6 chunks", "n": 300, "filters": filters}
    console = Console(width=160)
    with console.capture() as capture:
        console.print(filter_table(context, {"target": "T", "proxy": None, **settings}))
    return [line.rstrip() for line in capture.get().splitlines() if line.strip()]


def test_a_row_for_each_filter_with_the_intervals_that_are_worth_it() -> None:
    lines = shown({"draft": FIGURES, "none": {**FIGURES, "recall": 1.0, "recall_ci": [1.0, 1.0]}})
    assert lines[0].startswith("4-6 chunks: 300 questions, T")
    assert "proxy" not in lines[0]
    draft = next(line for line in lines if line.split()[0] == "draft")
    assert "0.988 [0.900 1.000]" in draft
    assert "0.250 [0.125 0.375]" in draft
    assert draft.split()[4:] == [
        "0.500",
        "0.250",
        "[0.125",
        "0.375]",
        "-",
        "0.33",
        "1.23",
        "0.00",
        "-",
    ]
    assert "1.000 [1.000 1.000]" in next(line for line in lines if line.split()[0] == "none")


def test_the_proxy_is_named_and_names_cannot_steer_the_terminal() -> None:
    lines = shown({"[bold]x[/bold]": FIGURES}, proxy="P\x1b[31m")
    assert ", proxy P" in lines[0]
    assert "\x1b" not in "".join(lines)
    assert any(line.split()[0] == "[bold]x[/bold]" for line in lines)


def test_the_legend_explains_every_column() -> None:
    headings = shown({})[1].split("  ")
    words = [heading.strip().lower() for heading in headings if heading.strip()]
    assert {"recall", "all facts", "dropped", "exact answer", "saved"} <= set(words)
    assert all(word in FILTER_LEGEND.lower() for word in words if word != "filter")
