"""`attribot evaluate`: how faithful methods are, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from attribot_integrations.cli.evaluate_suite import SuiteArguments, run_suite
from attribot_integrations.cli.evaluating import (
    EvaluatedModels,
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
from attribot_integrations.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from attribot_integrations.evaluation.contenders import Contender
    from attribot_integrations.evaluation.examples import ExampleSet
    from attribot_integrations.evaluation.measuring import MeasureOptions
    from attribot_integrations.evaluation.method_runs import Evaluation
    from attribot_integrations.scoring.loading import LoadingOptions

__all__ = ["evaluate"]

_Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA.jsonl",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help='JSON Lines with question, chunks, answer, and "gold" if there is any: the needed '
        "sentences as [[chunk, sentence], …], counted from 0.",
    ),
]
_Demo = Annotated[
    int | None,
    typer.Option(
        "--demo",
        min=1,
        metavar="N",
        show_default=False,
        help="Instead of a file: N questions about made-up facts, with the bundled models.",
    ),
]
_Suite = Annotated[
    Path | None,
    typer.Option(
        "--suite",
        metavar="DIR",
        exists=True,
        file_okay=False,
        show_default=False,
        help="Instead of a file: a folder of such files, each with a table of its own, judged by "
        "what people marked and by answers made unsupported; no naive leave-one-out is run.",
    ),
]
_Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        show_default=False,
        help="Shape of the data: attribot, or that in which a data set is published (hotpotqa, "
        "squad2, clapnq, qasper, quotesum, attribute-first, expertqa, mtrag, alce, ragtruth). By "
        "default it is found out by the fields of the first record.",
    ),
]
_Negatives = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=3,
        show_default=False,
        help="With --suite: how many answers that the context does not support are made of each "
        "example: its evidence removed, another answer, a name or number exchanged; 1 by "
        "default.",
    ),
]
_Ablated = Annotated[
    int | None,
    typer.Option(
        min=0,
        show_default=False,
        help="With --suite: how many answers of each file are ablated by what ranks highest; "
        "none by default.",
    ),
]
_Chunks = Annotated[
    str, typer.Option(metavar="MIN-MAX", help="Number of chunks of the demo's contexts.")
]
_Kinds = Annotated[
    str | None,
    typer.Option(
        show_default=False,
        help="Kinds of the demo's questions, with commas between: single, two_hop, double, "
        "repeated, absent. By default a mixture of all.",
    ),
]
_Methods = Annotated[
    str,
    typer.Option(
        "--methods",
        "-m",
        help='Methods and baselines by name, with commas between; "methods", "baselines" and '
        '"all" stand for all of them.',
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        file_okay=False,
        show_default=False,
        help="Folder for results.json, fidelity.png and examples.jsonl; a folder of those with "
        "--suite.",
    ),
]
_Limit = Annotated[
    int | None, typer.Option(min=1, help="Most examples of a file.", show_default=False)
]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume/--overwrite", help="Go on with the examples in the folder, or start anew."
    ),
]
_CorrectOnly = Annotated[
    bool,
    typer.Option(
        "--correct-only", help="Leave out examples that the target's greedy answer gets wrong."
    ),
]
_MinScore = Annotated[
    float,
    typer.Option(
        help="Least exact score, in nats, of a source that ought to be found: mAP and top-1 leave "
        "out examples without any, map_all and top1_all in results.json do not."
    ),
]


def evaluate(
    data: _Data = None,
    demo: _Demo = None,
    suite: _Suite = None,
    format: _Format = None,
    negatives: _Negatives = None,
    ablated: _Ablated = None,
    chunks: _Chunks = "8-12",
    kinds: _Kinds = None,
    methods: _Methods = "methods",
    model: ModelOption = None,
    proxy: ProxyOption = None,
    output: _Output = None,
    limit: _Limit = None,
    resume: _Resume = True,
    correct_only: _CorrectOnly = False,
    min_score: _MinScore = 1.0,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
) -> None:
    """Compare methods with exact leave-one-out, gold evidence and each other, and count their cost.

    Every example is also run by naive leave-one-out, the reference for fidelity, tokens and time.
    With --output, an interrupted run goes on where it stopped when the command is given again.

    Exit codes: 0 if all went well, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.
    """
    if sum(each is not None for each in (data, demo, suite)) != 1:
        raise typer.BadParameter(
            "give a data file, --demo N or --suite DIR", param_hint="DATA.jsonl"
        )
    span = span_in(chunks)
    if demo is not None and format is not None:
        raise typer.BadParameter("cannot be used with --demo", param_hint="--format")
    if suite is None and (negatives, ablated) != (None, None):
        raise typer.BadParameter("needs --suite", param_hint="--negatives and --ablated")
    if suite is not None:
        if (chunks, kinds, correct_only, min_score) != ("8-12", None, False, 1.0):
            raise typer.BadParameter(
                "cannot be used with --suite",
                param_hint="--chunks, --kinds, --correct-only and --min-score",
            )
        if output is None:
            raise typer.BadParameter("--suite needs --output DIR", param_hint="--output")
        with clean_errors():
            run_suite(
                SuiteArguments(
                    folder=suite,
                    format=format,
                    methods=names_in(methods),
                    models=evaluated_models(model, proxy, chat_option),
                    loading=loading_options(dtype, device_map, chat_options(chat_option)),
                    limit=limit,
                    negatives=1 if negatives is None else negatives,
                    ablated=ablated or 0,
                    output=output,
                    resume=resume,
                )
            )
        return
    with clean_errors():
        from attribot_integrations.evaluation.contenders import contenders
        from attribot_integrations.evaluation.measuring import MeasureOptions

        examples = _examples(data, demo, span, kinds, limit, format)
        models = evaluated_models(model, proxy, chat_option)
        chosen = contenders(names_in(methods), has_proxy=models.proxy is not None)
        plots = _can_plot(output)
        if model is None and data is not None:
            note("no --model is given; the bundled one knows nothing but its own made-up facts")
        measured = MeasureOptions(correct_only=correct_only, min_score=min_score)
        loading = loading_options(dtype, device_map, chat_options(chat_option))
        built = _evaluation(examples, chosen, models, measured, loading)
        with examples_progress(len(examples.examples)) as progress:
            results = built.run(output, resume=resume, progress=progress)
        _show(results)
        if output is not None:
            _write(results, output, plots=plots)
    if not results["n"]:
        note("no example could be measured")
        raise typer.Exit(1)


def _examples(
    data: Path | None,
    demo: int | None,
    span: tuple[int, int],
    kinds: str | None,
    limit: int | None,
    format: str | None,
) -> ExampleSet:
    from attribot_integrations.evaluation.examples import demo_set, read_set

    if data is not None:
        return read_set(data, limit, format=format)
    count = demo or 1
    return demo_set(min(count, limit or count), chunks=span, kinds=kinds_in(kinds))


def _evaluation(
    examples: ExampleSet,
    chosen: Sequence[Contender],
    models: EvaluatedModels,
    measured: MeasureOptions,
    loading: LoadingOptions,
) -> Evaluation:
    from attribot_integrations.evaluation.method_runs import Evaluation
    from attribot_integrations.requests.options import EngineOptions

    needs_proxy = any(each.needs_proxy for each in chosen)
    proxy = models.proxy if needs_proxy else None
    return Evaluation(
        engine=load_engine(models.target, proxy, EngineOptions(), loading),
        contenders=tuple(chosen),
        data=examples,
        options=measured,
        names=(models.target_name, models.proxy_name if needs_proxy else None),
    )


def _can_plot(output: Path | None) -> bool:
    """Say before the long run what will be missing behind it."""
    from attribot_integrations.evaluation.fidelity_plots import check_plots

    if output is None:
        return False
    try:
        check_plots()
    except MissingExtraError as error:
        note(f"there will be no fidelity.png: {error}")
        return False
    return True


def _show(results: Mapping[str, Any]) -> None:
    from attribot_integrations.evaluation.method_report import notes, results_table

    console = wide_console()
    if results["n"]:
        console.print(results_table(results))
    for line in notes(results):
        console.print(Text(line, "dim"))


def _write(results: Mapping[str, Any], output: Path, *, plots: bool) -> None:
    from attribot_integrations.evaluation.fidelity_plots import plot_fidelity
    from attribot_integrations.evaluation.store import write_results

    write_results(results, output / "results.json")
    if plots:
        plot_fidelity(results, output / "fidelity.png")
    note(f"written to {output}")
