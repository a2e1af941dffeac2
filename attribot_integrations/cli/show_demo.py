"""`attribot demo`: questions to a small chain, and what its answers depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.cli.runtime import clean_errors, load_engine, note
from attribot_integrations.errors import AttribotError

if TYPE_CHECKING:
    from attribot_integrations.langchain import CitationRecord
    from attribot_integrations.results import Attribution

__all__ = ["demo"]

_LEGEND = (
    "nats: how far the log-likelihood of the cited statement falls when that text is removed.\n"
    "For your own answers: attribot attribute FILE.jsonl --model NAME"
)


def demo(
    question: Annotated[
        str | None,
        typer.Option(
            "--question",
            "-q",
            help="Your own question about the demo's documents, or the number of one of theirs.",
            show_default=False,
        ),
    ] = None,
    proxy: Annotated[
        bool,
        typer.Option("--proxy", help="Screen with the bundled proxy, rescore on the target."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="OUT.html",
            dir_okay=False,
            writable=True,
            help="Also write the answers, with hoverable citations, as a web page.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Ask a small LangChain chain a few questions, and show what its answers depend on.

    Everything is real but tiny: retriever, prompt, bundled language model, callback handler. The
    documents are about made-up people, places and firms. Needs no download and no GPU.
    """
    with clean_errors():
        # First what may be missing, so that it is said before torch is imported.
        from attribot_integrations.langchain import CitationCallbackHandler  # isort: split

        from attribot_integrations.demo.chain import demo_chain, demo_corpus
        from attribot_integrations.engine.bundled import bundled_model_path
        from attribot_integrations.requests.options import EngineOptions

        path = str(bundled_model_path("proxy")) if proxy else None
        chosen = None if question is None else _chosen_question(question, demo_corpus()[1])
        engine = load_engine(None, path, EngineOptions())
        built = demo_chain(engine)
        handler = CitationCallbackHandler(engine)
        console = Console()
        console.print(Text(f"{len(built.documents)} documents about a made-up world\n", "dim"))
        one_fact, *_, two_facts = built.questions
        asked = [one_fact, two_facts, built.unanswerable] if chosen is None else [chosen]
        shown: list[Attribution] = []
        for text in asked:
            built.chain.invoke(text, {"callbacks": [handler]})
            shown.append(_show_answer(console, handler.last))
        console.print(Text(_LEGEND, "dim"))
        if html is not None:
            _write_page(html, shown)


def _chosen_question(wanted: str, known: Sequence[str]) -> str:
    """Return the user's own question, or the known one whose number it is."""
    numbered = {str(number): question for number, question in enumerate(known, start=1)}
    asked = wanted.strip()
    if not asked or (asked.isdecimal() and asked not in numbered):
        raise typer.BadParameter(
            f"must be a text or a number from 1 to {len(known)}, got {wanted!r}",
            param_hint="--question",
        )
    return numbered.get(asked, wanted)


def _show_answer(console: Console, record: CitationRecord | None) -> Attribution:
    from attribot_integrations.render.terminal import terminal_view

    attribution = record.attribution if record else None
    if attribution is None:
        why = record.error if record and record.error else "there was no answer or no document"
        raise AttribotError(f"the answer could not be attributed: {why}")
    console.print(terminal_view(attribution), Text())
    return attribution


def _write_page(path: Path, attributions: Sequence[Attribution]) -> None:
    from attribot_integrations.render.html import html_page

    path.write_text(html_page(attributions, title="attribot demo"), encoding="utf-8")
    note(f"wrote {path}")
