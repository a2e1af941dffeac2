"""Wall time and tokens of exact leave-one-out: naive, cached and packed, in one run.

python -m benchmarks                        a table for the bundled target and a 30 M model
python -m benchmarks --json FILE            the same, written as JSON too
python -m benchmarks --threads 2            with two threads
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import accelerate
import torch
import transformers
import typer
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from attribot_integrations import LanguageModel
from attribot_integrations.demo import bundled_model_path, demo_examples
from attribot_integrations.prompts import ContextTemplate
from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.sources import SourceSet, as_chunks

SENTENCES = 40
Result = TypeVar("Result")
PATHS: Mapping[str, PathName] = {"naive": "plain", "cached": "cached", "packed": "packed"}


@dataclass(frozen=True)
class Row:
    """One way to score one example on one model."""

    model: str
    parameters: int
    way: str
    sentences: int
    prompt_tokens: int
    tokens_run: int
    passes: int
    seconds: float
    """Median wall-clock time of the counted runs."""
    speedup: float
    """Naive time over this time, medians of the same run."""
    largest_difference: float
    """Largest difference from naive of a source's score, in nats."""


def random_model(width: int, layers: int) -> LanguageModel:
    """Build a Llama with random weights that uses the bundled tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(bundled_model_path("target"))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        max_position_embeddings=8192,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    if torch.cuda.is_available():
        model = model.to("cuda", torch.bfloat16)
    return LanguageModel.from_model(model.eval(), tokenizer, name=f"random Llama, width {width}")


def example() -> tuple[str, str, SourceSet]:
    """Find a held-out demo example with exactly `SENTENCES` sentences."""
    for candidate in demo_examples(200, chunks=(16, 16)):
        sources = SourceSet.build(as_chunks(candidate.chunk_texts))
        if len(sources.sentences) == SENTENCES:
            question = candidate.questions[0]
            return question.question, question.answer, sources
    raise RuntimeError(f"no demo example has {SENTENCES} sentences")


def measure(model: LanguageModel, runs: int, token_budget: int | None) -> list[Row]:
    """Time every way on one model, in turn, so that a drifting machine hits all alike."""
    question, answer, sources = example()
    prompt = ContextTemplate()(question, sources)
    ablations = [frozenset(source.sentence_ids) for source in sources.sentences]
    seconds: dict[str, list[float]] = {way: [] for way in PATHS}
    scorers: dict[str, Scorer] = {}
    scores: dict[str, torch.Tensor] = {}
    for run in range(runs + 1):
        for way, path in PATHS.items():
            scorer = Scorer(model, prompt, answer, token_budget=token_budget, path=path)
            elapsed, result = timed(partial(scorer.score, ablations))
            if run:  # the first round warms up
                seconds[way].append(elapsed)
            scorers[way] = scorer
            scores[way] = torch.from_numpy(result.drops.sum(axis=1))
    naive = statistics.median(seconds["naive"])
    return [
        Row(
            model=model.name if "width" in model.name else "bundled target",
            parameters=model.parameters,
            way=way,
            sentences=len(ablations),
            prompt_tokens=len(scorers[way].prompt.ids),
            tokens_run=scorers[way].cost.tokens,
            passes=scorers[way].cost.passes,
            seconds=statistics.median(seconds[way]),
            speedup=naive / statistics.median(seconds[way]),
            largest_difference=float((scores[way] - scores["naive"]).abs().max()),
        )
        for way in PATHS
    ]


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Run something and return its wall-clock seconds and result."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started, result


def environment() -> dict[str, object]:
    """Describe what the figures were measured on."""
    cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or "cpu",
        "dtype": "float32 (bundled), bfloat16 (random)" if cuda else "float32",
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "accelerate": accelerate.__version__,
    }


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
    runs: Annotated[int, typer.Option(help="Counted runs; the median is reported.")] = 5,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    token_budget: Annotated[int | None, typer.Option(help="Most tokens in one pass.")] = None,
) -> None:
    """Compare naive, cached and packed exact leave-one-out."""
    if threads is not None:
        torch.set_num_threads(threads)
    bundled = LanguageModel.from_pretrained(bundled_model_path("target"))
    models = [bundled, random_model(width=512, layers=8)]
    rows = [row for model in models for row in measure(model, runs, token_budget)]
    columns = (
        "model",
        "way",
        "sentences",
        "tokens run",
        "passes",
        "seconds",
        "speed-up",
        "error",
    )
    table = Table(*columns, title="Exact leave-one-out")
    for row in rows:
        table.add_row(
            f"{row.model} ({row.parameters / 1e6:.1f} M)",
            row.way,
            str(row.sentences),
            f"{row.tokens_run:,}",
            str(row.passes),
            f"{row.seconds:.3f}",
            f"{row.speedup:.1f}x",
            f"{row.largest_difference:.1e}",
        )
    Console().print(table, environment())
    if json_file is not None:
        report = {"environment": environment(), "rows": [asdict(row) for row in rows]}
        json_file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
