"""Every architecture of the installed transformers against forward passes of token ids alone.

python -m tests.parity.sweep --write docs/architectures.md
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.errors import AttribotError
from tests.parity.shrinking import NAMES, build
from tests.unit.tokenizers_for_tests import byte_level_bpe

__all__ = ["GOOD", "Outcome", "examine"]

TOLERANCE = 1e-4
"""Largest error of a source's score, in nats."""
VISIBLE = 1e-2
"""Least largest score of a prompt, in nats, without which an error would not be seen."""

CONTEXTS = (
    (("Veltrano has a harbour.", "It opened in 1962."), ("Ana Ruiz built it.",)),
    (
        ("Veltrano has a harbour.", "It opened in 1962.", "The old bridge is near the market."),
        ("Ana Ruiz is an engineer.", "She built the harbour of Veltrano."),
        ("A river runs through the town.", "Boats carry salt, wool and tin each spring."),
        ("The mayor of the town was a baker once, and his sons are bakers too.",),
    ),
)
QUESTION = "Who built the harbour of Veltrano?"
ANSWER = "Ana Ruiz built it. It opened in 1962."

GOOD = ("equal", "refused", "not built")
"""Results that a sweep may have."""


@dataclass(frozen=True)
class Outcome:
    """What became of one architecture."""

    name: str
    result: str
    """One of `GOOD`, "wrong", "raised", or "unseen": no score large enough to tell."""
    note: str = ""
    """Why it was refused or not built, or what was raised."""
    model: str = ""
    """Its class."""
    path: str = ""
    tokens: tuple[int, ...] = ()
    """Of each prompt with its answer."""
    error: float = 0.0
    """Largest error of a score, in nats."""
    score: float = 0.0
    """Largest score of the prompt where it is smallest, in nats."""


def naive_scores(
    model: Any, tokenizer: Any, chunks: Sequence[Sequence[str]]
) -> tuple[int, np.ndarray[Any, np.dtype[np.float64]]]:
    """Leave-one-out by forward passes of ids alone: tokens of the full text, and nats."""
    answer = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]

    def encode(removed: tuple[int, int] | None) -> list[int]:
        kept = [
            " ".join(text for column, text in enumerate(chunk) if (row, column) != removed)
            for row, chunk in enumerate(chunks)
        ]
        context = "\n\n".join(text for text in kept if text)
        text = DEFAULT_TEMPLATE.format(context=context, question=QUESTION) + "\n\nAnswer:\n"
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def likelihood(removed: tuple[int, int] | None) -> float:
        prompt = encode(removed)
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + answer])).logits[0]
        rows = logits[len(prompt) - 1 : len(prompt) - 1 + len(answer)].float().log_softmax(-1)
        return float(rows.gather(1, torch.tensor(answer)[:, None]).sum())

    full = likelihood(None)
    places = ((row, column) for row, chunk in enumerate(chunks) for column, _ in enumerate(chunk))
    return len(encode(None) + answer), np.array([full - likelihood(place) for place in places])


def examine(name: str) -> Outcome:
    """Build an architecture, and compare the engine's scores with those of passes of ids alone."""
    outcome = Outcome(name, "not built")
    try:
        model = build(name)
    except Exception as error:
        return replace(outcome, note=_in_short(error))
    outcome = replace(outcome, model=type(model).__name__)
    tokenizer = byte_level_bpe()
    try:
        engine = AttributionEngine.from_model(
            model, tokenizer, options=EngineOptions(method="exact")
        )
        for chunks in CONTEXTS:
            texts = [" ".join(chunk) for chunk in chunks]
            found = engine.attribute(QUESTION, texts, ANSWER)
            assert found.exact.all()
            tokens, expected = naive_scores(model, tokenizer, chunks)
            apart = float(np.abs(found.source_scores - expected).max())
            score = float(np.abs(expected).max())
            outcome = replace(
                outcome,
                path=engine.target.way,
                tokens=(*outcome.tokens, tokens),
                error=max(outcome.error, apart if apart == apart else float("inf")),
                score=min(outcome.score or score, score),
            )
    except AttribotError as error:
        return replace(outcome, result="refused", note=_in_short(error))
    except Exception as error:
        return replace(outcome, result="raised", note=_in_short(error))
    if outcome.error > TOLERANCE:
        return replace(outcome, result="wrong")
    return replace(outcome, result="equal" if outcome.score >= VISIBLE else "unseen")


def _in_short(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 240 else text[:239] + "…"


def page(outcomes: Sequence[Outcome]) -> str:
    """Write the results as a page of the documentation."""
    counts = Counter(outcome.result for outcome in outcomes)
    paths = Counter(outcome.path for outcome in outcomes if outcome.result == "equal")
    ways = ", ".join(f"{paths[path]} {path}" for path in ("packed", "cached", "plain"))
    equal = [each for each in outcomes if each.result == "equal"]
    other = [each for each in outcomes if each.result not in ("equal", *GOOD)]
    lines = [
        "# Architectures",
        "",
        "Written by `python -m tests.parity.sweep --write docs/architectures.md`.",
        "",
        f"{date.today().isoformat()}, transformers {transformers.__version__}, torch "
        f"{torch.__version__.partition('+')[0]}, CPU, float32.",
        "",
        f"Each of the {len(outcomes)} architectures that transformers loads as a language model, "
        "multimodal ones for",
        "their text side, is built with small random weights and windows of 16 tokens. Exact "
        "scores of two prompts, both longer",
        "than that, are compared with leave-one-out by forward passes of token ids alone, which "
        "share no code with the engine.",
        "",
        "| | |",
        "| --- | --- |",
        f"| equal within {TOLERANCE:g} nats | {counts['equal']}: {ways} |",
        f"| refused with an error of this package | {counts['refused']} |",
        f"| not built: no tiny config is known | {counts['not built']} |",
        f"| silently wrong | {counts['wrong']} |",
        f"| another exception | {counts['raised']} |",
        f"| scores too small to tell | {counts['unseen']} |",
        "",
        "## Equal",
        "",
        "`path` is how ablations are run, see "
        "[how a model is run](guides/methods_and_models.md#how-a-model-is-run). Error and",
        "score are in nats: the largest error of a score, and the largest score of the prompt "
        "where that is smaller.",
        "",
        "| architecture | model | path | tokens | error | score |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {each.name} | {each.model} | {each.path} | "
            f"{', '.join(map(str, each.tokens))} | {each.error:.0e} | {each.score:.2f} |"
            for each in equal
        ),
    ]
    for title, result in (("Refused", "refused"), ("Not built", "not built")):
        rows = [each for each in outcomes if each.result == result]
        lines += ["", f"## {title}", "", "| architecture | reason |", "| --- | --- |"]
        lines += [f"| {each.name} | {_escaped(each.note)} |" for each in rows]
    if other:
        lines += ["", "## Failed", "", "| architecture | result | |", "| --- | --- | --- |"]
        lines += [
            f"| {each.name} | {each.result} | {_escaped(each.note) or f'{each.error:.2g}'} |"
            for each in other
        ]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return "".join(f"\\{mark}" if mark in "|<>*_[]`{}$\\" else mark for mark in text)


def _quietly(name: str) -> Outcome:
    transformers.logging.set_verbosity(logging.CRITICAL)
    logging.disable(logging.CRITICAL)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        outcome = examine(name)
    gc.collect()
    return outcome


def _examined(names: Iterable[str], processes: int) -> list[Outcome]:
    outcomes = []
    with ProcessPoolExecutor(processes) as pool:
        for outcome in pool.map(_quietly, names):
            sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
            sys.stdout.flush()
            outcomes.append(outcome)
    return outcomes


def main() -> None:
    """Examine all architectures, or those named, and print or write what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="architectures; all by default")
    parser.add_argument("--write", type=Path, help="page to write")
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    outcomes = _examined(arguments.names or NAMES, arguments.processes)
    if arguments.write is not None:
        arguments.write.write_text(page(outcomes), encoding="utf-8")
    failed = [outcome.name for outcome in outcomes if outcome.result not in GOOD]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
