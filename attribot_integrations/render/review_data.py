"""Attributed answers as the data of a review page: the worst first, each text once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.context.links import web_link
from attribot_integrations.context.sources import clean_text
from attribot_integrations.render.chunks import chosen_metadata, chunk_names
from attribot_integrations.render.evidence import evidence
from attribot_integrations.render.html_answer import StatementView, answer_view
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.text import one_line, visible
from attribot_integrations.render.utf16 import offset_table

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Chunk
    from attribot_integrations.render.html_answer import BlockView
    from attribot_integrations.render.marks import MarkedAnswer
    from attribot_integrations.results import Attribution, Citation
    from attribot_integrations.results.support import SupportLabel

__all__ = ["LABEL_ORDER", "answer_key", "review_data"]

LABEL_ORDER: Final[tuple[SupportLabel, ...]] = (
    "unsupported",
    "uncertain",
    "unknown",
    "parametric",
    "supported",
)
"""The labels, the worst first."""

_SHOWN_STATEMENT = StatementView((), "unknown", None, None)


def answer_key(attribution: Attribution) -> str:
    """Return what an answer is known by in any file: a digest of question, answer and chunks."""
    texts = [attribution.question, attribution.answer, *(each.text for each in attribution.chunks)]
    return sha256("\0".join(map(clean_text, texts)).encode()).hexdigest()[:20]


def review_data(
    attributions: Iterable[Attribution], metadata: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what the page's script reads; offsets count UTF-16 units, as it does.

    Args:
        attributions: The answers.
        metadata: Keys of the chunks' metadata whose values are shown.

    Returns:
        `labels`: the labels in order. `texts`: each retrieved text once, with name, link and
        metadata. `answers`: by their worst statement, first by its label, then by its probability;
        each statement with its label, and with all citations, those that its label denies marked.
    """
    texts = _Texts(metadata)
    answers = [_answer(each, texts) for each in attributions]
    answers.sort(key=lambda answer: answer.pop("worst"))
    return {"labels": LABEL_ORDER, "texts": texts.all, "answers": answers}


@dataclass
class _Texts:
    """The retrieved texts, each once."""

    metadata: Sequence[str]
    all: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, chunk: Chunk, name: str) -> int:
        """Return the place of a chunk's text, which is added if it is new."""
        made = {
            "name": name,
            "link": web_link(chunk.metadata),
            "more": [": ".join(pair) for pair in chosen_metadata(chunk, self.metadata)],
            "text": visible(chunk.text),
        }
        key = json.dumps(made, sort_keys=True)
        if key not in self.places:
            self.places[key] = len(self.all)
            self.all.append(made)
        return self.places[key]


def _answer(attribution: Attribution, texts: _Texts) -> dict[str, Any]:
    names = chunk_names(attribution.chunks)
    marked = marked_answer(attribution)
    shown = _shown_texts(attribution.answer, marked)
    denied = {*attribution.citations} - {*attribution.shown_citations}
    statements: list[dict[str, Any]] = []
    worst: list[tuple[int, float]] = []
    for statement, passage in zip(attribution.statements, marked.passages, strict=True):
        made: dict[str, Any] = {"text": shown[statement.index], "citations": []}
        support = passage.support
        if passage.shape:
            made["shape"] = True
        elif support is not None:
            made |= {"label": support.label, "probability": support.probability}
            likely = 1.0 if support.probability is None else support.probability
            worst.append((LABEL_ORDER.index(support.label), likely))
        told = [passage.remark, None if support is None else support.reason, passage.carried]
        made["notes"] = [one_line(each) for each in told if each is not None]
        for citation in attribution.citations_of(statement.index):
            made["citations"].append(_citation(attribution, citation, citation in denied))
        statements.append(made)
    return {
        "key": answer_key(attribution),
        "id": None if attribution.id is None else one_line(attribution.id),
        "question": visible(attribution.question).strip(),
        "statements": statements,
        "chunks": [
            texts.place(chunk, name) for chunk, name in zip(attribution.chunks, names, strict=True)
        ],
        "notes": [one_line(note) for note in attribution.notes],
        "worst": min(worst, default=(len(LABEL_ORDER), 1.0)),
    }


def _citation(attribution: Attribution, citation: Citation, denied: bool) -> dict[str, Any]:
    text = visible(attribution.chunks[citation.chunk_index].text)
    places = offset_table(text, "characters" if text.isascii() else "utf-16")  # then the same
    kind = "" if citation.exact else "; approximate"
    worth = evidence(citation.score, citation.basis, citation.states)
    either = "; another source says the same" if citation.alternatives else ""
    return {
        "number": citation.number,
        "chunk": citation.chunk_index,
        "start": places[citation.chunk_start],
        "end": places[citation.chunk_end],
        "worth": f"{worth}{kind}{either}",
        "denied": denied,
    }


def _shown_texts(answer: str, marked: MarkedAnswer) -> list[str]:
    """Return each statement's text without Markdown's marks; cells of a table with dots between."""
    spans = []
    end = 0
    for passage in marked.passages:
        start = end + len(passage.before)
        end = start + len(passage.text)
        spans.append((start, end))
    found: list[list[str]] = [[] for _ in spans]
    for block in _leaves(answer_view(answer, spans, [_SHOWN_STATEMENT] * len(spans))):
        for unit in block.units:
            if unit.place is not None:
                found[unit.place].append("".join(run.text for run in unit.runs))
    return [" · ".join(filter(None, each)) for each in found]


def _leaves(blocks: Iterable[BlockView]) -> Iterable[BlockView]:
    for block in blocks:
        yield block
        yield from _leaves(block.inside)
