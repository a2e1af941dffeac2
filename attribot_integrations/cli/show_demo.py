"""`attribot demo`: questions to a small chain, and what its answers depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from attribot_integrations.cli.answer_options import check_place
from attribot_integrations.cli.runtime import clean_errors, load_engine, note, results_console
from attribot_integrations.demo.library import LIBRARY_QUESTIONS
from attribot_integrations.demo.showcase import demo_facts
from attribot_integrations.errors import AttribotError, MissingExtraError, ModelError
from attribot_integrations.render.text import model_name

if TYPE_CHECKING:
    from attribot_integrations.demo.chain import DemoChain
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.results import Attribution

    Ask = Callable[[str], Attribution]

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
    people, places and firms. That needs no download and no GPU. Without LangChain, the same
    questions are asked without a chain.
    """
    if real and proxy:
        raise typer.BadParameter("cannot be used with --real", param_hint="--proxy")
    if not real and (model, embedder) != (_MODEL, _EMBEDDER):
        raise typer.BadParameter("needs --real", param_hint="--model and --embedder")
    known = LIBRARY_QUESTIONS if real else demo_facts().questions
    chosen = None if question is None else _chosen_question(question, known)
    if html is not None:
        check_place(html, "--html")
    with clean_errors():
        ask, beyond, about = _real_demo(model, embedder) if real else _bundled_demo(proxy)
        from attribot_integrations.render.terminal import terminal_view

        console = results_console()
        console.print(Text(f"{about}\n", "dim"))
        first, *_, last = known
        shown: list[Attribution] = []
        for text in [first, last, beyond] if chosen is None else [chosen]:
            shown.append(ask(text))
            console.print(terminal_view(shown[-1]), Text())
        console.print(Text(_LEGEND if real else f"{_LEGEND}\n{_REAL}", "dim"))
        if html is not None:
            _write_page(html, shown)


def _bundled_demo(proxy: bool) -> tuple[Ask, str, str]:
    """Return what answers questions, one that it cannot answer, and what it knows."""
    from attribot_integrations.engine.bundled import bundled_model_path

    about = f"{len(demo_facts().chunks)} documents about a made-up world"
    path = str(bundled_model_path("proxy")) if proxy else None

    def load() -> AttributionEngine:
        from attribot_integrations.requests.options import EngineOptions

        return load_engine(None, path, EngineOptions())

    try:
        import attribot_integrations.langchain  # noqa: F401 - says so if LangChain is missing
        from attribot_integrations.demo.chain import demo_chain
    except MissingExtraError as error:
        if error.extra != "langchain":
            raise
        note(f"asking without a chain, for {error}")
        from attribot_integrations.demo import plain_demo

        return partial(plain_demo.ask, load()), demo_facts().unanswerable, about
    built = demo_chain(load())
    return _through(built), built.unanswerable, about


def _real_demo(model: str, embedder: str) -> tuple[Ask, str, str]:
    """Return what `_bundled_demo` does, with real models."""
    for path, expected in ((model, _MODEL), (embedder, _EMBEDDER)):
        if path == expected and not Path(path).exists():
            raise ModelError(
                f"{path} is not there: run `make models` in a checkout, or name other models: "
                f"{_HUB_COMMAND}"
            )
    # First what may be missing, so that it is said before torch is imported.
    import attribot_integrations.langchain  # noqa: F401
    from attribot_integrations.demo.library_chain import MeanEmbeddings, library_chain
    from attribot_integrations.requests.options import EngineOptions

    engine = load_engine(model, None, EngineOptions())
    note(f"loading {model_name(embedder)} …")
    built = library_chain(engine, MeanEmbeddings(embedder))
    about = f"{len(built.documents)} paragraphs about real subjects"
    return _through(built), built.unanswerable, about


def _through(built: DemoChain) -> Ask:
    """Return what asks a chain and reads what its handler has found."""
    from attribot_integrations.langchain import CitationCallbackHandler

    handler = CitationCallbackHandler(built.engine)

    def ask(question: str) -> Attribution:
        built.chain.invoke(question, {"callbacks": [handler]})
        attribution = handler.attribution
        if attribution is None:
            raise AttribotError(f"the answer could not be attributed: {handler.reason}")
        return attribution

    return ask


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


def _write_page(path: Path, attributions: Sequence[Attribution]) -> None:
    from attribot_integrations.render.html import html_page

    path.write_text(html_page(attributions, title="attribot demo"), encoding="utf-8")
    note(f"wrote {path}")
