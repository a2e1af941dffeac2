"""What the HTML template shows of an attribution, as plain data; nothing in it is escaped yet."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from attribot_integrations.render.chunks import chunk_names
from attribot_integrations.render.evidence import carried_lines, is_verified
from attribot_integrations.render.html_answer import StatementView, answer_view
from attribot_integrations.render.html_cards import make_card
from attribot_integrations.render.html_options import HtmlOptions
from attribot_integrations.render.html_sources import SourceList
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.text import model_name, nats, one_line, visible
from attribot_integrations.render.trees import TreeView, led_through
from attribot_integrations.results.citation_marks import find_marks

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Span
    from attribot_integrations.render.html_cards import Card
    from attribot_integrations.render.html_sources import SourceView
    from attribot_integrations.render.marks import MarkedAnswer, Passage
    from attribot_integrations.results import Attribution
    from attribot_integrations.results.support import SupportLabel

__all__ = ["BASIS_MEANINGS", "LABEL_MEANINGS", "AttributionView"]

LABEL_MEANINGS: dict[SupportLabel, str] = {
    "supported": "it depends on the sources cited behind it",
    "unsupported": "unlikely even with the sources at hand",
    "parametric": "no likelier with the sources than without, so not taken from them",
    "uncertain": "depends on the sources as a whole, but none of them stands out",
    "unknown": "could not be judged, for the reason given below",
}

BASIS_MEANINGS = {
    "depends": "the statement is less likely without it",
    "states": "{verifier} finds the statement in it, whether or not the answer was taken from it",
}
"""What the words mean that say why a source is cited."""


class AttributionView:
    """What is shown of one attribution.

    Args:
        attribution: What to show.
        place: Tells attributions of one page apart.
        options: What of it is shown, and how.
    """

    def __init__(
        self, attribution: Attribution, place: int = 0, options: HtmlOptions | None = None
    ) -> None:
        self._shown = attribution
        self._options = options = options or HtmlOptions()
        text = visible(f"{attribution.question}\n{attribution.answer}")
        self.id = f"attribot-{sha256(text.encode()).hexdigest()[:8]}-{place}"
        whole = len({*options.parts}) == len({*HtmlOptions().parts})
        self.article_id = self.id if whole else f"{self.id}-{options.parts[0]}"
        self._names = chunk_names(attribution.chunks)
        self._sources = SourceList(attribution, self._names, self.id, options.metadata)
        self.question = visible(attribution.question).strip()
        marked = marked_answer(attribution)
        self.statements = [
            self._statement(index, passage) for index, passage in enumerate(marked.passages)
        ]
        self.blocks = answer_view(attribution.answer, _spans(marked), self.statements)
        self.has_own_marks = bool(find_marks(attribution.answer))
        self.method = one_line(attribution.method)
        self.seconds = attribution.cost.seconds
        self.models = [model_name(model.model) for model in attribution.cost.models]
        self.exact = bool(attribution.exact.all())
        self.log_likelihood = nats(attribution.log_likelihood)
        self.log_likelihood_without_context = nats(attribution.log_likelihood_without_context)
        self.carried = carried_lines(attribution)
        self.notes = [one_line(note) for note in attribution.notes]

    @property
    def bases(self) -> dict[str, str]:
        """Why sources are cited, with the meanings, where there is more than one reason."""
        found = {each.basis for each in self._shown.shown_citations}
        if not found or (found == {"depends"} and not is_verified(self._shown)):
            return {}
        name = self._shown.verifier
        verifier = f"the verifier “{one_line(name)}”" if name else "a verifier"
        return {basis: text.format(verifier=verifier) for basis, text in BASIS_MEANINGS.items()}

    @property
    def labels(self) -> dict[SupportLabel, str]:
        """The labels that occur, with their meanings."""
        found = {each.label for each in self.statements if each.shown_label is not None}
        return {label: text for label, text in LABEL_MEANINGS.items() if label in found}

    @property
    def trees(self) -> list[TreeView]:
        """The traces of the statements, where they lead through what models wrote before."""
        return [TreeView(trace) for trace in led_through(self._shown)]

    @property
    def cited(self) -> list[SourceView]:
        """The cited chunks by number; those of the same text are shown once."""
        return self._sources.cited

    @property
    def uncited(self) -> list[SourceView]:
        """The other chunks, the strongest first, those without a score last."""
        return self._sources.uncited

    @property
    def uncited_name(self) -> str:
        """What they are called together: what was said in the conversation was not retrieved."""
        uncited = {*range(len(self._shown.chunks))}
        uncited -= {each.chunk_index for each in self._shown.shown_citations}
        said = any(self._shown.chunks[index].said is not None for index in uncited)
        return "Also at hand, not cited" if said else "Also retrieved, not cited"

    def _statement(self, index: int, passage: Passage) -> StatementView:
        return StatementView(
            marks=tuple(
                tuple(self._cards(f"{self.id}-{index}-{place}", passage, place))
                for place in range(len(passage.marks))
            ),
            label=passage.doubt,
            probability=passage.support.probability if passage.support else None,
            remark=passage.remark,
            beside_citations=bool(self._shown.shown_citations),
            path=visible(passage.path) if passage.path else None,
        )

    def _cards(self, id_: str, passage: Passage, place: int) -> list[Card]:
        mark = passage.marks[place]
        cards = []
        for number in mark.numbers:
            own = [citation for citation in mark.citations if citation.number == number]
            cards.append(
                make_card(
                    self._shown,
                    own,
                    id=f"{id_}-{number}",
                    anchor=self._sources.anchor(number) if "sources" in self._options.parts else "",
                    name=self._names[own[0].chunk_index],
                    numbers=mark.numbers,
                    carried=passage.carried,
                    metadata=self._options.metadata,
                )
            )
        return cards


def _spans(marked: MarkedAnswer) -> list[Span]:
    """Return where the statements stand."""
    spans: list[Span] = []
    end = 0
    for passage in marked.passages:
        start = end + len(passage.before)
        end = start + len(passage.text)
        spans.append((start, end))
    return spans
