"""`attribot demo`: questions to a small chain, and what its answers depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.cli.runtime import clean_errors, load_engine, note
from attribot_integrations.demo.library import LIBRARY_QUESTIONS
from attribot_integrations.errors import AttribotError, ModelError

if TYPE_CHECKING:
    from attribot_integrations.demo.chain import DemoChain
    from attribot_integrations.langchain import CitationRecord
    from attribot_integrations.results import Attribution

__all__ = ["demo"]

_LEGEND = (
    "nats: how far the log-likelihood of the cited statement falls when that text is removed.\n"
    "For your own answers: attribot attribute FILE.jsonl --model NAME"
)
_REAL = "With real models, on real subjects: attribot demo --real"
_MODEL = ".models/SmolLM2-135M-Instruct.Q4_1.gguf"
_EMBEDDER = ".models/all-minilm-l6-v2"
_HUB_COMMAND = (
    "attribot demo --real --model HuggingFaceTB/SmolLM2-135M-Instruct "
    "--embedder sentence-transformers/all-MiniLM-L6-v2"
)


_QuestionOption = Annotated[
    str | None,
    typer.Option(
        "--question",
        "-q",
        help="Your own question about the demo's documents, or the number of one of theirs.",
        show_default=False,
    ),
]
_ProxyOption = Annotated[
    bool, typer.Option("--proxy", help="Screen with the bundled proxy, rescore on the target.")
]
_RealOption = Annotated[
    bool,
    typer.Option(
        "--real",
        help="Real models, on documents about real subjects. In a checkout, `make models` "
        "fetches them.",
    ),
]
_RealModelOption = Annotated[
    str,
    typer.Option(
        help="With --real: what answers and is measured, a name on the Hugging Face hub, or path "
        "of a folder or GGUF file."
    ),
]
_EmbedderOption = Annotated[
    str, typer.Option(help="With --real: the encoder that finds documents, a name or a folder.")
]
_HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="OUT.html",
        dir_okay=False,
        writable=True,
        help="Also write the answers, with hoverable citations, as a web page.",
        show_default=False,
    ),
]


def demo(
    question: _QuestionOption = None,
    proxy: _ProxyOption = False,
    real: _RealOption = False,
    model: _RealModelOption = _MODEL,
    embedder: _EmbedderOption = _EMBEDDER,
    html: _HtmlOption = None,
) -> None:
    """Ask a small LangChain chain a few questions, and show what its answers depend on.

    Retriever, prompt, language model and callback handler are real; by default the model is tiny,
    comes with the package, and knows nothing but the demo's documents, which are about made-up
    people, places and firms. That needs no download and no GPU.
    """
    if real and proxy:
        raise typer.BadParameter("cannot be used with --real", param_hint="--proxy")
    if not real and (model, embedder) != (_MODEL, _EMBEDDER):
        raise typer.BadParameter("needs --real", param_hint="--model and --embedder")
    with clean_errors():
        # First what may be missing, so that it is said before torch is imported.
        from attribot_integrations.langchain import CitationCallbackHandler  # isort: split

        known: tuple[str, ...]
        if real:
            known = LIBRARY_QUESTIONS
            chosen = None if question is None else _chosen_question(question, known)
            built, about = _real_chain(model, embedder), "paragraphs about real subjects"
        else:
            from attribot_integrations.demo.chain import demo_corpus

            known = demo_corpus()[1]
            chosen = None if question is None else _chosen_question(question, known)
            built, about = _bundled_chain(proxy), "documents about a made-up world"
        handler = CitationCallbackHandler(built.engine)
        console = Console()
        console.print(Text(f"{len(built.documents)} {about}\n", "dim"))
        first, *_, last = built.questions
        asked = [first, last, built.unanswerable] if chosen is None else [chosen]
        shown: list[Attribution] = []
        for text in asked:
            built.chain.invoke(text, {"callbacks": [handler]})
            shown.append(_show_answer(console, handler.last))
        console.print(Text(_LEGEND if real else f"{_LEGEND}\n{_REAL}", "dim"))
        if html is not None:
            _write_page(html, shown)


def _bundled_chain(proxy: bool) -> DemoChain:
    from attribot_integrations.demo.chain import demo_chain
    from attribot_integrations.engine.bundled import bundled_model_path
    from attribot_integrations.requests.options import EngineOptions

    path = str(bundled_model_path("proxy")) if proxy else None
    return demo_chain(load_engine(None, path, EngineOptions()))


def _real_chain(model: str, embedder: str) -> DemoChain:
    for path, expected in ((model, _MODEL), (embedder, _EMBEDDER)):
        if path == expected and not Path(path).exists():
            raise ModelError(
                f"{path} is not there: run `make models` in a checkout, or name other models: "
                f"{_HUB_COMMAND}"
            )
    from attribot_integrations.demo.library_chain import MeanEmbeddings, library_chain
    from attribot_integrations.requests.options import EngineOptions

    engine = load_engine(model, None, EngineOptions())
    return library_chain(engine, MeanEmbeddings(embedder))


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
