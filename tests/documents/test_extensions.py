"""What the documentation's own Sphinx extensions make of their input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

pytest.importorskip("sphinx")  # needs Python 3.11

from sphinx.pycode import ModuleAnalyzer

from attribot_integrations import context
from benchmarks.gpu.record import Record
from command_line import command_lines
from docstring_markup import blocks_of_fences
from public_names import copy_words, imported_names
from repository_links import linked_as_files
from results_tables import RESULTS, gpu_markdown, markdown_of

ENVIRONMENT = {"device": "cpu", "threads": 2, "python": "3.11.0", "packages": {"torch": "2.13"}}


def row(**fields: Any) -> dict[str, Any]:
    return {
        "shape": "demo",
        "parameters": 1_300_000,
        "context": "small",
        "sources": 27,
        "prompt_tokens": 1301,
        "answer_tokens": 20,
        "way": "naive loop",
        "reason": None,
        "seconds": 0.5,
        "extrapolated_from": None,
        "speedup_naive": 1.0,
        "speedup_cached": None,
        "tokens_run": 8721,
        "passes": 28,
        "largest_difference": 2e-7,
        **fields,
    }


def test_table_of_fidelity() -> None:
    results = {
        "settings": {"data": "demo questions"},
        "n": 300,
        "environment": ENVIRONMENT,
        "methods": {
            "exact": {"map": 1.0, "map_ci": [0.991, 1.0], "sentence_f1": 0.955},
            "tfidf": {"map": 0.5, "map_ci": [0.4, 0.6], "sentence_f1": None},
        },
    }
    lines = markdown_of(results).splitlines()
    assert lines[0] == "Demo questions: 300 examples."
    assert lines[2].startswith("| method | mAP of outliers | top-1 |")
    assert lines[3] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert lines[4] == "| `exact` | 1.00 (0.99 to 1.00) | - | - | 0.95 | - | - | - |"
    assert lines[5] == "| `tfidf` | 0.50 (0.40 to 0.60) | - | - | - | - | - | - |"
    assert lines[-1] == "Measured on: cpu, 2 threads, Python 3.11.0, torch 2.13."


def test_tables_of_speed_have_one_for_each_context_and_leave_out_what_did_not_run() -> None:
    results = {
        "environment": {**ENVIRONMENT, "threads": 1},
        "rows": [
            row(),
            row(way="exact", seconds=0.25, speedup_naive=2.0, extrapolated_from="10 of 27"),
            row(way="stream", reason="would take too long", seconds=None),
            row(context="large"),
        ],
    }
    text = markdown_of(results)
    assert text.count("| way | seconds |") == 2
    assert "`demo` (1.3 million parameters), `small`: 27 sources, 1,301 tokens of prompt" in text
    assert "| exact | 0.250* | 2.0 | - | 8,721 | 28 | 2e-07 |" in text
    assert "stream" not in text
    assert text.count("extrapolated") == 1
    assert "1 thread, Python" in text


def test_an_unknown_file_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match="must hold one of bars, verifiers, policies, held_back, word_relevance, plan, sets",
    ):
        markdown_of({"environment": ENVIRONMENT})


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_published_results_are_shown(path: Path) -> None:
    text = markdown_of(json.loads(path.read_text(encoding="utf-8")))
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert sum(table.count("\n") for table in tables) >= 2
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_figures_of_gpus_are_all_shown(tmp_path: Path) -> None:
    assert gpu_markdown(tmp_path) == ""
    (tmp_path / "cpu-quick.json").write_text("{}", encoding="utf-8")
    for name in ("gpu-one", "gpu-two"):
        record = Record(tmp_path / f"{name}.json")
        record.begin(8, tiny=False)
        environment: dict[str, Any] = {
            "device": name,
            "python": "3.12",
            "cuda": "13.0",
            "versions": {},
        }
        rates = {"operations_per_second": 8e14, "bytes_per_second": 3e12, "dtype": "bfloat16"}
        record.reach(environment, rates)
    text = gpu_markdown(tmp_path)
    assert text.index("on one gpu-one:") < text.index("on one gpu-two:")
    assert "|" not in text


def test_command_line_is_described() -> None:
    program = typer.Typer()

    @program.command()
    def first(
        name: Annotated[str, typer.Argument(help="Who.")],
        loud: Annotated[bool, typer.Option("--loud/--quiet", help="Not *so*.")] = False,
    ) -> None:
        """Greet somebody.

        And no more, with --loud or `x --loud`.
        """

    @program.command()
    def second() -> None:
        """Do nothing."""

    text = "\n".join(command_lines("hello", program))
    assert (
        "## `hello first`\n\nGreet somebody.\n\nAnd no more, with `--loud` or `x --loud`.\n" in text
    )
    assert "    hello first [OPTIONS] {name}" in text
    assert "`--loud / --quiet`\n: Not \\*so\\*." in text
    assert "## `hello second`" in text


def test_fences_in_docstrings_become_blocks() -> None:
    lines = [
        "Text.",
        "```python",
        "x = 1",
        "",
        "if x:",
        "```",
        "End.",
        "    ```",
        "    y",
        "    ```",
    ]
    assert blocks_of_fences(lines) == [
        "Text.",
        "",
        ".. code-block:: python",
        "",
        "    x = 1",
        "",
        "    if x:",
        "",
        "End.",
        "",
        "    .. code-block:: text",
        "",
        "        y",
        "",
    ]


def test_links_out_of_the_documentation_are_files(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "guides").mkdir(parents=True)
    (tmp_path / "NOTES.md").touch()
    (docs / "page.md").touch()
    text = "[a](../../NOTES.md#top) [b](../page.md#x) [c](../../missing.md) [d](https://a.b/c.md)"
    assert linked_as_files(text, docs / "guides", docs) == (
        "[a](path:../../NOTES.md) [b](../page.md#x) [c](../../missing.md) [d](https://a.b/c.md)"
    )


def test_data_of_a_module_has_its_words_in_the_package_that_shows_it() -> None:
    assert dict(imported_names(context))["Span"] == "attribot_integrations.context.sources"
    copy_words(context)
    shown = ModuleAnalyzer.for_module("attribot_integrations.context").find_attr_docs()
    assert shown["", "Level"][0].startswith("What a source is")
    assert ("", "Chunk") not in shown  # a class has its own


def test_tables_of_a_suite_and_of_candidates() -> None:
    method = {
        "gold_map": 0.9,
        "gold_map_ci": [0.8, 1.0],
        "gold_map_n": 12,
        "sentence_f1": 0.75,
        "tokens_vs_naive": 0.25,
        "supported_right": 0.95,
        "supported_right_n": 12,
        "unsupported_right": 0.85,
        "unsupported_right_n": 11,
        "auroc": 0.97,
        "calibration_error": 0.03,
    }
    scorer = {"gold_map": 1.0, "gold_map_ci": [1.0, 1.0], "gold_map_n": 12}
    part = {"methods": {"exact": method}, "scorers": {"string": scorer}}
    lines = markdown_of(
        {
            "settings": {"sets": {"squad2_dev.jsonl": {"exact": {"target": "model.gguf"}}}},
            "sets": {"squad2_dev.jsonl": part},
            "all": part,
            "environment": ENVIRONMENT,
        }
    ).splitlines()
    assert lines[0] == "Target: `model.gguf`."
    exact = "12 | 0.90 (0.80 to 1.00) | 0.75 | - | - | - | - | - | 0.250 |"
    assert f"| squad2, exact | {exact}" in lines
    assert "| all sets, string | 12 | 1.00 (1.00 to 1.00) | - | - | - | - | - | - | - |" in lines
    assert "| squad2, exact | 12 | 0.95 | 11 | 0.85 | 0.97 | 0.03 |" in lines
    assert lines[-1].startswith("Measured on")
    fit = {
        "statements": 23,
        "supported": 12,
        "auroc": 0.97,
        "accuracy": 0.9,
        "best_threshold": 0.5,
        "calibration_error": 0.03,
    }
    candidates = markdown_of(
        {
            "sets": {"squad2": 12},
            "policies": [{"policy": "Rule(1)", "f1": {"squad2": 0.5}}],
            "support": fit,
            "support_without_verifier": {**fit, "auroc": 0.9},
        }
    )
    assert "| `Rule(1)` | 0.500 |" in candidates
    fitted = "fitted to 23 statements, 12 of them supported; cross-validated, AUROC"
    assert f"Labels, with a verifier: {fitted} 0.970, 90.0% on the right side of" in candidates
    assert f"Labels, without a verifier: {fitted} 0.900, 90.0% on the right side" in candidates


def test_tables_of_audits() -> None:
    one = {"answers": 9, "exchanged": 0.97, "added": 1.0, "dropped": None, "alarms": 0.05}
    found = markdown_of(
        {
            "plan": "small",
            "target": "Small.gguf",
            "sets": {
                "squad2_dev.jsonl": {"dependence": {f"{name}_ci": [0.0, 1.0] for name in one} | one}
            },
        }
    )
    assert (
        "| Small, squad2 | 9 | dependence | 0.97 (0.00 to 1.00) | 1.00 (0.00 to 1.00) | - |"
        in found
    )


def test_tables_of_verifiers() -> None:
    one = {
        "map": {"squad2": 0.99, "lfqa": 0.8},
        "auroc": {"squad2": 0.95, "expertqa": None, "all": 0.9},
        "auroc_of": {"removed": 0.97},
    }
    other = {"map": {"squad2": 0.5}, "auroc": {"all": 0.4}, "auroc_of": {"removed": 0.3}}
    shown = markdown_of(
        {
            "verifiers": {"words": one, "other": other},
            "answers": 1234,
            "fit": {"measures": ["added", "unheard"], "weights": [1.5, -3.0], "bias": -2.0},
        }
    )
    lines = shown.splitlines()
    assert "| verifier | squad2 | lfqa |" in lines
    assert "| other | 0.500 | - |" in lines
    assert "| words | 0.950 | - | 0.900 | 0.970 |" in lines
    assert lines[-1] == "Fit on 1,234 answers: `added` 1.50, `unheard` -3.00, bias -2.00."
