"""From the steps of a trace to requests: which documents, and which prompt, belong to an answer.

The answer is the text that the trace as a whole gave; where it gave none (a list, a structure), it
is what the last model in each part with documents of its own wrote. The documents are those that
were retrieved before the model that wrote it began, in the nearest step around it that retrieved
any. Where retrievers are nested, the outermost counts, and a reranker takes the place of what it
was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.traces.answer_places import RETRIEVED_BY, AnswerPlace
from attribot_integrations.traces.span_tree import SpanTree
from attribot_integrations.traces.tracespans import TraceSpan

__all__ = ["TraceAnswer", "answers_of"]

NO_DOCUMENTS = "nothing was retrieved"
NO_TEXTS = "what was retrieved holds no text"
NO_ANSWER = "there is no answer"
FAILED = "it failed before it gave an answer"
NO_QUESTION = "there is no question"

UNKNOWN_PROMPT = "no model's call wrote the answer as it is, so its prompt is unknown"
PART = "the answer is a part of what the model wrote, or holds it"
NO_PROMPT = "the prompt was not recorded"
SOME_TEXTS = "some of the documents hold no text, and are left out"
GUESSED_QUESTION = "the question is what was searched for, or the user's last message"


@dataclass(frozen=True)
class TraceAnswer:
    """An answer of a trace, to be attributed."""

    request: AttributionRequest
    number: int
    """Number of the record that the answer stands in."""
    guessed: tuple[str, ...]
    """What had to be guessed, or is missing."""


@dataclass(frozen=True)
class _Candidate:
    """An answer, and the step that stands for it."""

    place: TraceSpan
    text: str
    writer: TraceSpan | None
    scope: str | None
    """Id of the step that retrieved its documents inside; `None` is the whole trace."""
    remark: str | None = None


@dataclass(frozen=True)
class _Found:
    """A document, and where it was found."""

    chunk: Chunk | None
    span: str
    position: int


def answers_of(spans: Sequence[TraceSpan]) -> list[TraceAnswer]:
    """Return the answers of one trace, with the documents and the prompt of each.

    Args:
        spans: All its steps.

    Raises:
        DataFileError: If there is none that can be attributed; the message says why.
    """
    tree = SpanTree.of(spans)
    if not tree.finders:
        raise DataFileError(NO_DOCUMENTS)
    candidates = _candidates(tree)
    if not candidates:
        raise DataFileError(FAILED if any(span.failed for span in tree.roots) else NO_ANSWER)
    return [_answer(tree, candidate) for candidate in candidates]


def _candidates(tree: SpanTree) -> list[_Candidate]:
    writers = [span for span in tree.spans if span.kind == "llm" and span.answer is not None]
    writers = list(tree.innermost(writers))
    roots = tree.roots
    if len(roots) == 1 and roots[0].answer is not None and roots[0].kind != "retriever":
        return [_of_root(tree, roots[0], roots[0].answer, writers)]
    return _in_parts(tree, writers)


def _of_root(
    tree: SpanTree, root: TraceSpan, answer: str, writers: Sequence[TraceSpan]
) -> _Candidate:
    """Return the answer of a trace, with the model that wrote it if one did."""
    text = answer.strip()
    for writer in reversed(writers):
        if writer.answer is not None and writer.answer.strip() == text:
            return _Candidate(root, answer, writer, _scope(tree, writer))
    for writer in reversed(writers):
        wrote = (writer.answer or "").strip()
        if text in wrote or wrote in text:
            shorter = min(text, wrote, key=len)
            return _Candidate(root, shorter, writer, _scope(tree, writer), PART)
    return _Candidate(root, answer, None, None, UNKNOWN_PROMPT)


def _in_parts(tree: SpanTree, writers: Sequence[TraceSpan]) -> list[_Candidate]:
    """Return the last answer of each part of a trace that retrieved documents of its own."""
    last = {_scope(tree, writer): writer for writer in writers if _began_after(tree, None, writer)}
    drafts: set[str | None] = set()
    for scope, writer in last.items():
        around = (*tree.above[scope], None) if scope is not None else ()
        for outer in around:
            if outer in last:  # of two parts, one inside the other, the later answer counts
                drafts.add(outer if last[outer].start < writer.start else scope)
    return [
        _Candidate(writer, writer.answer, writer, scope)
        for scope, writer in last.items()
        if scope not in drafts and writer.answer is not None
    ]


def _scope(tree: SpanTree, writer: TraceSpan) -> str | None:
    """Return the nearest step around a model's call in which documents were found before it."""
    around = tree.above[writer.id]
    return next((scope for scope in around if _began_after(tree, scope, writer)), None)


def _began_after(tree: SpanTree, scope: str | None, writer: TraceSpan) -> bool:
    """Return whether documents had been found inside a step when a model's call began."""
    first = tree.first_found.get(scope)
    return first is not None and (not writer.start or first <= writer.start)


def _retrieved(tree: SpanTree, scope: str | None, writer: TraceSpan | None) -> list[TraceSpan]:
    """Return the steps inside another that found documents before a model's call began."""
    limit = writer.start if writer is not None else ""
    found = [
        span
        for span in tree.finders
        if tree.inside(span, scope) and (not limit or span.start <= limit)
    ]
    return list(tree.outermost(found))


def _answer(tree: SpanTree, candidate: _Candidate) -> TraceAnswer:
    place, writer = candidate.place, candidate.writer
    spans = _retrieved(tree, candidate.scope, writer)
    found = _shown(spans)
    chunks = [_marked(one.chunk, one) for one in found if one.chunk is not None]
    if not chunks:
        raise DataFileError(NO_TEXTS if found else NO_DOCUMENTS)
    own = _question(tree, candidate)
    question = own or _guessed_question(spans, writer)
    if question is None:
        raise DataFileError(NO_QUESTION)
    prompt = writer.prompt if writer is not None else None
    remarks = (
        candidate.remark,
        NO_PROMPT if writer is not None and prompt is None else None,
        SOME_TEXTS if len(chunks) < len(found) else None,
        GUESSED_QUESTION if own is None else None,
    )
    request = AttributionRequest(
        question,
        chunks,
        candidate.text,
        prompt=prompt,
        id=AnswerPlace(place.trace, place.id, place.project).id,
    )
    guessed = tuple(remark for remark in remarks if remark is not None)
    return TraceAnswer(request, place.number, guessed)


def _question(tree: SpanTree, candidate: _Candidate) -> str | None:
    """Return what the step that gave the answer was asked, or else the nearest one around it."""
    if candidate.place is not candidate.writer:
        return candidate.place.question
    scope = candidate.scope
    around = (scope, *tree.above[scope]) if scope is not None else ()
    questions = (tree.by_id[id_].question for id_ in around)
    return next((question for question in questions if question is not None), None)


def _shown(spans: Sequence[TraceSpan]) -> list[_Found]:
    """Return the documents of some steps, with what rerankers left out taken away."""
    shown: list[_Found] = []
    for span in spans:
        if span.kind == "reranker":
            given = {chunk.text for chunk in span.given if chunk is not None}
            shown = [
                one for one in shown if given and (one.chunk is None or one.chunk.text not in given)
            ]
        shown += [_Found(chunk, span.id, index) for index, chunk in enumerate(span.documents)]
    return shown


def _marked(chunk: Chunk, found: _Found) -> Chunk:
    mark = {"span": found.span, "position": found.position}
    return replace(chunk, metadata={**chunk.metadata, RETRIEVED_BY: mark})


def _guessed_question(spans: Sequence[TraceSpan], writer: TraceSpan | None) -> str | None:
    asked: Iterator[str] = (span.question for span in spans if span.question is not None)
    said = [
        one["content"] for one in (writer.prompt if writer else None) or () if one["role"] == "user"
    ]
    return next(asked, said[-1] if said else None)
