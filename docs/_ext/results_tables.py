"""Directives for tables of measured figures, made from the files that hold them.

The files in `benchmarks/results/` are written by `attribot evaluate`, `attribot evaluate-filter`,
`python -m benchmarks` and `python -m benchmarks gpu`. A figure on a page is thus the figure of a
run, with what it ran on. `results-table` shows one file; `gpu-results` shows all of GPUs, or its
own content where there are none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import real_text_tables
import run_tables
from benchmarks.gpu.tables import day_markdown
from figure_layout import Figures, measured_on

__all__ = ["GpuResults", "ResultsTable", "gpu_markdown", "markdown_of", "setup"]

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"

_KINDS: Mapping[str, Callable[[Figures], Iterator[str]]] = {
    "verifiers": real_text_tables.verifiers,
    "policies": real_text_tables.candidates,
    "held_back": real_text_tables.screen,
    "word_relevance": real_text_tables.word_relevance,
    "plan": real_text_tables.audits,
    "sets": real_text_tables.suite,
    "rows": run_tables.speed,
    "contexts": run_tables.filters,
    "methods": run_tables.fidelity,
    "batches": run_tables.service,
    "contest": real_text_tables.contest,
    "held": real_text_tables.held,
    "paces": real_text_tables.paces,
    "relevance": real_text_tables.relevance,
    "forms": real_text_tables.structure,
    "knockouts": real_text_tables.knockouts,
    "ways": run_tables.live,
}
"""What shows a file, by a key that only files of its kind hold, or that those before do not."""


def markdown_of(results: Figures) -> str:
    """Return the Markdown for the content of a results file: tables, and what they ran on.

    Raises:
        ValueError: If the content is of no known kind.
    """
    if "bars" in results:
        return day_markdown(results)
    kind = next((key for key in _KINDS if key in results), None)
    if kind is None:
        known = ", ".join(("bars", *_KINDS))
        raise ValueError(f"results must hold one of {known}; not {sorted(results)}")
    found = [*_KINDS[kind](results)]
    return "\n".join([*found, "", measured_on(results), ""] if "environment" in results else found)


def gpu_markdown(folder: Path) -> str:
    """Return the Markdown for all figures of GPUs in a folder; nothing where there are none.

    Raises:
        ValueError: If a file holds something else.
    """
    paths = sorted(folder.glob("gpu*.json"))
    return "\n".join(markdown_of(json.loads(path.read_text(encoding="utf-8"))) for path in paths)


class ResultsTable(SphinxDirective):
    """Shows a file of `benchmarks/results/`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        path = RESULTS / self.arguments[0]
        self.env.note_dependency(str(path))
        try:
            markdown = markdown_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, KeyError, ValueError) as error:
            raise ExtensionError(f"cannot show {path.name}: {error}") from error
        parsed: list[nodes.Node] = self.parse_text_to_nodes(markdown)
        return parsed


class GpuResults(SphinxDirective):
    """Shows all figures of GPUs, or its content where there are none."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        try:
            markdown = gpu_markdown(RESULTS) or "\n".join(self.content)
        except (OSError, KeyError, ValueError) as error:
            raise ExtensionError(f"cannot show the figures of GPUs: {error}") from error
        for path in RESULTS.glob("gpu*.json"):
            self.env.note_dependency(str(path))
        parsed: list[nodes.Node] = self.parse_text_to_nodes(markdown)
        return parsed


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    app.add_directive("results-table", ResultsTable)
    app.add_directive("gpu-results", GpuResults)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
