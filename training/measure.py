"""Measure the demo models: `python -m training.measure`.

Figures are over examples of seeds that neither training nor any choice has used.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from attribot_integrations.demo.corpus import KINDS, REPORT_SEEDS, Kind, demo_examples
from attribot_integrations.engine.bundled import BUNDLED_MODELS, bundled_model_path
from training.asking import (
    CHUNK_RANGES,
    Asked,
    Proportion,
    answered_right,
    each_question,
    top_source_is_gold,
)
from training.trainer import load_model

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

_SHORT, _LONG = CHUNK_RANGES[1], CHUNK_RANGES[3]
_TABLE_WIDTH: Final = 180
_LOO_KINDS: Final[tuple[Kind, ...]] = ("single", "two_hop", "double")


@dataclass(frozen=True)
class Row:
    """One measured figure."""

    model: str
    """The model's name."""
    measure: str
    """What was measured."""
    kind: Kind
    """The kind of question."""
    chunks: tuple[int, int] | None
    """The least and greatest number of chunks; None without context."""
    share: Proportion
    """The figure."""


def main(arguments: list[str] | None = None) -> None:
    """Measure both bundled models, or those of another folder, and print tables."""
    parser = argparse.ArgumentParser(description="Measure the demo models on held-out examples.")
    parser.add_argument(
        "--count", type=int, default=300, help="questions of each kind and context size to answer"
    )
    parser.add_argument(
        "--loo-count", type=int, default=0, help="likewise, to score by exact leave-one-out"
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", type=int, default=REPORT_SEEDS.start)
    parser.add_argument(
        "--models", type=Path, help="folder with the models' folders instead of the bundled ones"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows: list[Row] = []
    for name in BUNDLED_MODELS:
        folder = options.models / name if options.models else bundled_model_path(name)
        model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
        for kind in options.kinds:
            if options.count:
                rows += measure_answers(name, model, tokenizer, kind, options.count, options.seed)
            if options.loo_count and name == "target" and kind in _LOO_KINDS:
                rows += measure_loo(name, model, tokenizer, kind, options.loo_count, options.seed)
    console = Console()
    console.width = max(console.width, _TABLE_WIDTH)  # a folded table can't be read
    for table in (answers_table(rows), bars_table(rows)):
        console.print(table)
    if options.json:
        options.json.write_text(json.dumps([_as_json(row) for row in rows], indent=1) + "\n")


def measure_answers(
    name: str,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    kind: Kind,
    count: int,
    seed: int,
) -> list[Row]:
    """Measure exact answers in each context size, one question for each context."""
    rows = []
    for chunks in CHUNK_RANGES:
        asked = each_question(demo_examples(count, seed, chunks=chunks, kinds=(kind,)))
        right = answered_right(model, tokenizer, asked)
        rows.append(Row(name, "exact answer", kind, chunks, Proportion.of(right)))
    if kind != "absent":
        blind = each_question(demo_examples(count, seed, kinds=(kind,)), context=False)
        right = answered_right(model, tokenizer, blind)
        rows.append(Row(name, "exact answer", kind, None, Proportion.of(right)))
    return rows


def measure_loo(
    name: str,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    kind: Kind,
    count: int,
    seed: int,
) -> list[Row]:
    """Measure how often the sentence of highest exact LOO score is gold, over right answers."""
    from attribot_integrations import AttributionEngine

    engine = AttributionEngine.from_model(model, tokenizer)
    rows = []
    for chunks in (_SHORT, _LONG):
        asked = each_question(demo_examples(count, seed, chunks=chunks, kinds=(kind,)))
        right = _only_right(model, tokenizer, asked)
        found = Proportion.of([top_source_is_gold(engine, item) for item in right])
        rows.append(Row(name, "top LOO is gold", kind, chunks, found))
    return rows


def _only_right(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, asked: list[Asked]
) -> list[Asked]:
    right = answered_right(model, tokenizer, asked)
    return [item for item, is_right in zip(asked, right, strict=True) if is_right]


def answers_table(rows: list[Row]) -> Table:
    """Return a table with a line for each kind of question and a column for each context size."""
    sizes = (*CHUNK_RANGES, None)
    table = Table(title="Share, 95 % interval, number of questions", box=box.MARKDOWN)
    for heading in ("model", "measure", "kind", *map(_size, sizes)):
        table.add_column(heading, no_wrap=True)
    cells = {(row.model, row.measure, row.kind, row.chunks): str(row.share) for row in rows}
    for head in dict.fromkeys((row.model, row.measure, row.kind) for row in rows):
        table.add_row(*head, *(cells.get((*head, chunks), "") for chunks in sizes))
    return table


def bars_table(rows: list[Row]) -> Table:
    """Return a table of the bars that the bundled pair is held to, and whether it meets them."""
    table = Table(title="Bars, on questions about one fact", box=box.MARKDOWN)
    for heading in ("model", "measure", "context", "bar", "measured", "met"):
        table.add_column(heading, no_wrap=True)
    cells = {
        (row.model, row.measure, row.chunks): row.share for row in rows if row.kind == "single"
    }
    for name, measure, chunks, low, high in _BARS:
        share = cells.get((name, measure, chunks))
        if share is not None:
            bar = f">= {low:.2f}" if low else f"<= {high:.2f}"
            met = "yes" if low <= share.value <= high else "no"
            table.add_row(name, measure, _size(chunks), bar, str(share), met)
    return table


def _size(chunks: tuple[int, int] | None) -> str:
    return f"{chunks[0]}-{chunks[1]} chunks" if chunks else "no context"


_BARS: Final[tuple[tuple[str, str, tuple[int, int] | None, float, float], ...]] = (
    ("target", "exact answer", _SHORT, 0.90, 1.0),
    ("target", "exact answer", _LONG, 0.80, 1.0),
    ("target", "exact answer", None, 0.0, 0.05),
    ("proxy", "exact answer", _SHORT, 0.60, 1.0),
    ("target", "top LOO is gold", _SHORT, 0.98, 1.0),
    ("target", "top LOO is gold", _LONG, 0.98, 1.0),
)


def _as_json(row: Row) -> dict[str, object]:
    return {
        "model": row.model,
        "measure": row.measure,
        "kind": row.kind,
        "chunks": row.chunks,
        "share": row.share.value,
        "interval": row.share.interval,
        "count": row.share.count,
    }


if __name__ == "__main__":
    main()
