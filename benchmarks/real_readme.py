"""Puts the figures of real text into the README: `python -m benchmarks.real_readme`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["README", "filled", "published"]

_ROOT = Path(__file__).parents[1]
README = _ROOT / "README.md"
_BLOCK = re.compile(r"(<!-- real text: [^>]*-->\n).*?(<!-- end of real text -->\n)", re.DOTALL)
_HEAD = (
    "model, data",
    "statements",
    "marked sentences, mAP: leave-one-out",
    "words",
    "both",
    "answer string",
    "embeddings",
    "F1 of citations",
    "supported, labelled so",
    "not supported, not labelled so",
    "tokens",
)
_MODELS = {"SmolLM2": "SmolLM2 135M", "gemma-3": "Gemma 3 270M"}

Figures = Mapping[str, Any]


def published(folder: Path = _ROOT / "benchmarks" / "results") -> list[Figures]:
    """Return the content of every file of figures of real text.

    Args:
        folder: Where they are, by names that begin with `real-`; the larger model comes last.
    """
    paths = sorted(folder.glob("real-*.json"), reverse=True)
    return [json.loads(path.read_text("utf-8")) for path in paths]


def filled(text: str, results: Sequence[Figures]) -> str:
    """Return a README with the table between its two marks.

    Args:
        text: The README.
        results: Contents of files, see `evaluation.suite.Suite.judge`.

    Raises:
        ValueError: If the marks are not there.
    """
    if len(_BLOCK.findall(text)) != 1:
        raise ValueError("the README must have one pair of marks for real text")
    rule = ["---", *["---:"] * (len(_HEAD) - 1)]
    rows = [row for each in results for row in _rows(each)]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in (_HEAD, rule, *rows))
    return _BLOCK.sub(lambda found: found[1] + lines + found[2], text)


def _rows(results: Figures) -> Iterator[list[str]]:
    for name, part in results["sets"].items():
        alone = len(part["methods"]) == 1  # or else searches ran on more than one method's answers
        searched = part["scorers"] if alone else {}
        embedded = searched.get("embeddings (MiniLM)", {})
        for method, figures in part["methods"].items():
            judged = figures["supported_right_n"] + figures["unsupported_right_n"]
            if not judged and not figures.get("gold_map_n"):
                continue
            data = name.removesuffix(".jsonl").removesuffix("_dev")
            yield [
                f"{_model(results)}, {data}, `{method}`",
                str(judged),
                _number(figures, "gold_map"),
                _number(searched.get("words", {}), "gold_map"),
                _number(figures, "evidence_map"),
                _number(searched.get("string", {}), "gold_map"),
                _number(embedded, "gold_map"),
                _number(figures, "sentence_f1"),
                _number(figures, "supported_right"),
                _number(figures, "unsupported_right"),
                _number(figures, "tokens_vs_naive"),
            ]


def _model(results: Figures) -> str:
    first = next(iter(results["settings"]["sets"].values()))
    target = str(next(iter(first.values()))["target"])
    return next((name for key, name in _MODELS.items() if key in target), target)


def _number(figures: Figures, key: str) -> str:
    value = figures.get(key)
    return "-" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8"), published()), "utf-8")
