"""`attribot evaluate-filter`: how well irrelevant chunks are found before generation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from attribot_integrations.cli.answer_options import check_place
from attribot_integrations.cli.evaluating import (
    evaluated_models,
    examples_progress,
    kinds_in,
    names_in,
    span_in,
    wide_console,
)
from attribot_integrations.cli.model_options import (
    ChatOption,
    DeviceMapOption,
    DtypeOption,
    ModelOption,
    ProxyOption,
    chat_options,
    loading_options,
)
from attribot_integrations.cli.runtime import clean_errors, load_engine, note

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["evaluate_filter"]

_Demo = Annotated[
    int,
    typer.Option(
        "--demo", min=1, metavar="N", help="Questions about made-up facts, for each context size."
    ),
]
_Chunks = Annotated[
    str, typer.Option(metavar="MIN-MAX,…", help="Numbers of chunks, with commas between sizes.")
]
_Kinds = Annotated[
    str,
    typer.Option(
        help="Kinds of questions, with commas between: single, two_hop, double, repeated, absent."
    ),
]
_Filters = Annotated[
    str,
    typer.Option(
        "--filters",
        "-f",
        help="Filters by name, with commas between: none, tfidf-top, tfidf, words, "
        "draft, draft-target, draft-proxy, question, both, or all.",
    ),
]
_Threshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        show_default=False,
        help="Least relevance of a chunk; by default the one that engine.score_chunks has.",
    ),
]
_Similarity = Annotated[
    float, typer.Option(min=0, max=1, help="Least TF-IDF cosine of a chunk, for tfidf.")
]
_TopN = Annotated[int, typer.Option(min=1, help="Chunks that tfidf-top keeps.")]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE.json",
        dir_okay=False,
        show_default=False,
        help="File for all figures.",
    ),
]


def evaluate_filter(
    demo: _Demo = 100,
    chunks: _Chunks = "8-12,20-24",
    kinds: _Kinds = "single,two_hop,double,repeated",
    filters: _Filters = "all",
    threshold: _Threshold = None,
    similarity: _Similarity = 0.1,
    top_n: _TopN = 4,
    model: ModelOption = None,
    proxy: ProxyOption = None,
    output: _Output = None,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
) -> None:
    """Compare ways of dropping irrelevant chunks before an answer is generated.

    Each filter sees question and chunks only. What it keeps is compared with the chunks that state
    the facts asked for, and given to the target to answer from.

    Exit codes: 0 if all went well, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.
    """
    if output is not None:
        check_place(output)
    spans, wanted = [span_in(each) for each in names_in(chunks) or [chunks]], kinds_in(kinds)
    with clean_errors():
        from attribot_integrations.evaluation.examples import demo_set
        from attribot_integrations.evaluation.filter_contenders import (
            context_filters,
            known_filters,
        )
        from attribot_integrations.evaluation.filter_runs import evaluate_filters
        from attribot_integrations.evaluation.store import write_results
        from attribot_integrations.requests.options import EngineOptions

        sets = [demo_set(demo, chunks=span, kinds=wanted) for span in spans]
        chosen = known_filters(names_in(filters))
        models = evaluated_models(model, proxy, chat_option)
        loading = loading_options(dtype, device_map, chat_options(chat_option))
        engine = load_engine(models.target, models.proxy, EngineOptions(), loading)
        built = context_filters(
            chosen, engine, threshold=threshold, similarity=similarity, top_n=top_n
        )
        with examples_progress(demo * len(sets)) as progress:
            names = (models.target_name, models.proxy_name)
            results = evaluate_filters(engine, built, sets, names=names, progress=progress)
        _show(results)
        if output is not None:
            write_results(results, output)
            note(f"written to {output}")


def _show(results: Mapping[str, Any]) -> None:
    from attribot_integrations.evaluation.filter_report import FILTER_LEGEND, filter_table

    console = wide_console()
    for context in results["contexts"]:
        console.print(filter_table(context, results["settings"]))
    console.print(Text(FILTER_LEGEND, "dim"))
