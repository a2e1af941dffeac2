"""Many questions on one document: what holding its activations saves.

python -m benchmarks held --data DIR --json FILE

Rows of QASPER, papers with several questions each, attributed in turn by one engine that holds
nothing and one that holds contexts. Time is processor time of one thread.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import torch
import typer
from rich.console import Console

from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.screen_rows import request_of
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.methods import AttentionScreen, Knockout, LearnedAttention, Method
from benchmarks.real_text import PLANS, real_engine

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample

__all__ = ["held"]

_SCREENS: Final = Path(__file__).parent / "screens"
_BYTES: Final = 1 << 30
_COLUMNS: Final = (
    Column("questions", "questions", 0),
    Column("tokens", "tokens", 0),
    Column("tokens_held", "held", 0),
    Column("token_ratio", "ratio", 2),
    Column("seconds", "seconds", 1),
    Column("seconds_held", "held", 1),
    Column("second_ratio", "ratio", 2),
    Column("largest_difference", "largest difference, nats", 6),
)


def held(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    set_name: Annotated[str, typer.Option("--set", help="The data set.")] = "qasper",
    least: Annotated[int, typer.Option(help="Least questions on one document.")] = 4,
    documents: Annotated[int, typer.Option(help="Documents.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure what it saves to hold contexts between calls."""
    torch.set_num_threads(1)
    engine = real_engine("smollm2", models)
    screen = AttentionScreen.load(_SCREENS / "smollm2-135m-instruct.safetensors")
    methods: dict[str, Method] = {"instant": LearnedAttention(screen), "knockout": Knockout()}
    groups: dict[tuple[str, ...], list[EvaluationExample]] = defaultdict(list)
    for example in read_set(data / f"{set_name}_dev.jsonl").examples:
        groups[tuple(chunk.text for chunk in example.chunks)].append(example)
    chosen = [each for each in groups.values() if len(each) >= least][:documents]
    figures = {
        name: _figures(engine, [each for group in chosen for each in group], method)
        for name, method in methods.items()
    }
    console = Console(width=130)
    title = f"{len(chosen)} documents of {set_name}"
    console.print(figure_table(title, "method", _COLUMNS, figures))
    if json_file is not None:
        results = {
            "schema": 1,
            "target": PLANS["smollm2"].target,
            "data": set_name,
            "documents": len(chosen),
            "environment": environment(engine),
            "held": figures,
        }
        write_results(results, json_file)


def _figures(
    engine: AttributionEngine, examples: list[EvaluationExample], method: Method
) -> dict[str, Any]:
    """Attribute all examples in turn, without and with holding contexts."""
    _run(engine, examples[:1], method, 0)  # verified at this length, which is part of neither way
    tokens, seconds, scores = _run(engine, examples, method, 0)
    held_tokens, held_seconds, held_scores = _run(engine, examples, method, _BYTES)
    apart = [
        float(np.abs(one - other).max()) for one, other in zip(scores, held_scores, strict=True)
    ]
    return {
        "questions": len(examples),
        "tokens": tokens,
        "tokens_held": held_tokens,
        "token_ratio": tokens / held_tokens,
        "seconds": seconds,
        "seconds_held": held_seconds,
        "second_ratio": seconds / held_seconds,
        "largest_difference": max(apart),
    }


def _run(
    engine: AttributionEngine, examples: list[EvaluationExample], method: Method, most_bytes: int
) -> tuple[int, float, list[Any]]:
    tokens, scores = 0, []
    options = replace(engine.options, method=method, alternatives=None)
    engine.hold_contexts(most_bytes)
    started = time.process_time()
    for example in examples:
        result = engine.attribute_request(
            request_of(example), options=replace(options, splitter=example.splitter)
        )
        tokens += result.cost.tokens
        scores.append(result.statement_scores)
    return tokens, time.process_time() - started, scores
