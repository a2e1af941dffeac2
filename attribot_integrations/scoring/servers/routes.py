"""The ways in which servers give log-probabilities of a prompt's tokens, each an object."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers.transport import Call

__all__ = [
    "Api",
    "Asked",
    "Route",
    "Written",
    "checked",
    "field_of",
    "joined",
    "next_to_ids",
    "own_entry",
    "table_of",
]

Api = Literal["auto", "vllm", "vllm-tokens", "sglang", "echo"]
"""Names of interfaces; "auto" tries them all."""

_ROUNDING = 1e-3
"""By how much a log-probability may exceed 0, in nats."""
_LOWEST = -9999.0
"""What servers write for minus infinity, where JSON has no word for it."""


@dataclass(frozen=True)
class Asked:
    """Token ids whose last ones are to be scored."""

    ids: tuple[int, ...]
    """Prompt and, behind it, answer."""
    first: int
    """Place of the first id that is scored, at least 1."""
    spell: Callable[[Sequence[int]], str | None] = field(repr=False, compare=False)
    """Gives a text that becomes just some ids; `None` if there is none."""
    start: int | None
    """The id at the front if it is the one that the tokenizer's texts begin with."""

    @property
    def scored(self) -> tuple[int, ...]:
        """The ids that are scored."""
        return self.ids[self.first :]


@dataclass(frozen=True)
class Written:
    """What a server has written behind a prompt, its likeliest tokens."""

    text: str
    ids: tuple[int, ...] | None
    """`None` where the server does not tell."""
    log_probs: tuple[float, ...]
    """Of each token, when it was written, in nats."""


class Route(Protocol):
    """One interface: what is sent, and how the answer is read."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    def scoring(self, model: str, asked: Asked) -> Call:
        """Return the request for log-probabilities.

        Raises:
            ServerError: If this interface cannot take the ids.
        """
        ...

    def log_probs(self, answer: Any, asked: Asked) -> list[float]:
        """Return the log-probability of each scored id, in nats.

        Raises:
            ServerError: If the answer does not hold all of them, and for these very ids.
        """
        ...

    def spelled(self, answer: Any, asked: Asked) -> str | None:
        """Return how the server spells the scored ids; `None` where it does not."""
        ...

    def writing(self, model: str, asked: Asked, count: int) -> Call:
        """Return the request for so many of the likeliest tokens, at most."""
        ...

    def written(self, answer: Any) -> Written:
        """Return what was written.

        Raises:
            ServerError: If the answer does not tell.
        """
        ...


def field_of(answer: Any, *path: str | int) -> Any:
    """Return what stands at a place in an answer.

    Raises:
        ServerError: If there is nothing.
    """
    found = answer
    for step in path:
        try:
            found = found[step]
        except (LookupError, TypeError):
            found = None
        if found is None:
            shown = ".".join(map(str, path))
            raise ServerError(f"the server's answer has no {shown}: {answer!r:.200}")
    return found


def table_of(answer: Any, *path: str | int) -> list[Any]:
    """Return a list that stands at a place in an answer.

    Raises:
        ServerError: If there is none.
    """
    found = field_of(answer, *path)
    if not isinstance(found, list):
        shown = ".".join(map(str, path))
        raise ServerError(f"{shown} of the server's answer is no list: {found!r:.200}")
    return found


def checked(values: Sequence[Any], count: int) -> list[float]:
    """Return log-probabilities that can be such.

    Args:
        values: What the server gives.
        count: How many there must be.

    Raises:
        ServerError: If they are too few or too many, or one is none.
    """
    if len(values) != count:
        raise ServerError(f"the server gives {len(values)} log-probabilities for {count} tokens")
    for place, value in enumerate(values):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (_LOWEST < value <= _ROUNDING and math.isfinite(value)):
            raise ServerError(
                f"the server gives {value!r:.40} as the log-probability of token {place} of {count}"
            )
    return [float(value) for value in values]


def joined(texts: Sequence[Any]) -> str | None:
    """Return how a server spells tokens; `None` where it does not spell them all."""
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None


def next_to_ids(pairs: Sequence[Any], scored: Sequence[int]) -> list[Any]:
    """Return the values of pairs `[value, id]`, which must be of the ids that are scored.

    Raises:
        ServerError: If they are of other ids.
    """
    values: list[Any] = []
    for place, (pair, id_) in enumerate(zip(pairs, scored, strict=False)):
        if not isinstance(pair, Sequence) or len(pair) < 2 or pair[1] != id_:
            raise ServerError(
                f"token {place} that is scored has the id {id_}, but the server's entry is "
                f"{pair!r:.80}"
            )
        values.append(pair[0])
    return values


def own_entry(entry: Any, id_: int) -> Mapping[str, Any]:
    """Return what a table of likely tokens says of one of them.

    Raises:
        ServerError: If it is not there, as in a table of the likeliest tokens only.
    """
    found = entry.get(str(id_)) if isinstance(entry, Mapping) else None
    if not isinstance(found, Mapping):
        raise ServerError(
            f"the server gives no log-probability of the token {id_} itself, but {entry!r:.120}"
        )
    return found
