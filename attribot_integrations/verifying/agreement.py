"""How much of a statement a passage says, as a few numbers that a score is made of.

A term weighs ln((n + 5) / (df + ½)), where df of the n passages have it: what many passages say
tells little, and no list of stop words is needed. The 5 keeps a term that one of few passages has
from weighing next to nothing beside one that none has.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Final

import numpy as np

from attribot_integrations.results.wording import wording_of
from attribot_integrations.verifying.terms import Term, find_terms, is_number

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["AGREEMENT", "measure_agreement", "shares_held"]

AGREEMENT: Final = (
    "added",
    "run",
    "similarity",
    "asked",
    "numbers",
    "exchanged",
    "unsaid",
    "unheard",
)
"""What is measured for each pair, all of it 0 to 1; the last four speak against the statement.

`added`: share by weight of what the statement adds to the question that the passage has. `run`:
share of the statement in the longest run of terms that both have. `similarity`: cosine of the
passage with question and statement together. `asked`: share of the question's other terms that the
passage has, divided by the number of terms that the statement adds, for short answers rest on it.
`numbers`: 1 if the passage lacks a number of the statement. `exchanged`: 1 if it has another one
beside the same word, or another word where the statement has a name between the same two. `unsaid`:
share of what the statement adds that no passage has. `unheard`: 1 if no passage has one of the
statement's numbers or names. Numbers and names of the question are no matter.
"""


_MORE_PASSAGES = 5.0


def measure_agreement(
    question: str, statements: Sequence[str], passages: Sequence[str], language: str | None
) -> FloatArray:
    """Return `[passages, statements, AGREEMENT]`, each 0 to 1.

    Args:
        question: The question that was answered.
        statements: Statements of the answer; marks of citations and Markdown in them do not count.
        passages: Texts of the sources.
        language: Language of the stemmer, `None` for none.
    """
    known = _Passages([_keys(find_terms(text, language)) for text in passages])
    asked = frozenset(_keys(find_terms(question, language)))
    found = np.zeros((len(passages), len(statements), len(AGREEMENT)), dtype=np.float32)
    for column, statement in enumerate(statements):
        terms = find_terms(wording_of(statement).text, language)
        if terms:
            found[:, column] = known.compare(terms, asked)
    return found


def shares_held(
    statements: Sequence[str],
    passages: Sequence[str],
    frames: Sequence[str],
    language: str | None,
) -> FloatArray:
    """Return `[passages, statements]`: the share a passage has of what all below its frame have.

    Of the statement's terms that any passage below the same frame has, that is, by weight, 0 to 1;
    0 where none of them has one, and for passages that nothing frames. A row has all of them if
    the statement speaks of that row, and few if it has a name or number of another one.

    Args:
        statements: Statements of the answer.
        passages: Texts of the sources.
        frames: What frames each of them, blank where nothing does.
        language: Language of the stemmer, `None` for none.
    """
    known = _Passages([_keys(find_terms(text, language)) for text in passages])
    below: defaultdict[str, list[int]] = defaultdict(list)
    for row, frame in enumerate(frames):
        if frame:
            below[frame].append(row)
    found = np.zeros((len(passages), len(statements)), dtype=np.float32)
    for column, statement in enumerate(statements):
        said = frozenset(_keys(find_terms(wording_of(statement).text, language)))
        for rows in below.values():
            found[rows, column] = known.held(said, rows)
    return found


class _Passages:
    """The terms of all passages, and what each term weighs among them."""

    def __init__(self, keys: Sequence[Sequence[str]]) -> None:
        self._keys = keys
        self._sets = [frozenset(each) for each in keys]
        self._frequency = Counter(key for each in self._sets for key in each)

    def compare(self, terms: Sequence[Term], asked: Set[str]) -> list[list[float]]:
        """Return a row for each passage, see `AGREEMENT`.

        Args:
            terms: Terms of the statement, at least one.
            asked: Terms of the question.
        """
        keys = _keys(terms)
        said = frozenset(keys)
        added = said - asked or said
        telling = frozenset(term.key for term in terms if term.telling) - asked
        numbers = frozenset(filter(is_number, telling))
        unsaid = self._share(added - self._frequency.keys(), added)
        unheard = float(not telling <= self._frequency.keys())
        places = _places(keys)
        return [
            [
                self._share(added & each, added),
                self._longest_run(ordered, keys, places),
                self._cosine(said | asked, each),
                self._share((asked - said) & each, asked - said) / len(added),
                float(not numbers <= each),
                float(_is_exchanged(keys, ordered, telling - each)),
                unsaid,
                unheard,
            ]
            for ordered, each in zip(self._keys, self._sets, strict=True)
        ]

    def held(self, said: Set[str], rows: Sequence[int]) -> list[float]:
        """Return each passage's share of the terms of a statement that some passages have.

        Args:
            said: Terms of the statement.
            rows: Which passages.
        """
        shared = [self._sets[row] & said for row in rows]
        together = frozenset[str]().union(*shared)
        return [self._share(own, together) for own in shared]

    def _cosine(self, first: Set[str], second: Set[str]) -> float:
        lengths = math.sqrt(self._squares(first) * self._squares(second))
        return min(1.0, self._squares(first & second) / lengths) if lengths else 0.0

    def _weight(self, key: str) -> float:
        return math.log((len(self._keys) + _MORE_PASSAGES) / (self._frequency[key] + 0.5))

    def _share(self, part: Iterable[str], whole: Iterable[str]) -> float:
        total = sum(map(self._weight, whole))
        return min(1.0, sum(map(self._weight, part)) / total) if total else 0.0

    def _squares(self, keys: Iterable[str]) -> float:
        return sum(self._weight(key) ** 2 for key in keys)

    def _longest_run(
        self, passage: Sequence[str], statement: Sequence[str], places: Mapping[str, list[int]]
    ) -> float:
        """Return the share, by weight, of the longest common run of terms in the statement."""
        longest = 0.0
        ending: dict[int, float] = {}
        for key in passage:
            weight = self._weight(key)
            ending = {place: ending.get(place - 1, 0.0) + weight for place in places.get(key, ())}
            longest = max(longest, *ending.values(), 0.0)
        return min(1.0, longest / sum(map(self._weight, statement)))


def _is_exchanged(statement: Sequence[str], passage: Sequence[str], lacking: Set[str]) -> bool:
    """Tell whether a passage has something else in the place of a number or name that it lacks."""
    if not lacking:
        return False
    known = frozenset(statement)
    places = _places(passage)
    for place, key in enumerate(statement):
        if key not in lacking:
            continue
        before, after = _at(statement, place - 1), _at(statement, place + 1)
        following = {(_at(passage, one + 1), _at(passage, one + 2)) for one in places[before]}
        preceding = {_at(passage, one - 1) for one in places[after]}
        if is_number(key):
            others = {other for other, _ in following} | preceding
            others = {other for other in others if is_number(other)}
        else:
            others = {other for other, then in following if after and then == after}
        if others - known - {""}:
            return True
    return False


def _at(keys: Sequence[str], place: int) -> str:
    return keys[place] if 0 <= place < len(keys) else ""


def _places(keys: Sequence[str]) -> defaultdict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        found[key].append(place)
    return found


def _keys(terms: Iterable[Term]) -> list[str]:
    return [term.key for term in terms]
