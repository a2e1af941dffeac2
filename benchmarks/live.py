"""Citations while the answer streams: in time, at no cost to the first token, for little more.

python -m benchmarks live --json FILE                             the bundled pair
python -m benchmarks live --data DIR --model smollm2 --json FILE   a real model on real text

`instant` takes the real model's attention screen of `benchmarks/screens`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final, Literal

import torch
import typer
from langchain_core.language_models import BaseChatModel
from rich.console import Console

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.evaluation.examples import EvaluationExample, demo_set, read_set
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.methods import AttentionScreen, LearnedAttention, Method
from attribot_integrations.methods.presets import named_method
from benchmarks.clock import device_in_use
from benchmarks.live_steps import Steps, keeps_up, measure_steps, share_in_time
from benchmarks.live_streams import Streamed, stream_once, typist, writer
from benchmarks.report import environment

__all__ = ["live"]

_SMOLLM2: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SCREEN: Final = Path(__file__).parent / "screens" / "smollm2-135m-instruct.safetensors"
_SETS: Final = "quotesum_dev.jsonl"
_LEAST: Final = 3
"""Statements of an answer that is streamed."""
_SPEEDS: Final = (10.0, 20.0, 50.0, 100.0)
"""Tokens a second for which the replayed clock is reported."""


def live(
    model: Annotated[str, typer.Option(help="demo, the bundled pair, or smollm2.")] = "demo",
    data: Annotated[Path | None, typer.Option(help="Folder of the data files.")] = None,
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    methods: Annotated[str, typer.Option(help="Methods, with commas between.")] = "",
    answers: Annotated[int, typer.Option(help="Answers that are streamed.")] = 8,
    repeats: Annotated[int, typer.Option(help="How often each is.")] = 3,
    speed: Annotated[float, typer.Option(help="Tokens a second of the generator.")] = 20.0,
    own: Annotated[bool, typer.Option(help="Have the target itself write, too.")] = False,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Stream answers live and not, and measure what that changes."""
    if model not in ("demo", "smollm2") or (model == "smollm2" and data is None):
        raise typer.BadParameter("there are demo, and smollm2 with --data", param_hint="--model")
    torch.set_num_threads(threads)
    gc.freeze()
    engine, examples, usual = _subject(model, data, models, answers)
    console, ways = Console(width=160), {}
    for method in (methods or usual).split(","):
        options = EngineOptions(method=_method(method, model))
        chosen = AttributionEngine(engine.target, engine.proxy, options)
        ways[method] = _measured(chosen, examples, repeats, speed, own)
        console.print(f"{method}: {ways[method]}", highlight=False)
    figures = {
        "model": _SMOLLM2 if model == "smollm2" else "the bundled pair",
        "answers": len(examples),
        "ways": ways,
        "load": os.getloadavg()[0],
        "environment": environment(device_in_use()),
    }
    if json_file is not None:
        write_results(figures, json_file)


def _method(name: str, model: str) -> Method:
    """Return the method of a name, with the model's screen where it has none of its own."""
    found = named_method(name)
    if isinstance(found, LearnedAttention) and model == "smollm2":
        return replace(found, screen=AttentionScreen.load(_SCREEN))
    return found


def _subject(
    model: str, data: Path | None, models: Path, count: int
) -> tuple[AttributionEngine, list[EvaluationExample], str]:
    """Return what is measured: an engine, answers of several statements, and methods.

    Of real answers, those with the shortest contexts are taken.
    """
    if data is None or model == "demo":
        engine, usual = AttributionEngine.demo(proxy=True), "fast,balanced"
        found = [_told_more(each) for each in demo_set(count).examples]
        return engine, found, usual
    engine = AttributionEngine.from_pretrained(models / _SMOLLM2)
    examples = read_set(data / _SETS).examples
    long = [each for each in examples if len(each.statements or ()) >= _LEAST]
    long.sort(key=lambda each: sum(len(chunk.text) for chunk in each.chunks))
    return engine, long[:count], "instant,knockout"


def _told_more(example: EvaluationExample) -> EvaluationExample:
    """Have an answer go on with what the context says, a sentence of each of three chunks."""
    more = [example.splitter(each.text)[0] for each in example.chunks[:3]]
    said = [each.text[low:high] for each, (low, high) in zip(example.chunks, more, strict=False)]
    return replace(example, answer=" ".join([example.answer, *said]))


def _measured(
    engine: AttributionEngine,
    examples: Sequence[EvaluationExample],
    repeats: int,
    speed: float,
    own: bool,
) -> dict[str, Any]:
    measure_steps(engine, examples[0])  # what a first run takes longer is no cost of either way
    steps = [measure_steps(engine, each) for each in examples]
    found = {"steps": _step_figures(steps)}
    found["streamed"] = {"tokens_a_second": speed} | _stream_figures(
        engine, [(each, typist(engine, each.answer, speed)) for each in examples], repeats
    )
    if own:
        found["written_by_the_target"] = _stream_figures(
            engine, [(each, writer(engine, 96)) for each in examples], repeats
        )
    return found


def _step_figures(steps: Sequence[Steps]) -> dict[str, Any]:
    """Return processor seconds, tokens, and shares on a replayed clock."""
    shares = {}
    for speed in _SPEEDS:
        good, every = share_in_time(steps, speed)
        shares[f"{speed:g}"] = good / every if every else None
    spent = sum(one.warm_up + sum(one.statements) for one in steps)
    return {
        "statements": sum(len(one.statements) for one in steps),
        "median_warm_up_seconds": median(one.warm_up for one in steps),
        "median_statement_seconds": median(each for one in steps for each in one.statements),
        "median_afterwards_seconds": median(one.afterwards for one in steps),
        "seconds_to_afterwards": spent / sum(one.afterwards for one in steps),
        "tokens_to_afterwards": sum(one.tokens for one in steps)
        / sum(one.tokens_afterwards for one in steps),
        "largest_difference_nats": max(one.difference for one in steps),
        "share_in_time_by_tokens_a_second": shares,
        "keeps_up_with_tokens_a_second": keeps_up(steps),
    }


def _stream_figures(
    engine: AttributionEngine,
    streams: Sequence[tuple[EvaluationExample, BaseChatModel]],
    repeats: int,
) -> dict[str, Any]:
    """Stream each answer live and not in turn, and return medians of the pairs."""
    pairs: list[tuple[Streamed, Streamed]] = []
    for _ in range(repeats):
        for number, (example, model) in enumerate(streams):
            order: tuple[Literal[0, 1], ...] = (0, 1) if number % 2 else (1, 0)
            both = {way: stream_once(engine, example, model, live=bool(way)) for way in order}
            pairs.append((both[0], both[1]))
    counts = [lively.in_time for _, lively in pairs]
    every = sum(count for _, count in counts)
    firsts = sorted(lively.first - plain.first for plain, lively in pairs)
    return {
        "pairs": len(pairs),
        "share_in_time": sum(good for good, _ in counts) / every if every else None,
        "statements_with_a_next": every,
        "median_lag_seconds": median(lag for _, one in pairs for lag in one.lags[:-1] or one.lags),
        "median_first_token_seconds": median(plain.first for plain, _ in pairs),
        "median_first_token_seconds_live": median(lively.first for _, lively in pairs),
        "first_token_difference_seconds": {
            "median": median(firsts),
            "quartiles": [firsts[len(firsts) // 4], firsts[(3 * len(firsts)) // 4]],
        },
        "median_total_to_not_live": median(lively.total / plain.total for plain, lively in pairs),
        "median_written_to_not_live": median(
            lively.written / plain.written for plain, lively in pairs
        ),
        "median_tokens_a_second": median(one.tokens / one.written for one, _ in pairs),
    }
