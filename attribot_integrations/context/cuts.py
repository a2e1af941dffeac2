"""Parts of a text that a prompt shows where the rest was cut: a prefix, or a head and a tail.

A part is long, and ends in the prompt where a text may end: at the end of a line, a quotation or an
element, or before an ellipsis. That what is missing stands elsewhere in the prompt speaks against a
cut, and then nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from attribot_integrations.context.copies import Copy, Form, Needle, PromptTexts
from attribot_integrations.context.word_search import WordSearch, last_taken, telling_words

__all__ = ["Part", "may_show_part", "parts", "rest_stands"]

_LEAST = 24
"""UTF-8 bytes of the start or end of a text by which it is known."""
_OVERRUN = 24
"""Characters behind a cut that may happen to be as in the text."""
_GAP = regex.compile(
    r"[^\p{L}\p{N}]{1,80}|\W{0,9}(?:\.{2,}|\u2026|[\[(<{]).{0,60}(?:\.{2,}|\u2026|[\])>}])\W{0,9}"
)
"""What may stand for what is left out of the middle."""
_TELLING = 3
"""Words that must be missing before it tells anything that they stand elsewhere."""
_REPEATED = 0.5
"""Share of the missing words from which they are taken for pieces of the text."""
_TRIED = 32
"""Places that are tried for a start; a text with more is not told apart."""

_ENDS = regex.compile(r" ?(?:\.{2,}|\u2026|[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\"'<>|`\\])|$")
_BREAK = regex.compile(r"[\n\r\v\f\x85\u2028\u2029]|\\[nr]|&#10;|<br")
_WORD = regex.compile(r"[\p{L}\p{N}]")


@dataclass(frozen=True)
class Part:
    """What a prompt shows of a text."""

    copy: Copy
    shown: tuple[tuple[int, int], ...]
    """First character and number of characters of each run, in the folded text."""
    size: int
    """UTF-8 bytes of the shown text in its folded form."""


@dataclass(frozen=True)
class _Text:
    """One of the prompt's texts in one form."""

    search: WordSearch
    original: str
    taken: bytearray

    @property
    def text(self) -> str:
        return self.search.layer.text

    def breaks(self, place: int) -> bool:
        """Tell whether a line ends between the characters on both sides of a place, or text."""
        layer = self.search.layer
        low, high = place, place
        if self.text[place - 1 : place] == " ":
            low -= 1
        if self.text[place : place + 1] == " ":
            high += 1
        if low <= 0 or high >= len(self.text):
            return True
        between = self.original[layer.end_of(low - 1) : layer.start_of(high)]
        return _BREAK.search(between) is not None

    def may_start(self, place: int) -> bool:
        """Tell whether a text may start at a place."""
        if not self.search.is_border(place):
            return False
        before = self.text[max(0, place - 2) : place].rstrip(" ")[-1:]
        return not _WORD.match(before) or self.breaks(place)

    def may_end(self, place: int) -> bool:
        """Tell whether a text may be cut at a place."""
        if not self.search.is_border(place):
            return False
        return _ENDS.match(self.text, place) is not None or self.breaks(place)

    def may_start_behind_cut(self, place: int) -> bool:
        """Tell whether what stands at a place may follow what was cut out."""
        if not self.search.is_border(place):
            return False
        before = self.text[max(0, place - 4) : place].rstrip(" ")
        opened = before.endswith(("..", "\u2026")) or regex.search(
            r"[\p{Ps}\p{Pe}\p{Pi}\p{Pf}\"'<>|`]$", before
        )
        return bool(opened) or self.breaks(place)

    def free(self, start: int, end: int) -> bool:
        """Tell whether nothing in a span is taken."""
        return self.free_until(start, end) == end

    def free_until(self, start: int, end: int) -> int:
        """Return where the first taken character of a span begins, else its end."""
        low, high = self.search.layer.origin(start, end)
        free = len(self.taken[low:high]) - len(self.taken[low:high].lstrip(b"\x00"))
        return end if low + free == high else self.search.layer.ended_by(low + free)

    def free_from(self, start: int, end: int) -> int:
        """Return where the last taken character of a span ends, else its start."""
        last = last_taken(self.taken, *self.search.layer.origin(start, end))
        return start if last < 0 else self.search.layer.started_by(last)

    def gap(self, start: int, end: int) -> bool:
        """Tell whether a span may stand for what was cut out of the middle."""
        if not start < end <= start + 100 or not self.free(start, end):
            return False
        return _GAP.fullmatch(self.text, start, end) is not None


def may_show_part(left: Sequence[tuple[Form, list[str]]], needle: Needle) -> bool:
    """Tell whether the start or the end of a text stands in what is left of a prompt.

    Args:
        left: What `PromptTexts.left` returned.
        needle: The text.
    """
    for form, texts in left:
        text = needle.layer(form.number).text.strip()
        start, end = _anchors(text)
        if start and any(text[:start] in each or text[-end:] in each for each in texts):
            return True
    return False


def parts(prompt: PromptTexts, needle: Needle) -> list[Part]:
    """Find the parts of a text that a prompt may show, the longest first."""
    found: list[Part] = []
    tried: set[tuple[int, str]] = set()
    for form in prompt.forms:
        text = needle.layer(form.number).text.strip()
        start, end = _anchors(text)
        if not start:
            continue
        for message, search in enumerate(form.searches):
            if (id(search), text) in tried:
                continue
            tried.add((id(search), text))
            here = _Text(search, prompt.texts[message], prompt.taken[message])
            for runs in _cuts(here, text, start, end):
                found.append(_part(needle, form, message, runs, text))
    return sorted(found, key=lambda part: -part.size)


def _part(
    needle: Needle, form: Form, message: int, runs: list[tuple[int, int, int]], text: str
) -> Part:
    copy = Copy(
        message,
        tuple(needle.run(form, message, at, first, length) for at, first, length in runs),
        form.dress,
        whole=False,
    )
    shown = tuple((first, length) for _, first, length in runs)
    return Part(copy, shown, sum(len(text[low : low + length].encode()) for low, length in shown))


def rest_stands(left: Sequence[tuple[Form, list[str]]], needle: Needle, part: Part) -> bool:
    """Tell whether what a part leaves out stands in what is left of a prompt, or pieces of it do.

    Args:
        left: What `PromptTexts.left` returned when the part was taken.
        needle: The text.
        part: What is shown of it.
    """
    layer = part.copy.runs[0].layer
    form, texts = next(
        each for each in left if any(search.layer is layer for search in each[0].searches)
    )
    text = needle.layer(form.number).text.strip()
    (first, length), *tail = part.shown
    rest = text[first + length : tail[0][0]] if tail else text[first + length :] or text[:first]
    if any(probe in each for probe in _probes(rest.strip()) for each in texts):
        return True
    words = telling_words([rest])
    return len(words) >= _TELLING and len(words & telling_words(texts)) >= _REPEATED * len(words)


def _probes(rest: str) -> Iterator[str]:
    """Yield pieces of a text that say enough to be known by."""
    at = 0
    while at < len(rest):
        start, _ = _anchors(rest[at:])
        if not start:
            return
        yield rest[at : at + start]
        at += start


def _anchors(text: str) -> tuple[int, int]:
    """Return how many characters from the start, and from the end, say enough; else 0."""
    head, tail = text[:_LEAST].encode(), text[-_LEAST:].encode()
    if len(head) < _LEAST:
        return 0, 0
    return (
        len(head[:_LEAST].decode(errors="ignore")),
        len(tail[-_LEAST:].decode(errors="ignore")),
    )


def _cuts(here: _Text, text: str, start: int, end: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield place, first character and length of the runs of every part."""
    tails = list(_tails(here, text, end))
    used: set[tuple[int, int, int]] = set()
    for at, first, length in _heads(here, text, start):
        stop = at + length
        runs = [(at, first, length)]
        for tail_at, tail_first, tail_length in tails:
            over = max(0, length - tail_first)  # what both show belongs to the head
            tail = (tail_at + over, tail_first + over, tail_length - over)
            if tail[2] > 0 and here.gap(stop, tail[0]):
                runs.append(tail)
                used.add((tail_at, tail_first, tail_length))
                break
        yield runs
    for tail in tails:
        if tail not in used:
            yield [tail]


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their starts."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _heads(here: _Text, text: str, anchor: int) -> Iterator[tuple[int, int, int]]:
    at = -1
    for _ in range(_TRIED):
        at = here.text.find(text[:anchor], at + 1)
        if at < 0:
            return
        if not here.may_start(at) or not here.free(at, at + anchor):
            continue
        length = _common(here.text[at : at + len(text)], text)
        if length == len(text):
            continue  # the whole text inside a larger unit
        length = here.free_until(at, at + length) - at
        for stop in range(length, max(anchor, length - _OVERRUN) - 1, -1):
            if here.text[at + stop - 1] != " " and here.may_end(at + stop):
                yield at, 0, stop
                break


def _tails(here: _Text, text: str, anchor: int) -> Iterator[tuple[int, int, int]]:
    at = -1
    for _ in range(_TRIED):
        at = here.text.find(text[-anchor:], at + 1)
        if at < 0:
            return
        end = at + anchor
        if not here.search.is_border(end) or not here.free(at, end):
            continue
        before = here.text[max(0, end - len(text)) : end]
        length = _common(before[::-1], text[::-1])
        if length == len(text):
            continue
        length = end - here.free_from(end - length, end)
        for kept in range(length, max(anchor, length - _OVERRUN) - 1, -1):
            if here.text[end - kept] != " " and here.may_start_behind_cut(end - kept):
                yield end - kept, len(text) - kept, kept
                break
