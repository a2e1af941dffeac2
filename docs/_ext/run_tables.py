"""Tables of speed, of the bundled models, of the service and of live citations, by kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from figure_layout import Figures, capital, lines, number, table

__all__ = ["fidelity", "filters", "live", "service", "speed"]

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


def speed(results: Figures) -> Iterator[str]:
    """Yield how long each way takes, a table for each shape and context."""
    for _, group in groupby(results["rows"], lambda row: (row["shape"], row["context"])):
        rows = [row for row in group if row["reason"] is None]
        first = rows[0]
        yield ""
        yield (
            f"`{first['shape']}` ({first['parameters'] / 1e6:,.1f} million parameters), "
            f"`{first['context']}`: {first['sources']} sources, {first['prompt_tokens']:,} tokens "
            f"of prompt and {first['answer_tokens']} of answer."
        )
        body = [[row["way"], *(write(row) for write in _SPEED.values())] for row in rows]
        yield from lines(["way", *_SPEED], body)
        if any(row["extrapolated_from"] for row in rows):
            yield "\\* extrapolated from some of the ablations."


_SPEED: Mapping[str, Callable[[Figures], str]] = {
    "seconds": lambda row: (
        number(row["seconds"], ".3f") + ("*" if row["extrapolated_from"] else "")
    ),
    "x naive": lambda row: number(row["speedup_naive"], ".1f"),
    "x cached": lambda row: number(row["speedup_cached"], ".2f"),
    "tokens": lambda row: number(row["tokens_run"], ",d"),
    "passes": lambda row: number(row["passes"], ",d"),
    "largest difference, nats": lambda row: number(row["largest_difference"], ".0e"),
}


def filters(results: Figures) -> Iterator[str]:
    """Yield what filters keep and drop, a table for each context."""
    for context in results["contexts"]:
        yield f"{capital(context['data'])}: {context['n']} questions."
        yield from table("filter", context["filters"], _FILTERS)


def fidelity(results: Figures) -> Iterator[str]:
    """Yield each method's fidelity to exact scores, and its cost."""
    yield f"{capital(results['settings']['data'])}: {results['n']} examples."
    yield from table("method", results["methods"], _FIDELITY)


def service(results: Figures) -> Iterator[str]:
    """Yield what clients of the service saw, and what its micro-batches save."""
    load, batches = results["load"], results["batches"]
    yield f"{load['clients']} clients on loopback, a queue of {load['most_waiting']}:"
    counts = [f"{count:,} with {status}" for status, count in load["statuses"].items()]
    yield from lines(
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
    yield from lines(
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


def live(results: Figures) -> Iterator[str]:
    """Yield how citations keep up with an answer that is being written."""
    yield f"{capital(results['model'])}, {results['answers']} answers:"
    yield from lines(
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
