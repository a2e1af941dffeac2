"""What of an answer is scored: its words, as they would stand in a plain line of text.

How likely a model finds white space, Markdown, emoji, marks of citations or a generator's thoughts
says nothing about the facts of an answer, but it changes sums of log-probabilities by many nats. So
they are left out of what is scored, and the answer itself stays as it is: every character of the
wording knows its place in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex

from attribot_integrations.context.sources import Span, clean_text
from attribot_integrations.results.citation_marks import code_spans, find_marks, joins_marks
from attribot_integrations.results.fields import json_fields, json_words

__all__ = ["Wording", "thoughts_before", "wording_of"]

_THOUGHTS: Final = regex.compile(
    r"<(think|thinking|thought|thoughts|reasoning|reflection|scratchpad)\b[^<>]*>.*?(?:</\1>|\Z)"
    r"|\A(?:(?!<(?:think|thinking)>).)*?</(?:think|thinking)>"  # the template may have opened it
    r"|<\|channel\|>analysis<\|message\|>.*?(?:<\|end\|>|\Z)",
    regex.DOTALL | regex.IGNORECASE,
)

_THOUGHT_MARKS: Final = regex.compile(
    r"\A<\|channel\|>analysis<\|message\|>|<\|end\|>\Z|\A<[^<>]*>|</[^<>]*>\Z"
)

_EMOJI: Final = regex.compile(
    r"(?:[\p{Extended_Pictographic}--[#*0-9©®™]][\p{EMod}\uFE0F\u20E3]*\u200D?|\p{RI}\p{RI})+",
    regex.V1,
)

_TAGS: Final = regex.compile(r"</?(?:p|b|i|u|em|strong|span|div|br|mark|small)\s*/?>", regex.I)

_ROW_ENDS: Final = regex.compile(r"</(?:tr|li|dt|dd)>", regex.I)
_ROW_TAGS: Final = regex.compile(r"</?(?:tr|li|dt|dd)(?:\s[^<>]*)?>", regex.I)
_TABLE_TAGS: Final = regex.compile(
    r"</?(?:table|caption|thead|tbody|tfoot|tr|th|td|ul|ol|li|dl|dt|dd)(?:\s[^<>]*)?>", regex.I
)

_LINE_MARKS: Final = regex.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|(?:>[ \t]?)+|[-*+•][ \t]+)+(?=\S)|^[ \t]*(?:[-*_][ \t]*){3,}$"
    r"|^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-{2,}:?[ \t]*)?$|(?<=\s)#+[ \t]*$",
    regex.MULTILINE,
)

_EMPHASIS: Final = regex.compile(
    r"(?<![\w*])(?P<star>\*{1,3})(?=[^\s*])(?:[^*\n]|\n(?!\n))*?(?<=[^\s*])(?P<end>(?P=star))(?!\*)"
    r"|(?<![\w_])(?P<star>_{1,3})(?=[^\s_])(?:[^_\n]|\n(?!\n))*?(?<=[^\s_])(?P<end>(?P=star))(?!\w)"
    r"|(?<!~)(?P<star>~~)(?=[^\s~])[^~\n]*(?<=\S)(?P<end>~~)(?!~)"
)


@dataclass(frozen=True)
class Wording:
    """The words of an answer, and where each of their characters stands in it."""

    text: str
    """What is scored; blank if the answer says nothing."""
    places: tuple[int, ...]
    """Place in the answer of each character of `text`; that of a space may hold something else."""
    bare: str
    """The answer with marks and thoughts blanked out, its line breaks and block marks kept; as long
    as the answer, so that spans in it are spans in the answer."""
    fields: tuple[Span, ...] = ()
    """Where the values of its fields are, if the answer is JSON."""
    paths: tuple[str, ...] = ()
    """The path of each field, see `Statement.path`."""

    def span(self, start: int, end: int) -> Span:
        """Return the span in the answer of a span of the wording."""
        if start >= end:
            place = self.places[start] if start < len(self.places) else len(self.bare)
            return place, place
        apart = end - start > 1 and self.places[start + 1] > self.places[start] + 1
        if apart and self.text[start] == " ":  # marks stand between the space and its word
            start += 1
        return self.places[start], self.places[end - 1] + 1


@lru_cache(maxsize=64)
def wording_of(answer: str) -> Wording:
    """Return the words of an answer.

    Thoughts (`<think>…</think>`), marks of citations (`[2]`, `【1†source】`, `[^3]`), Markdown's
    marks, emoji, and tags of text, tables and lists are left out, and each run of white space is
    one space; none is left at the ends. Code keeps its marks. The words of JSON are the values of
    its fields.

    Args:
        answer: The answer's text.
    """
    text = clean_text(answer)
    fields = json_fields(text)
    if fields:
        return _worded_fields(text, tuple(fields), tuple(fields.values()))
    code = code_spans(text)
    dropped = _joined(_dropped(text, code))
    marks = _joined([*dropped, *_outside(_spans(_LINE_MARKS, text), code, dropped)])
    kept: list[str] = []
    places: list[int] = []
    gap: int | None = None
    done = 0
    for start, end in [*marks, (len(text), len(text))]:
        for place in range(done, start):
            if text[place].isspace():
                gap = place
                continue
            if gap is not None and kept:
                kept.append(" ")
                places.append(gap)
            gap = None
            kept.append(text[place])
            places.append(place)
        if start < end and _parts_words(text, start, end):
            gap = end - 1
        done = end
    return Wording("".join(kept), tuple(places), _blanked(text, dropped))


def thoughts_before(answer: str) -> Span | None:
    """Return where the thoughts stand that an answer begins with, without the marks around them.

    Args:
        answer: The answer as the model wrote it.
    """
    found = _THOUGHTS.match(answer, len(answer) - len(answer.lstrip()))
    if found is None:
        return None
    inner = _THOUGHT_MARKS.sub(lambda mark: "\0" * len(mark[0]), found[0]).strip("\0 \t\r\n")
    start = answer.find(inner, found.start())
    return (start, start + len(inner)) if inner else None


def _worded_fields(text: str, fields: tuple[Span, ...], paths: tuple[str, ...]) -> Wording:
    """Return the values of fields as words, one field after the other."""
    kept: list[str] = []
    places: list[int] = []
    gap: int | None = None
    for span in fields:
        for place, character in json_words(text, span):
            if character.isspace():
                gap = place
                continue
            if gap is not None and kept:
                kept.append(" ")
                places.append(gap)
            gap = None
            kept.append(character)
            places.append(place)
        gap = span[1]
    edges = [0, *(edge for span in fields for edge in span), len(text)]
    around = list(zip(edges[::2], edges[1::2], strict=True))
    return Wording("".join(kept), tuple(places), _blanked(text, around), fields, paths)


def _dropped(text: str, code: Sequence[Span]) -> list[Span]:
    thoughts = _spans(_THOUGHTS, text)
    found = list(thoughts)
    found += _outside(_citations(text), code, thoughts)
    tables = (_TABLE_TAGS,) if _ROW_ENDS.search(text) else ()
    for pattern in (_TAGS, _EMOJI, *tables):
        found += _outside(_spans(pattern, text), code, thoughts)
    for match in _EMPHASIS.finditer(text):
        for name in ("star", "end"):
            found += _outside([match.span(name)], code, thoughts)
    return found


def _citations(text: str) -> list[Span]:
    """Return where marks of citations stand, with the spaces before them and what joins them."""
    spans: list[Span] = []
    for mark in find_marks(text):
        start, end = mark.start, mark.end
        while text[start - 1 : start] in ("*", "_") and text[end : end + 1] == text[start - 1]:
            start, end = start - 1, end + 1
        if spans and joins_marks(text[spans[-1][1] : start]):
            start = spans[-1][1]
        while start > 0 and text[start - 1] in " \t":
            start -= 1
        spans.append((start, end))
    return spans


def _spans(pattern: regex.Pattern[str], text: str) -> list[Span]:
    return [match.span() for match in pattern.finditer(text) if match.end() > match.start()]


def _outside(spans: Sequence[Span], *others: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans that touch none of others, which are in order."""
    for start, end in spans:
        if not any(_touches(start, end, each) for each in others):
            yield start, end


def _touches(start: int, end: int, others: Sequence[Span]) -> bool:
    place = bisect_right(others, (start, start)) - 1
    near = others[max(0, place) : place + 2]
    return any(low < end and start < high for low, high in near)


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, those that overlap or meet as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _parts_words(text: str, start: int, end: int) -> bool:
    """Whether what is left out stood between two words, which must not become one."""
    before, after = text[start - 1 : start], text[end : end + 1]
    spaced = text[start:end].strip("*_~ \t") != "" or "\n" in text[start:end]
    return spaced and not before.isspace() and (after.isalnum() or after in "([“\"'")


def _blanked(text: str, spans: Sequence[Span]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        pieces.append(text[done:start])
        blank = "\n" if _ROW_TAGS.search(text, start, end) else " "  # rows are paragraphs
        pieces.append("".join("\n" if each == "\n" else blank for each in text[start:end]))
        done = end
    return "".join([*pieces, text[done:]])
