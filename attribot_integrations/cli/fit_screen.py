"""`attribot fit-screen`: which attention heads of a model tell what its answers depend on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from attribot_integrations.cli.answer_options import check_place
from attribot_integrations.cli.evaluating import examples_progress, wide_console
from attribot_integrations.cli.model_options import (
    ChatOption,
    DeviceMapOption,
    DtypeOption,
    ModelOption,
    chat_options,
    loading_options,
)
from attribot_integrations.cli.runtime import clean_errors, load_engine, note

if TYPE_CHECKING:
    from attribot_integrations.evaluation.examples import ExampleSet
    from attribot_integrations.methods import AttentionScreen

__all__ = ["fit_screen"]

_Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Answers with question and chunks, as JSON Lines or in the shape of a published data "
        "set; may be given several times. Gold evidence is not needed.",
        show_default=False,
    ),
]
_Demo = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Questions about made-up facts in the place of files, for the bundled models.",
        show_default=False,
    ),
]
_Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="SCREEN", dir_okay=False, help="File of the screen."),
]
_Rows = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Folder of the answers that are done, so that an interrupted run goes on. By default "
        "SCREEN.rows.",
        show_default=False,
    ),
]
_Limit = Annotated[
    int | None, typer.Option(min=1, help="Most answers of each file.", show_default=False)
]
_Restart = Annotated[
    bool, typer.Option("--restart", help="Delete the answers that are done, and begin again.")
]
_Revision = Annotated[
    str | None, typer.Option(help="Revision of the model on the hub.", show_default=False)
]


def fit_screen(
    output: _Output,
    data: _Data = None,
    demo: _Demo = None,
    model: ModelOption = None,
    revision: _Revision = None,
    limit: _Limit = None,
    rows: _Rows = None,
    restart: _Restart = False,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
) -> None:
    """Learn which attention heads of a model attend to what its answers depend on.

    Every answer is scored exactly, and once more in one pass whose attention is read. The weights
    of the heads are fitted to both, and measured on answers that they were not fitted to. About a
    hundred answers of the kind that will be attributed are enough.

    Exit codes: 0 if all went well, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.
    """
    if bool(data) == (demo is not None):
        raise typer.BadParameter("give either --data or --demo", param_hint="--data")
    check_place(output)
    with clean_errors():
        from dataclasses import replace

        from attribot_integrations.evaluation import screen_fitting
        from attribot_integrations.evaluation.screen_rows import ScreenRows
        from attribot_integrations.requests.options import EngineOptions
        from attribot_integrations.scoring.language_model import in_process

        sets = _sets(data, demo, limit)
        loading = replace(
            loading_options(dtype, device_map, chat_options(chat_option)), revision=revision
        )
        name = model or "the bundled target"
        engine = load_engine(model, None, EngineOptions(), loading)
        work = ScreenRows(engine, sets, name)
        folder = rows or output.with_name(f"{output.name}.rows")
        with examples_progress(work.count) as progress:
            found, failed = work.run(folder, resume=not restart, progress=progress)
        for each in failed:
            note(f"left out: {each}")
        screen = screen_fitting.fit_screen(
            found,
            in_process(engine.target).signature,
            model=name,
            revision=revision,
            data=[each.name for each in sets],
        )
        screen.save(output)
        _show(screen)
        note(f"written to {output}")


def _sets(data: list[Path] | None, demo: int | None, limit: int | None) -> list[ExampleSet]:
    from attribot_integrations.demo.corpus import REPORT_SEEDS
    from attribot_integrations.evaluation.examples import demo_set, read_set

    if demo is not None:  # not the questions that reports are about
        return [demo_set(demo, seed=REPORT_SEEDS.stop - 1)]
    return [read_set(each, limit) for each in data or ()]


def _show(screen: AttentionScreen) -> None:
    table = Table(title=f"Attention screen of {screen.model}", title_justify="left")
    for heading in ("figure", "value"):
        table.add_column(heading)
    for name, value in screen.figures.items():
        text = f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(name.replace("_", " "), text)
    wide_console().print(table)
