"""Directives for tables of measured figures, made from the files that hold them.

The files in `benchmarks/results/` are written by `attribot evaluate`, `attribot evaluate-filter`,
`python -m benchmarks` and `python -m benchmarks gpu`. A figure on a page is thus the figure of a
run, with what it ran on. `results-table` shows one file; `gpu-results` shows all of GPUs, or its
own content where there are none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from benchmarks.gpu.tables import day_markdown

__all__ = ["GpuResults", "ResultsTable", "gpu_markdown", "markdown_of", "setup"]

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"

Figures = Mapping[str, Any]

_FIDELITY = {
    "mAP of outliers": ("map", 2),
    "top-1": ("top1", 2),
    "Pearson": ("pearson", 2),
    "citation F1": ("sentence_f1", 2),
    "tokens": ("tokens_vs_naive", 3),
    "cost": ("cost_vs_naive", 3),
    "time": ("seconds_vs_naive", 2),
}
_FILTERS = {
    "relevant kept": ("recall", 3),
    "others dropped": ("dropped", 3),
    "answers right": ("exact_answer", 3),
    "tokens saved": ("saved", 2),
    "cost": ("cost_vs_pass", 1),
    "time": ("seconds_vs_pass", 1),
}
"""Figure and decimals, by heading."""
_GOLD = {
    "rows": ("gold_map_n", 0),
    "gold mAP": ("gold_map", 2),
    "F1": ("sentence_f1", 2),
    "chunk mAP": ("chunk_map", 2),
    "chunk F1": ("chunk_f1", 2),
    "LDS": ("lds", 2),
    "drop@1": ("drop_1", 1),
    "keep@1": ("keep_1", 2),
    "tokens": ("tokens_vs_naive", 3),
}
_LABELS = {
    "supported": ("supported_n", 0),
    "labelled so": ("supported_right", 2),
    "not supported": ("unsupported_n", 0),
    "not labelled so": ("unsupported_right", 2),
    "AUROC": ("auroc", 2),
    "ECE": ("calibration_error", 2),
}
_AUDITS = {
    "exchanged, found": ("exchanged", 2),
    "added, found": ("added", 2),
    "dropped, found": ("dropped", 2),
    "right ones called wrong": ("alarms", 3),
}
_SCREEN = {
    "answers": ("answers", 0),
    "with something to find": ("map_n", 0),
    "mAP": ("map", 2),
    "mAP, mean attention": ("mean_map", 2),
    "passes": ("passes", 2),
    "rescored, answers": ("rescored_answers", 0),
    "rescored, mAP": ("rescored_map", 2),
    "its tokens, of `balanced`'s": ("rescored_of_balanced", 2),
}
_CONTEST = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "LDS": ("lds", 2),
    "tokens": ("tokens_vs_naive", 3),
    "x naive": ("speedup_naive", 1),
    "x cached": ("speedup_cached", 1),
    "x generating": ("speedup_generate", 2),
}
_HELD = {
    "questions": ("questions", 0),
    "tokens": ("tokens", 0),
    "held": ("tokens_held", 0),
    "fewer by": ("token_ratio", 2),
    "seconds": ("seconds", 1),
    "held, seconds": ("seconds_held", 1),
    "faster by": ("second_ratio", 2),
}
_PACE = {
    "tokens": ("tokens", 0),
    "seconds": ("seconds", 2),
    "tokens a second": ("pace", 0),
    "of a plain pass's": ("of_plain", 2),
    "with the prompt's pass": ("with_prompt", 2),
}
_STRUCTURE = {
    "highest score is marked": ("first", 0),
    "a citation is": ("cited", 0),
    "citations": ("citations", 0),
    "of them marked": ("right", 0),
    "seconds": ("seconds", 0),
}
_KNOCKOUTS = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "F1 of citations": ("cited", 2),
    "error, nats": ("error", 2),
    "of exact's tokens": ("tokens", 2),
}
_RESCORING = {
    "mAP": ("map", 2),
    "top-1": ("top1", 2),
    "F1 of citations": ("cited", 3),
    "sources rescored": ("rescored", 1),
    "of exact's tokens": ("tokens", 2),
}
_RELEVANCE = {
    "questions": ("questions", 0),
    "mAP": ("map", 2),
    "kept at .5": ("recall", 2),
    "others dropped": ("dropped", 2),
    "others dropped where 95 % are kept": ("dropped_at_recall", 2),
}
_WORD_RELEVANCE = {
    "questions": ("questions", 0),
    "mAP": ("map", 2),
    "kept at .5": ("recall", 3),
    "others dropped": ("dropped", 2),
    "others dropped where 95 % are kept": ("dropped_at_recall", 2),
}
_WITH_INTERVAL = {
    "map",
    "top1",
    "recall",
    "exchanged",
    "added",
    "dropped",
    "alarms",
    "exact_answer",
    "gold_map",
}

_SPEED: Mapping[str, Callable[[Figures], str]] = {
    "seconds": lambda row: (
        _number(row["seconds"], ".3f") + ("*" if row["extrapolated_from"] else "")
    ),
    "x naive": lambda row: _number(row["speedup_naive"], ".1f"),
    "x cached": lambda row: _number(row["speedup_cached"], ".2f"),
    "tokens": lambda row: _number(row["tokens_run"], ",d"),
    "passes": lambda row: _number(row["passes"], ",d"),
    "largest difference, nats": lambda row: _number(row["largest_difference"], ".0e"),
}


def markdown_of(results: Figures) -> str:
    """Return the Markdown for the content of a results file: tables, and what they ran on.

    Raises:
        ValueError: If the content is of no known kind.
    """
    if "bars" in results:
        return day_markdown(results)
    if "verifiers" in results:
        return "\n".join(_verifiers(results))
    if "policies" in results:
        return "\n".join(["Citation rules:", *_candidates(results)])
    if "held_back" in results:
        return "\n".join(_screen(results))
    if "word_relevance" in results:
        return "\n".join(_word_relevance(results))
    if "plan" in results:
        return "\n".join(["Planted faults:", *_audits(results)])
    if "sets" in results:
        lines = _suite(results)
    elif "rows" in results:
        lines = _speed(results)
    elif "contexts" in results:
        lines = _filters(results)
    elif "methods" in results:
        lines = _fidelity(results)
    elif "batches" in results:
        lines = _service(results)
    elif "contest" in results:
        lines = _contest(results)
    elif "held" in results:
        lines = _held(results)
    elif "paces" in results:
        lines = _paces(results)
    elif "relevance" in results:
        lines = _relevance(results)
    elif "forms" in results:
        lines = _structure(results)
    elif "knockouts" in results:
        lines = _knockouts(results)
    elif "ways" in results:
        lines = _live(results)
    else:
        raise ValueError(
            "results must hold bars, verifiers, policies, held_back, word_relevance, plan, sets, "
            "rows, contexts, methods, batches, contest, held, paces, relevance, forms, knockouts "
            f"or ways, not {sorted(results)}"
        )
    return "\n".join([*lines, "", _measured_on(results), ""])


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


def _fidelity(results: Figures) -> Iterator[str]:
    yield f"{_capital(results['settings']['data'])}: {results['n']} examples."
    yield from _table("method", results["methods"], _FIDELITY)


def _suite(results: Figures) -> Iterator[str]:
    """Yield what is ranked and cited on each set, and how statements are labelled."""
    parts = {**results["sets"], "all sets": results["all"]}
    ranked = {
        f"{_short(name)}, {method}": figures
        for name, part in parts.items()
        for method, figures in (part["methods"] | part["scorers"]).items()
        if figures.get("gold_map") is not None
    }
    yield f"Target: `{_target(results)}`."
    yield from _lines(
        ["data, method", *_GOLD],
        [
            [name, *(_cell(each, *column) for column in _GOLD.values())]
            for name, each in ranked.items()
        ],
    )
    labelled = {
        f"{_short(name)}, {method}": figures
        | {f"{side}_n": figures[f"{side}_right_n"] for side in ("supported", "unsupported")}
        for name, part in parts.items()
        for method, figures in part["methods"].items()
    }
    yield "Labels:"
    yield from _lines(
        ["data, method", *_LABELS],
        [
            [name, *(_cell(each, *column) for column in _LABELS.values())]
            for name, each in labelled.items()
        ],
    )


def _audits(results: Figures) -> Iterator[str]:
    """Yield how many planted faults audits find, and how many right citations they call wrong."""
    yield from _lines(
        ["judge, data", "answers", "evidence", *_AUDITS],
        [
            [
                f"{results['target'].partition('.')[0]}, {_short(name)}",
                str(figures["answers"]),
                evidence,
                *(_cell(figures, *column) for column in _AUDITS.values()),
            ]
            for name, part in results["sets"].items()
            for evidence, figures in part.items()
        ],
    )


def _candidates(results: Figures) -> Iterator[str]:
    """Yield the citation rules that were tried, and the fit of the labels."""
    names = list(results["sets"])
    yield from _lines(
        ["rule", *names],
        [
            [f"`{row['policy']}`", *(_number(row["f1"][name], ".3f") for name in names)]
            for row in results["policies"]
        ],
    )
    for key, what in (("support", "with"), ("support_without_verifier", "without")):
        fit = results[key]
        yield (
            f"Labels, {what} a verifier: fitted to {fit['statements']} statements, "
            f"{fit['supported']} of them supported; cross-validated, AUROC {fit['auroc']:.3f}, "
            f"{fit['accuracy']:.1%} on the right side of {fit['best_threshold']:.2f}, expected "
            f"calibration error {fit['calibration_error']:.3f}."
        )
        yield ""


def _verifiers(results: Figures) -> Iterator[str]:
    """Yield how well verifiers rank marked sentences, and tell supported statements from others."""
    for title, keys in (
        ("Marked sentences, mAP:", ("map",)),
        ("Supported statements against others, AUROC:", ("auroc", "auroc_of")),
    ):
        rows = {
            name: {column: value for key in keys for column, value in each[key].items()}
            for name, each in results["verifiers"].items()
        }
        columns = list(dict.fromkeys(column for each in rows.values() for column in each))
        yield title
        yield from _lines(
            ["verifier", *columns],
            [
                [name, *(_number(each.get(column), ".3f") for column in columns)]
                for name, each in rows.items()
            ],
        )
    fit = results["fit"]
    weights = zip(fit["measures"], fit["weights"], strict=True)
    yield (
        f"Fit on {results['answers']:,} answers: "
        + ", ".join(f"`{name}` {weight:.2f}" for name, weight in weights)
        + f", bias {fit['bias']:.2f}."
    )


def _screen(results: Figures) -> Iterator[str]:
    """Yield how well a learned screen ranks, and what rescoring behind it costs."""
    screen = results["screen"]
    yield (
        f"`{results['target']}`, fitted to {screen['answers']} answers of "
        f"{' and '.join(screen['data'])}; heads with a weight: {screen['heads']}. On answers that "
        "it was not fitted to:"
    )
    yield from _lines(
        ["data, compared with", *_SCREEN],
        [
            [name, *(_cell(figures, *column) for column in _SCREEN.values())]
            for name, figures in results["held_back"].items()
        ],
    )


def _contest(results: Figures) -> Iterator[str]:
    """Yield every way's fidelity to exact scores and its cost, a table for each data set."""
    models = " with ".join(
        f"`{results[role]}`" for role in ("target", "proxy") if results[role] is not None
    )
    for name, part in results["contest"].items():
        yield (
            f"{models}, {name}: {part['n']} answers, on average {part['sources']:.0f} sources, "
            f"{part['prompt_tokens']:,.0f} + {part['answer_tokens']:.0f} tokens:"
        )
        yield from _table("way", part["ways"], _CONTEST)


def _held(results: Figures) -> Iterator[str]:
    """Yield what holding contexts saves."""
    count = results["documents"]
    yield f"`{results['target']}`, {count} document{'s' * (count > 1)} of {results['data']}:"
    yield from _table("method", results["held"], _HELD)


def _paces(results: Figures) -> Iterator[str]:
    """Yield how fast passes run beside a plain one."""
    for name, part in results["paces"].items():
        yield (
            f"`{results['target']}`, {name}, {part['prompt_and_answer']:,} tokens of prompt and "
            "answer:"
        )
        yield from _table("way", part["ways"], _PACE)


def _relevance(results: Figures) -> Iterator[str]:
    """Yield how well chunks are told apart before there is an answer."""
    for name, ways in results["relevance"].items():
        yield f"`{results['target']}`, {name}:"
        yield from _table("by", ways, _RELEVANCE)


def _word_relevance(results: Figures) -> Iterator[str]:
    """Yield how well words tell chunks apart, by their default and by fits to other data."""
    for name, ways in results["word_relevance"].items():
        yield f"{name}:"
        yield from _table("by", ways, _WORD_RELEVANCE)


def _structure(results: Figures) -> Iterator[str]:
    """Yield whether the marked sentence is found in the other forms that it was written in."""
    yield f"{_capital(str(results['answers']))} answers of SQuAD, exact scores:"
    yield from _table("form", results["forms"], _STRUCTURE)


def _knockouts(results: Figures) -> Iterator[str]:
    """Yield how far knockouts are from exact scores, and what rescoring behind them needs."""
    for name, found in results["knockouts"].items():
        yield f"{_capital(_short(name))}, {found['answers']} answers, by tokens run again:"
        yield from _table("run again", found["reruns"], _KNOCKOUTS)
        short = found["shortfall"]["0.9"]
        yield (
            "Nine in ten of those below the threshold of a citation fall short of exact scores by "
            f"less than {short:.2f} of it. Rescoring behind them:"
        )
        yield from _table("settings", found["rescoring"], _RESCORING)


def _service(results: Figures) -> Iterator[str]:
    """Yield what clients of the service saw, and what its micro-batches save."""
    load, batches = results["load"], results["batches"]
    yield f"{load['clients']} clients on loopback, a queue of {load['most_waiting']}:"
    counts = [f"{count:,} with {status}" for status, count in load["statuses"].items()]
    yield from _lines(
        ["load", "figure"],
        [
            ["requests, all answered in the end", f"{load['answered']:,}"],
            ["statuses", ", ".join(counts)],
            [
                "largest difference from direct calls, nats",
                f"{load['largest_difference_nats']:.0e}",
            ],
            ["requests with the same citations", f"{load['same_citations']:,}"],
        ],
    )
    yield (
        f"{batches['requests']} requests, {batches['requests_of_a_context']} for each context, in "
        f"{batches['rounds']} rounds:"
    )
    yield from _lines(
        ["batches", "least CPU seconds", "median", "speed by the least"],
        [
            [
                way,
                f"{batches['least_cpu_seconds'][way]:.2f}",
                f"{median:.2f}",
                f"{batches['speed'][way]:.2f}",
            ]
            for way, median in batches["cpu_seconds"].items()
        ],
    )


def _live(results: Figures) -> Iterator[str]:
    """Yield how citations keep up with an answer that is being written."""
    yield f"{_capital(results['model'])}, {results['answers']} answers:"
    yield from _lines(
        [
            "method",
            "keeps up with, tokens/s",
            "written at, tokens/s",
            "in time",
            "first token, live minus plain, s",
            "total, of not live",
            "tokens, of afterwards",
            "largest difference, nats",
        ],
        [
            [
                name,
                f"{way['steps']['keeps_up_with_tokens_a_second']:.0f}",
                f"{way['streamed']['tokens_a_second']:g}",
                f"{way['streamed']['share_in_time']:.2f}",
                f"{way['streamed']['first_token_difference_seconds']['median']:.3f}",
                f"{way['streamed']['median_total_to_not_live']:.2f}",
                f"{way['steps']['tokens_to_afterwards']:.2f}",
                f"{way['steps']['largest_difference_nats']:.0e}",
            ]
            for name, way in results["ways"].items()
        ],
    )


def _short(name: str) -> str:
    return name.removesuffix(".jsonl").removesuffix("_dev")


def _target(results: Figures) -> str:
    first = next(iter(results["settings"]["sets"].values()))
    target: str = next(iter(first.values()))["target"]
    return target


def _filters(results: Figures) -> Iterator[str]:
    for context in results["contexts"]:
        yield f"{_capital(context['data'])}: {context['n']} questions."
        yield from _table("filter", context["filters"], _FILTERS)


def _speed(results: Figures) -> Iterator[str]:
    for _, group in groupby(results["rows"], lambda row: (row["shape"], row["context"])):
        rows = [row for row in group if row["reason"] is None]
        first = rows[0]
        yield ""
        yield (
            f"`{first['shape']}` ({first['parameters'] / 1e6:,.1f} million parameters), "
            f"`{first['context']}`: {first['sources']} sources, {first['prompt_tokens']:,} tokens "
            f"of prompt and {first['answer_tokens']} of answer."
        )
        body = [[row["way"], *(cell(row) for cell in _SPEED.values())] for row in rows]
        yield from _lines(["way", *_SPEED], body)
        if any(row["extrapolated_from"] for row in rows):
            yield "\\* extrapolated from some of the ablations."


def _table(
    first: str, rows: Mapping[str, Figures], columns: Mapping[str, tuple[str, int]]
) -> Iterator[str]:
    body = [
        [f"`{name}`", *(_cell(figures, *column) for column in columns.values())]
        for name, figures in rows.items()
    ]
    yield from _lines([first, *columns], body)


def _lines(head: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table's lines; all columns but the first hold numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    yield ""
    for row in (head, rule, *body):
        yield f"| {' | '.join(row)} |"
    yield ""


def _cell(figures: Figures, key: str, decimals: int) -> str:
    value = figures.get(key)
    text = _number(value, f".{decimals}f")
    if value is None or key not in _WITH_INTERVAL or f"{key}_ci" not in figures:
        return text
    low, high = figures[f"{key}_ci"]
    return f"{text} ({low:.{decimals}f} to {high:.{decimals}f})"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _measured_on(results: Figures) -> str:
    environment: Figures = results["environment"]
    packages: Mapping[str, str | None] = environment.get("packages") or environment["versions"]
    threads = environment["threads"]
    parts = [
        f"{environment['device']}, {threads} thread{'' if threads == 1 else 's'}",
        f"Python {environment['python']}",
        *(f"{name} {version}" for name, version in packages.items() if version),
    ]
    return f"Measured on: {', '.join(parts)}."
