"""Figures of a suite on a terminal: a table for each data set, and one over all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.render.text import one_line

__all__ = ["SUITE_LEGEND", "suite_failures", "suite_tables"]

_COLUMNS = (
    Column("gold_map", "gold mAP", 2, with_interval=True),
    Column("evidence_map", "both mAP", 2),
    Column("sentence_precision", "P", 2),
    Column("sentence_recall", "R", 2),
    Column("sentence_f1", "F1", 2, with_interval=True),
    Column("chunk_map", "chunk mAP", 2),
    Column("chunk_f1", "chunk F1", 2),
    Column("supported_right", "supported", 2),
    Column("unsupported_right", "unsupported", 2),
    Column("auroc", "AUROC", 2),
    Column("calibration_error", "ECE", 2),
    Column("map", "mAP", 2),
    Column("top1", "top-1", 2),
    Column("pearson", "Pearson", 2),
    Column("lds", "LDS", 2),
    Column("drop_1", "drop@1", 1),
    Column("keep_1", "keep@1", 2),
    Column("keep_3", "keep@3", 2),
    Column("tokens_vs_naive", "tokens", 3),
)

SUITE_LEGEND = (
    "Gold mAP, P, R, F1: marked sentences, ranked and cited; both mAP: ranked by scores and "
    "verifier together. Supported: share of supported "
    "statements labelled so; unsupported: share of the others not labelled so; AUROC, ECE: of the "
    "probability of support. mAP, top-1, Pearson: against exact leave-one-out. LDS: predicting "
    "random ablations; drop@k: nats lost without the k best; keep@k: share of the context's gain "
    "that the k best keep. Tokens: naive leave-one-out is 1. [] is 95 %."
)


def suite_failures(results: Mapping[str, Any]) -> list[str]:
    """Return a line for each method and set of which some answers could not be attributed.

    Args:
        results: See `suite.Suite.judge`.
    """
    return [
        one_line(
            f"{name}, {method}: {len(failed)} answers could not be attributed; "
            f"the first: {failed[0]}"
        )
        for name, part in results["sets"].items()
        for method, failed in part["failed"].items()
        if failed
    ]


def suite_tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield a table for each set and one for all of them.

    Args:
        results: See `suite.Suite.judge`.
    """
    for name, figures in [*results["sets"].items(), ("all sets", results["all"])]:
        rows = figures["methods"] | figures["scorers"]
        shown = [
            column
            for column in _COLUMNS
            if any(each.get(column.figure) is not None for each in rows.values())
        ]
        if shown:
            yield figure_table(name, "method", shown, rows)
