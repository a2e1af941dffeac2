"""Which text of a prompt is which chunk's.

Longer chunks choose first, so a chunk that is part of another cannot take its place. What overlaps
a place that is taken gets the rest of it. Chunks that are not found whole may be shown in part.
Where it cannot be told which of two chunks is shown, neither is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import regex

from attribot_integrations.context.copies import Copy, Needle, PromptTexts, Run, stretches
from attribot_integrations.context.cuts import Part, may_show_part, parts, rest_stands
from attribot_integrations.context.word_search import telling_words

__all__ = ["Match", "Outcome", "match_chunks"]

Outcome = Literal["found", "repeated", "partial", "overlapping", "not_found", "blank"]
"""What became of a chunk in a captured prompt.

`found`: stands there once. `repeated`: stands there several times, and removing it removes every
copy. `partial`: only a part stands there, as after `text[:600]`. `overlapping`: its text stands
there, but only where another chunk already is. `not_found`: not there, or only in the question, or
nobody can tell which of several it is. `blank`: the chunk has no text.
"""

_KNOWN_SHARE = 0.2
"""Share of a chunk's words in the rest of the prompt from which it may stand there unrecognised."""
_VISIBLE = regex.compile(r"[\p{L}\p{N}]")


@dataclass(frozen=True)
class Match:
    """What was found of one chunk."""

    outcome: Outcome
    copies: tuple[Copy, ...] = ()
    traces: bool = False
    """Whether text of the chunk may stand in the prompt outside of its copies."""


@dataclass
class _Group:
    """Chunks of the same words, which share their copies."""

    needle: Needle
    members: list[int]
    copies: list[Copy] = field(default_factory=list)
    blocked: list[Copy] = field(default_factory=list)
    traces: bool = False


def match_chunks(texts: Sequence[str], chunks: Sequence[str], question: str) -> list[Match]:
    """Find every chunk in the texts of a prompt.

    Args:
        texts: The prompt's texts, without lone surrogates.
        chunks: The chunks' texts, without lone surrogates.
        question: The question's text; its own place belongs to no chunk. Blank if there is none.
    """
    needles = [Needle(chunk) for chunk in chunks]
    groups: dict[str, _Group] = {}
    for index, needle in enumerate(needles):
        if needle.text:
            groups.setdefault(needle.text, _Group(needle, [])).members.append(index)
    prompt = PromptTexts(texts)
    _match_wholes(prompt, groups, Needle(question))
    for group in groups.values():
        _take_rest(prompt, group)
    _match_glued(prompt, [group for group in groups.values() if not group.copies])
    _match_parts(prompt, [group for group in groups.values() if not group.copies])
    left = prompt.left()
    for group in groups.values():
        group.traces |= may_show_part(left, group.needle) and any(
            prompt.is_free(part.copy) for part in parts(prompt, group.needle)
        )
    rest = telling_words(left[0][1])
    matches = [Match("blank") for _ in chunks]
    for group in groups.values():
        for index, match in zip(group.members, _shared(prompt, group, rest), strict=True):
            matches[index] = match
    return matches


def _match_wholes(prompt: PromptTexts, groups: dict[str, _Group], question: Needle) -> None:
    texts = {question.text, *groups} - {""}
    for text in sorted(texts, key=lambda text: -len(text)):
        group = groups.get(text)
        free, blocked = prompt.copies(group.needle if group else question)
        free = [copy for copy in free if _own(prompt, copy, text, groups)]
        if text == question.text and free:
            for copy in [_asked(prompt, free)] if group else free:
                prompt.take(copy, for_question=True)
                free.remove(copy) if group else None
        if group:
            for copy in free:
                prompt.take(copy)
            group.copies, group.blocked = free, blocked


def _own(prompt: PromptTexts, copy: Copy, text: str, groups: dict[str, _Group]) -> bool:
    """Tell whether a copy in another form is not, word by word, another chunk."""
    if copy.dress == "exact":
        return True
    message, start, end = copy.place
    shown = Needle(prompt.texts[message][start:end]).text
    return shown == text or shown not in groups


def _asked(prompt: PromptTexts, copies: Sequence[Copy]) -> Copy:
    """Return the question's own place: the message that holds nothing else, else the last."""
    for copy in reversed(copies):
        message, start, end = copy.place
        if prompt.texts[message].strip() == prompt.texts[message][start:end]:
            return copy
    return copies[-1]


def _take_rest(prompt: PromptTexts, group: _Group) -> None:
    """Take what other chunks have left of copies that overlap them."""
    for copy in group.blocked:
        if prompt.in_question(copy):
            continue
        (run,) = copy.runs
        taken = prompt.taken[copy.message]
        start, end = run.place
        for low, high in stretches(taken[start:end]):
            low, high = run.layer.within(start + low, start + high)
            text = run.layer.text[low:high]
            low, high = low + len(text) - len(text.lstrip()), low + len(text.rstrip())
            if not _VISIBLE.search(text):
                continue
            piece = Run(run.layer, low, run.needle, run.first + low - run.at, high - low)
            part = Copy(copy.message, (piece,), copy.dress, whole=False)
            prompt.take(part)
            group.copies.append(part)


def _match_glued(prompt: PromptTexts, groups: Sequence[_Group]) -> None:
    """Find chunks that were joined without a separator, each where another one ends."""
    form = prompt.forms[0]
    found: list[tuple[_Group, int, int, int]] = []
    for group in groups:
        text = group.needle.text
        if len(text.encode()) < 16:
            continue
        for message, search in enumerate(form.searches):
            at = search.layer.text.find(text)
            while at >= 0 and len(found) < 10_000:
                found.append((group, message, at, at + len(text)))
                at = search.layer.text.find(text, at + len(text))
    starts: dict[tuple[int, int], set[int]] = {}
    ends: dict[tuple[int, int], set[int]] = {}
    for group, message, start, end in found:
        starts.setdefault((message, start), set()).add(id(group))
        ends.setdefault((message, end), set()).add(id(group))
    for group, message, start, end in sorted(found, key=lambda each: each[2] - each[3]):
        search = form.searches[message]
        edges = [(start, ends), (end, starts)]
        if all(
            search.is_border(at) or others.get((message, at), set()) - {id(group)}
            for at, others in edges
        ):
            run = group.needle.run(form, message, start, 0, end - start)
            copy = Copy(message, (run,), form.dress)
            if prompt.is_free(copy):
                prompt.take(copy)
                group.copies.append(copy)


def _match_parts(prompt: PromptTexts, groups: Sequence[_Group]) -> None:
    """Take the parts that chunks show, longest first, where no two claim the same."""
    open_parts = [
        (part, group)
        for group in groups
        if not any(not prompt.in_question(copy) for copy in group.blocked)
        for part in parts(prompt, group.needle)
    ]
    open_parts.sort(key=lambda each: -each[0].size)
    settled: dict[int, Part] = {}
    unclear: set[int] = set()
    for part, group in open_parts:
        if id(group) in unclear or not prompt.is_free(part.copy):
            continue
        before = settled.get(id(group))
        if before is not None and before.shown != part.shown:
            continue
        rivals = [
            id(other)
            for rival, other in open_parts
            if other is not group and rival.size == part.size and _meet(rival.copy, part.copy)
        ]
        if rivals:
            unclear |= {id(group), *rivals}
            continue
        prompt.take(part.copy)
        settled[id(group)] = part
        group.copies.append(part.copy)
    left = prompt.left()
    for group in groups:
        if id(group) in settled and rest_stands(left, group.needle, settled[id(group)]):
            for copy in group.copies:
                prompt.free(copy)
            group.copies, group.traces = [], True


def _meet(one: Copy, other: Copy) -> bool:
    (message, start, end), (number, low, high) = one.place, other.place
    return message == number and start < high and low < end


def _shared(prompt: PromptTexts, group: _Group, rest: frozenset[str]) -> Iterator[Match]:
    """Give every chunk of a group its copy: the first gets the first, the last what is left."""
    copies = sorted(group.copies, key=lambda copy: copy.place)
    overlapping = any(not prompt.in_question(copy) for copy in group.blocked)
    traces = group.traces or (not copies and not overlapping and _known(group, rest))
    for position, _ in enumerate(group.members):
        last = position == len(group.members) - 1
        own = tuple(copies[position:] if last else copies[position : position + 1])
        if not own:
            yield Match("overlapping" if copies or overlapping else "not_found", (), traces)
        elif not any(copy.whole for copy in own):
            yield Match("partial", own, traces)
        else:
            yield Match("repeated" if len(own) > 1 else "found", own, traces)


def _known(group: _Group, rest: frozenset[str]) -> bool:
    """Tell whether so many of a chunk's words stand in the rest that it may be there itself."""
    words = telling_words([group.needle.text])
    return not words or len(words & rest) >= _KNOWN_SHARE * len(words)
