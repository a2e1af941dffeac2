"""An attribution for a terminal, with `rich`.

Retrieved text is not trusted: it is always put into `Text` objects, which rich does not read for
markup, with control characters shown as spaces, so that it can neither style nor steer the
terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.evidence import (
    basis_words,
    carried_lines,
    dependence,
    is_verified,
    share,
)
from attribot_integrations.render.marks import cited_sources, marked_answer
from attribot_integrations.render.plain import marker
from attribot_integrations.render.text import model_name, nats, one_line, visible
from attribot_integrations.render.trees import led_through, tree_text

if TYPE_CHECKING:
    from attribot_integrations.render.marks import CitedSource
    from attribot_integrations.results import Attribution, ModelCost

__all__ = ["cited_answer", "cost_lines", "likelihood_line", "sources_table", "terminal_view"]

_MARKER = "bold cyan"
_QUIET = "dim"
_DOUBT = "yellow"
_NOTHING = "No source is cited."


def terminal_view(attribution: Attribution, *, question: bool = True) -> RenderableType:
    """Return the answer with citations, the cited sources, and what the attribution cost.

    Args:
        attribution: What to show.
        question: Whether to show the question above the answer.
    """
    parts: list[RenderableType] = []
    if question and attribution.question.strip():
        parts.append(Text.assemble(("Q  ", "bold"), (one_line(attribution.question), "bold")))
    parts.append(Text.assemble(("A  ", "bold"), cited_answer(attribution)))
    cited = sources_table(attribution) if attribution.shown_citations else Text(_NOTHING, "yellow")
    parts.append(Padding(cited, (1, 0, 1, 3), expand=False))
    trees = [Text(tree_text(trace)) for trace in led_through(attribution)]
    parts += [Padding(tree, (0, 0, 1, 3), expand=False) for tree in trees]
    carried = [Text(line, _QUIET) for line in carried_lines(attribution)]
    footer = [
        *carried,
        likelihood_line(attribution),
        *_notes(attribution),
        *cost_lines(attribution),
    ]
    parts += [Padding(line, (0, 0, 0, 3), expand=False) for line in footer]
    return Group(*parts)


def cited_answer(attribution: Attribution) -> Text:
    """Return the answer with `[n]` behind every cited statement.

    Marks of sources that say the same are joined, `[1|3]`; a statement that is labelled other than
    `supported` has its label behind it, and so have remarks.
    """
    marked = marked_answer(attribution)
    shown = Text()
    for passage in marked.passages:
        shown.append(visible(passage.before))
        shown.append(visible(f"{passage.path}: ") if passage.path else "", _QUIET)
        shown.append(visible(passage.text))
        if passage.marks:
            shown.append(" " + "".join(map(marker, passage.marks)), _MARKER)
        if passage.note:
            shown.append(f" ({passage.note})", _DOUBT)
    return shown.append(visible(marked.tail))


def sources_table(attribution: Attribution) -> Table:
    """Return the cited sources with the title of their chunk and their score.

    Rows go by citation number, the strongest first. A source that is cited for several statements
    has one row, with the sum of its scores. Scores that are not exact on the target are marked by
    `≈`. Where another source says the same, what this one restores alone stands below. Where a
    verifier was asked, there are columns for why a source is cited and for what the verifier says.
    """
    judged = is_verified(attribution) or any(
        each.basis != "depends" for each in attribution.shown_citations
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=_QUIET)
    table.add_column("", no_wrap=True)
    table.add_column("chunk", overflow="fold", max_width=24)
    table.add_column("cited text", overflow="fold", ratio=1)
    if judged:
        table.add_column("cited for", overflow="fold", max_width=11)
    table.add_column("nats", justify="right", no_wrap=True)
    if judged:
        table.add_column("stated", justify="right", no_wrap=True)
    for each in cited_sources(attribution):
        row = [
            Text(f"[{each.number}]", _MARKER),
            Text(chunk_name(attribution.chunks[each.chunk_index], each.chunk_index, each.part)),
            Text(one_line(each.quote)),
            _nats(each),
        ]
        if judged:
            row.insert(3, Text(basis_words(attribution, each.basis) or ""))
            row.append(Text("" if each.states is None else share(each.states), "green"))
        table.add_row(*row)
    return table


def _nats(source: CitedSource) -> Text:
    score = dependence(source.score, source.basis)
    shown = Text(f"{'' if source.exact else '≈ '}{score}", "green")
    if source.sufficiency is not None:
        shown.append(f"\n{nats(source.sufficiency)} alone", _QUIET)
    return shown


def likelihood_line(attribution: Attribution) -> Text:
    """Return the answer's log-likelihood with and without the context."""
    with_context, without = (
        f"{round(value, 2) + 0.0:.2f}"  # no "-0.00"
        for value in (attribution.log_likelihood, attribution.log_likelihood_without_context)
    )
    return Text(
        f"log-likelihood of the answer: {with_context} nats with the context, {without} without",
        _QUIET,
    )


def cost_lines(attribution: Attribution) -> list[Text]:
    """Return time and tokens, the latter for each model and beside those of naive leave-one-out."""
    cost = attribution.cost
    lines = [f"attribution ({one_line(attribution.method)}): {cost.seconds:.2f} s"]
    lines += [_model_cost(model) for model in cost.models]
    return [Text(line, _QUIET) for line in lines]


def _model_cost(cost: ModelCost) -> str:
    saved = f", {cost.naive_tokens / cost.tokens:.1f} times as many" if cost.tokens else ""
    name = model_name(cost.model)
    return f"{cost.tokens:,} tokens through {name}; naively {cost.naive_tokens:,}{saved}"


def _notes(attribution: Attribution) -> list[Text]:
    return [Text(one_line(note), "yellow") for note in attribution.notes]
