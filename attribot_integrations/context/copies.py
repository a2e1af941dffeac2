"""Copies of a text in the texts of a prompt, in whatever form they are shown there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from attribot_integrations.context.dress import EXACT, FOLDS, Dress, decoded, may_cut_path
from attribot_integrations.context.layers import Layer
from attribot_integrations.context.sources import Span
from attribot_integrations.context.word_search import WordSearch, last_taken

__all__ = ["Copy", "Form", "Needle", "PromptTexts", "Run", "stretches"]

_LEAST_ESCAPED = 8
"""UTF-8 bytes of a text that is looked for among undone escapes, which can be mistaken."""

_FREE, _CHUNK, _QUESTION = 0, 1, 2


@dataclass(frozen=True)
class Run:
    """Characters of a text and of a copy of it, equal one by one in some form."""

    layer: Layer
    """The prompt's text in that form."""
    at: int
    needle: Layer
    """The text that is looked for, in that form."""
    first: int
    length: int

    @property
    def shown(self) -> Span:
        """The span of the text that is looked for."""
        return self.needle.origin(self.first, self.first + self.length)

    @property
    def place(self) -> Span:
        """The span of the prompt's text."""
        return self.layer.origin(self.at, self.at + self.length)

    def project(self, start: int, end: int) -> tuple[Span, Span] | None:
        """Find what is shown of a span, as a span of the text and one of the prompt."""
        low, high = self.needle.within(start, end)
        low, high = max(low, self.first), min(high, self.first + self.length)
        while low < high and self.needle.text[low] == " ":
            low += 1
        while low < high and self.needle.text[high - 1] == " ":
            high -= 1
        if low >= high:
            return None
        offset = self.at - self.first
        return self.needle.origin(low, high), self.layer.origin(low + offset, high + offset)


@dataclass(frozen=True)
class Copy:
    """A place in a prompt that shows a text, or a part of it."""

    message: int
    runs: tuple[Run, ...]
    """One, or two if the middle is left out, in order."""
    dress: Dress
    whole: bool = True

    @property
    def place(self) -> tuple[int, int, int]:
        """The message's number, and where the copy starts and ends in it."""
        return self.message, self.runs[0].place[0], self.runs[-1].place[1]

    def project(self, start: int, end: int) -> tuple[Span, Span] | None:
        """Find what is shown of a span, as a span of the text and one of the prompt."""
        found = [each for run in self.runs if (each := run.project(start, end)) is not None]
        if not found:
            return None
        (first, there), (last, there_last) = found[0], found[-1]
        return (first[0], last[1]), (there[0], there_last[1])


@dataclass(frozen=True)
class Form:
    """The texts of a prompt in one form."""

    number: int
    """Of the way in which needles are folded."""
    dress: Dress
    least: int
    searches: tuple[WordSearch, ...]


class Needle:
    """A text that is looked for.

    Args:
        text: Any text without lone surrogates.
    """

    def __init__(self, text: str) -> None:
        self._original = Layer(text)
        self._layers: dict[object, Layer] = {}
        self.text = self.layer(0).text.strip()
        """The text without the white space around it, and every other run of it one space."""

    def layer(self, number: int) -> Layer:
        """Return the text in the form of a fold."""
        fold = FOLDS[number].of_needle
        if fold not in self._layers:
            self._layers[fold] = fold(self._original)
        return self._layers[fold]

    def searchable(self, form: Form) -> str | None:
        """Return the visible text in a form, `None` if it says too little to be looked for."""
        text = self.layer(form.number).text.strip()
        return text if len(text.encode()) >= form.least else None

    def run(self, form: Form, message: int, at: int, first: int, length: int) -> Run:
        """Return a run, with `first` counted from the first visible character."""
        layer = self.layer(form.number)
        lead = len(layer.text) - len(layer.text.lstrip())
        return Run(form.searches[message].layer, at, layer, lead + first, length)


@dataclass
class PromptTexts:
    """The texts of a prompt in all their forms, and what of them is taken.

    Args:
        texts: The texts, without lone surrogates.
    """

    texts: Sequence[str]
    forms: tuple[Form, ...] = field(init=False)
    taken: list[bytearray] = field(init=False)

    def __post_init__(self) -> None:
        self.forms = tuple(_forms([Layer(text) for text in self.texts]))
        self.taken = [bytearray(len(text)) for text in self.texts]

    def take(self, copy: Copy, *, for_question: bool = False) -> None:
        """Mark the place of a copy as taken."""
        message, start, end = copy.place
        mark = bytes([_QUESTION if for_question else _CHUNK])
        self.taken[message][start:end] = mark * (end - start)

    def free(self, copy: Copy) -> None:
        """Undo `take`."""
        message, start, end = copy.place
        self.taken[message][start:end] = bytes(end - start)

    def is_free(self, copy: Copy) -> bool:
        """Tell whether nothing of a copy's place is taken."""
        message, start, end = copy.place
        return last_taken(self.taken[message], start, end) < 0

    def in_question(self, copy: Copy) -> bool:
        """Tell whether a copy's place touches that of the question."""
        message, start, end = copy.place
        return _QUESTION in self.taken[message][start:end]

    def left(self) -> list[tuple[Form, list[str]]]:
        """Return, for every form, the stretches of its texts in which nothing is taken."""
        return [
            (
                form,
                [
                    search.layer.text[slice(*search.layer.within(*span))]
                    for search, taken in zip(form.searches, self.taken, strict=True)
                    for span in stretches(taken)
                ],
            )
            for form in self.forms
        ]

    def copies(self, needle: Needle) -> tuple[list[Copy], list[Copy]]:
        """Find whole copies, in the order of the text.

        Returns:
            The copies that are free, and of those that are not, some.
        """
        free: list[Copy] = []
        blocked: list[Copy] = []
        taken = [bytearray(one) for one in self.taken]
        tried: set[tuple[int, str]] = set()
        for form in self.forms:
            text = needle.searchable(form)
            if text is None:
                continue
            for message, search in enumerate(form.searches):
                if (id(search), text) in tried:
                    continue
                tried.add((id(search), text))
                for spans, copies in zip(
                    search.find(text, taken[message]), (free, blocked), strict=True
                ):
                    for start, end in spans:
                        run = needle.run(form, message, start, 0, end - start)
                        if form.dress != "escaped" or not may_cut_path(
                            self.texts[message], *run.place
                        ):
                            copies.append(Copy(message, (run,), form.dress))
                for copy in free:
                    _, start, end = copy.place
                    taken[copy.message][start:end] = b"\x01" * (end - start)
        free.sort(key=lambda copy: copy.place)
        return free, [copy for copy in blocked if not self.is_free(copy)]


def stretches(taken: bytearray) -> Iterator[Span]:
    """Yield the spans in which nothing is taken."""
    for match in re.finditer(rb"\x00+", taken):
        yield match.span()


def _forms(layers: Sequence[Layer]) -> Iterator[Form]:
    """Yield the texts as they are in every fold, then with escapes undone."""
    for depth, each in enumerate(decoded(tuple(layers))):
        known: dict[tuple[int, str], WordSearch] = {}
        for number, fold in enumerate(FOLDS):
            if depth and fold is EXACT:
                continue
            made = [fold.of_prompt(layer) for layer in each]
            for message, layer in enumerate(made):
                if (message, layer.text) not in known:
                    known[message, layer.text] = WordSearch(layer)
            searches = tuple(known[message, layer.text] for message, layer in enumerate(made))
            least = max(fold.least, _LEAST_ESCAPED) if depth else fold.least
            yield Form(number, "escaped" if depth else fold.dress, least, searches)
