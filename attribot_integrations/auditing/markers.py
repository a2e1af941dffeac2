"""Citations that stand as marks in an answer's text: which chunks they mean, and for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import regex

from attribot_integrations.auditing.claims import answer_statements, claims_of
from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.numbering import Numbering, chunk_names
from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.results.citation_marks import CitationMark, code_spans, find_marks

__all__ = ["find_citations", "find_markers", "reference_lines"]

_NAMED: Final = regex.compile(
    r"\[(?P<n>[^\[\]\n]{1,200})\](?!\()|\((?P<n>[^()\n]{1,200})\)|［(?P<n>[^［］\n]{1,200})］"
    r"|<(?P<n>https?://[^<>\s]{1,500})>"
    r"|\[(?P<title>[^\[\]\n]{1,200})\]\((?P<link>[^()\s]{1,500}(?:\([^()\s]{0,100}\)\S{0,99}?)?)\)"
)
_PREFIX: Final = regex.compile(
    r"(?:sources?|refs?|docs?|documents?|see|from|cite|citation)\s*:?\s+", regex.IGNORECASE
)
_ROUND: Final = regex.compile(
    r"(?<=[\p{L}\d][.,;:!?\"\u201d)]?[ ]?)\((?P<n>\d{1,2}(?:,[ ]?\d{1,2}){0,5})\)"
    r"(?=[ ]*(?:[.,;!?]|\n|\Z))"
)
_COUNTED: Final = regex.compile(
    r"\b(?:sections?|figures?|fig|tables?|equations?|eqs?|steps?|pages?|articles?|paragraphs?|rules?"
    r"|clauses?|parts?|chapters?|items?|options?|numbers?|version|volume|form)\.?[ ]?$",
    regex.IGNORECASE,
)
_DEFINITION: Final = regex.compile(
    r"^[ \t]*(?:[-*+][ \t]+)?(?:\[\^?(?P<l>[\w-]{1,30})\]|【(?P<l>\d{1,3})[^】\n]*】"
    r"|(?P<l>[¹²³⁴-⁹])"
    r"|(?P<l>\d{1,3})[.)])(?P<colon>:?)[ \t]+(?P<text>\S[^\n]*)$",
    regex.MULTILINE,
)
_HEADING: Final = regex.compile(
    r"^[ \t#*_]*(?:references?|sources?|citations?|bibliography|works cited|footnotes?|notes"
    r"|quellen|fuentes|出典|参考文献|来源)[ \t:*_]*$",
    regex.IGNORECASE | regex.MULTILINE,
)


def find_citations(
    answer: str,
    chunks: Sequence[Chunk],
    *,
    numbers: Mapping[str | int, int] | None = None,
    statements: Sequence[Span] | None = None,
) -> tuple[GivenCitation, ...]:
    """Read the marks in an answer's text.

    Args:
        answer: The answer's text, plain or Markdown.
        chunks: What was retrieved, in the order in which the prompt shows it.
        numbers: Chunk indexes by number or label; see `Numbering.of` for what they are by default.
        statements: Spans of the answer's statements; by default its sentences.

    Returns:
        One citation for each source of each mark, in the order of the text.

    Raises:
        InputError: If `numbers` names a chunk that there is not.
    """
    markers = find_markers(answer, chunks)
    labels = [label for mark in markers for label in mark.labels]
    numbering = Numbering.of(chunks, labels, numbers)
    told = {} if numbers is not None else _defined(answer, chunks)
    spans = [(mark.start, mark.end) for mark in markers]
    own = statements if statements is not None else answer_statements(answer)
    found: list[GivenCitation] = []
    for mark, claim in zip(markers, claims_of(answer, spans, own), strict=True):
        for label, chunk in _resolved(mark, numbering, told, len(chunks)):
            found.append(GivenCitation(*claim, chunk, label, (mark.start, mark.end)))
    return tuple(found)


def find_markers(answer: str, chunks: Sequence[Chunk]) -> tuple[CitationMark, ...]:
    """Find the marks of an answer: those of any text, and those that only its chunks explain.

    The latter are ids, titles and addresses of chunks in brackets, links to a chunk's address,
    and `(1)` at the end of clauses where there is no other kind of mark. Lists of references and
    definitions of footnotes are no marks.

    Args:
        answer: The answer's text.
        chunks: What was retrieved.
    """
    lists = reference_lines(answer)
    taken = [*code_spans(answer), *lists]
    marks = [mark for mark in _by_name(answer, chunks) if not _touches(taken, mark)]
    taken += [(mark.start, mark.end) for mark in marks]
    marks += [mark for mark in find_marks(answer) if not _touches(taken, mark)]
    if not marks:
        marks = [mark for mark in _round(answer, len(chunks)) if not _touches(taken, mark)]
    return tuple(sorted(marks, key=lambda mark: mark.start))


def reference_lines(answer: str) -> list[Span]:
    """Return the lines that say what the marks of an answer mean, headings above them included."""
    lines = list(_DEFINITION.finditer(answer))
    headings = [match.span() for match in _HEADING.finditer(answer)]
    found: list[Span] = []
    for match in lines:
        under = [end for _, end in headings if end <= match.start()]
        listed = bool(under) and _only_lines(answer, under[-1], match.start(), lines)
        if match["colon"] or listed:
            found.append(match.span())
    found += [(start, end) for start, end in headings if any(low >= end for low, _ in found)]
    return sorted(found)


def _only_lines(answer: str, start: int, end: int, lines: Sequence[regex.Match[str]]) -> bool:
    """Tell whether nothing but definitions stands between two places."""
    done = start
    for match in lines:
        if done <= match.start() < end:
            if answer[done : match.start()].strip():
                return False
            done = match.end()
    return not answer[done:end].strip()


def _defined(answer: str, chunks: Sequence[Chunk]) -> dict[str, int]:
    """Return what an answer's own list of references says of its labels."""
    names = {name: place for name, place in chunk_names(chunks).items() if len(name) > 3}
    told: dict[str, int] = {}
    lines = reference_lines(answer)
    for match in _DEFINITION.finditer(answer):
        if _within(lines, match.start()):
            text = match["text"].lower()
            places = {place for name, place in names.items() if name in text}
            if len(places) == 1:
                told[match["l"].lower()] = places.pop()
    return told


def _resolved(
    mark: CitationMark, numbering: Numbering, told: Mapping[str, int], count: int
) -> Iterator[tuple[str, int | None]]:
    """Yield each label of a mark with its chunk."""
    linked = numbering.chunk(mark.link) if mark.link else None
    if mark.from_zero:
        name, place = mark.labels[0], int(mark.labels[-1])
        named = numbering.chunk(name) if len(mark.labels) > 1 else None
        yield name, named if named is not None else place if place < count else None
        return
    for label in mark.labels:
        if linked is not None and len(mark.labels) == 1:
            yield label, linked
        elif label.lower() in told:
            yield label, told[label.lower()]
        else:
            yield label, numbering.chunk(label)


def _by_name(answer: str, chunks: Sequence[Chunk]) -> Iterator[CitationMark]:
    names = chunk_names(chunks)
    for match in _NAMED.finditer(answer):
        if match["link"]:
            if match["link"].rstrip("/").lower() in names:
                start, end = match.span()
                if answer[start - 1 : start] == "(" and answer[end : end + 1] == ")":
                    start, end = start - 1, end + 1
                yield CitationMark(start, end, (match["title"],), match["link"])
            continue
        content = _PREFIX.sub("", match["n"].strip(), count=1)
        whole = content.rstrip("/").lower()
        pieces = [content] if whole in names else regex.split(r"\s*[,;]\s*", content)
        known = [piece for piece in pieces if piece.strip().rstrip("/").lower() in names]
        if all(piece.isdigit() and len(piece) < 4 for piece in pieces):
            continue  # a number like any other
        bare = match.group()[0] == "(" and all(piece.isalpha() for piece in known)
        if known and len(known) == len(pieces) and not bare:
            yield CitationMark(*match.span(), tuple(piece.strip() for piece in pieces))


def _round(answer: str, count: int) -> Iterator[CitationMark]:
    """Find `(1)` at the ends of clauses, in an answer in which nothing else is counted so."""
    found: list[CitationMark] = []
    for match in _ROUND.finditer(answer):
        numbers = tuple(number.strip() for number in match["n"].split(","))
        if _COUNTED.search(answer[max(0, match.start() - 20) : match.start()]):
            continue
        if not all(1 <= int(number) <= count for number in numbers):
            return
        found.append(CitationMark(*match.span(), numbers))
    yield from found


def _within(spans: Sequence[Span], place: int) -> bool:
    return any(start <= place < end for start, end in spans)


def _touches(spans: Sequence[Span], mark: CitationMark) -> bool:
    return any(start < mark.end and mark.start < end for start, end in spans)
