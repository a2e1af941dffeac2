"""An answer with its marks of citations corrected, and its text otherwise as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import regex

from attribot_integrations.context.links import web_link
from attribot_integrations.context.sources import Span
from attribot_integrations.results.citation_marks import joins_marks

if TYPE_CHECKING:
    from attribot_integrations.auditing.audits import AnswerAudit, JudgedCitation
    from attribot_integrations.context.sources import Chunk

__all__ = ["rewritten"]

_Edit = tuple[int, int, str]

_NUMBER: Final = regex.compile(r"[\d¹²³⁴-⁹⁰]+")
_STOPS: Final = ".!?。！？"
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LINK: Final = regex.compile(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)?\)")


@dataclass(frozen=True)
class _Style:
    """How an answer writes its marks."""

    mark: str = "[1]"
    """One of its marks."""
    label: str = "1"
    """What that mark cites."""
    space: str = " "
    """What stands before a mark."""
    behind_stop: bool = False
    """Whether marks stand behind the full stop."""


def rewritten(audit: AnswerAudit) -> str:
    """Return the answer with wrong numbers replaced, and marks removed or added.

    A mark that is beside the point, or names no source, is removed, unless it is known which source
    is meant. Missing ones are written in the answer's own style, `[1]` where it has none. Marks
    that could not be judged stay. An answer whose citations are all given beside the text has no
    marks, and stays as it is.

    Args:
        audit: The answer with its citations judged.
    """
    marked = [each for each in audit.citations if each.given.marker is not None]
    if audit.citations and not marked:
        return audit.answer
    groups: dict[Span, list[JudgedCitation]] = {}
    for each in marked:
        if each.given.marker is not None:
            groups.setdefault(each.given.marker, []).append(each)
    style = _style(audit, groups)
    edits = [*_corrections(audit, groups), *_additions(audit, groups, style)]
    text = audit.answer
    # Of edits at one place, the one that was listed last stands last.
    for start, end, new in sorted(edits, key=lambda edit: edit[:2])[::-1]:
        text = text[:start] + new + text[end:]
    return text


def _corrections(audit: AnswerAudit, groups: dict[Span, list[JudgedCitation]]) -> Iterator[_Edit]:
    written: dict[Span, set[int]] = {}  # for each claim, the chunks that its marks name so far
    for own in groups.values():
        for each in own:
            if each.right is not False and each.given.chunk_index is not None:
                claim = (each.given.start, each.given.end)
                written.setdefault(claim, set()).add(each.given.chunk_index)
    removed: list[Span] = []
    for (start, end), own in groups.items():
        if all(each.right is not False for each in own):
            continue
        labels: list[str] = []
        chunks: list[int | None] = []
        for each in own:
            named = written.setdefault((each.given.start, each.given.end), set())
            if each.right is not False:
                labels.append(each.given.label)
                chunks.append(each.given.chunk_index)
            elif each.instead is not None and each.instead not in named:
                named.add(each.instead)
                labels.append(audit.labels[each.instead])
                chunks.append(each.instead)
        if labels:
            mark = audit.answer[start:end]
            yield start, end, _relabelled(mark, own[0].given.label, labels, audit.chunks, chunks)
        else:
            removed.append((start, end))
    yield from _removals(audit.answer, [*groups], removed)


def _removals(answer: str, markers: Sequence[Span], removed: Sequence[Span]) -> Iterator[_Edit]:
    """Cut marks out with what joins them to others, or with the space before them."""
    runs: list[list[Span]] = []
    for marker in sorted(markers):
        if runs and joins_marks(answer[runs[-1][-1][1] : marker[0]]):
            runs[-1].append(marker)
        else:
            runs.append([marker])
    for run in runs:
        kept = [marker for marker in run if marker not in removed]
        if not kept:
            start = len(answer[: run[0][0]].rstrip(" \t"))
            yield start, run[-1][1], ""
            continue
        for place, (start, end) in enumerate(run):
            if (start, end) not in removed:
                continue
            if start < kept[-1][0]:
                yield start, run[place + 1][0], ""
            else:
                yield run[place - 1][1], end, ""


def _additions(
    audit: AnswerAudit, groups: dict[Span, list[JudgedCitation]], style: _Style
) -> Iterator[_Edit]:
    for statement in audit.statements:
        if not statement.missing:
            continue
        marks = "".join(
            _relabelled(style.mark, style.label, [audit.labels[chunk]], audit.chunks, [chunk])
            for chunk in statement.missing
        )
        own = [
            audit.citations[place].given.marker
            for place in statement.citations
            if audit.citations[place].right is not False
        ]
        ends = [marker[1] for marker in own if marker is not None]
        if ends:
            yield max(ends), max(ends), marks
            continue
        end = statement.end
        if not style.behind_stop and audit.answer[end - 1 : end] in [*_STOPS]:
            end -= 1
        yield end, end, style.space + marks


def _style(audit: AnswerAudit, groups: dict[Span, list[JudgedCitation]]) -> _Style:
    """Take the answer's first mark of one source for a pattern."""
    for (start, end), own in groups.items():
        mark = audit.answer[start:end]
        if len(own) == 1 and own[0].given.label.lower() in _spelled(mark).lower():
            before = audit.answer[:start]
            bare = before.rstrip(" \t")
            return _Style(
                mark, own[0].given.label, before[len(bare) :], bare[-1:] in [*_STOPS] and bool(bare)
            )
    return _Style()


def _relabelled(
    mark: str,
    old: str,
    labels: Sequence[str],
    chunks: Sequence[Chunk],
    cited: Sequence[int | None],
) -> str:
    """Write other labels into a mark."""
    link = _LINK.search(mark)
    if link is not None:
        first = cited[0]
        address = web_link(chunks[first].metadata) if first is not None else None
        text = f"[{', '.join(labels)}]"
        shown = f"{text}({address})" if address and len(labels) == 1 else text
        wrapped = mark.startswith("(") and mark.endswith("))")
        return f"({shown})" if wrapped else shown
    numbers = [match.span() for match in _NUMBER.finditer(mark)]
    at = _spelled(mark).lower().find(old.lower())
    raised = bool(regex.search("[¹²³⁴-⁹⁰]", mark))
    written = [label.translate(_RAISED) for label in labels] if raised else [*labels]
    joined = ("," if raised else ", ").join(written)
    if old.isdigit() and numbers and "†" not in mark:
        return mark[: numbers[0][0]] + joined + mark[numbers[-1][1] :]
    if at >= 0 and "†" not in mark:
        last = mark[at:].rstrip(")]】］ ")
        return mark[:at] + joined + mark[at + len(last) :]
    if "†" in mark and len(labels) == 1 and old.isdigit() and ":" not in mark:
        return mark[:at] + joined + mark[at + len(old) :]
    return f"[{joined}]"


def _spelled(mark: str) -> str:
    """Write raised digits as plain ones."""
    return mark.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
