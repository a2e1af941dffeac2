"""Kinds of sources: what was retrieved, and what was said in the conversation around a question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from attribot_integrations.errors import ConfigurationError, InputError

__all__ = ["ConversationPart", "SourceKind", "conversation_kinds"]

SourceKind = Literal[
    "retrieved", "system", "user", "assistant", "tool", "tool_call", "summary", "memory"
]
"""What a source is: `retrieved` text; the `system` prompt; what the `user` said before the question
that is answered; an earlier message of the `assistant`; what a `tool` handed back, and the
`tool_call` that asked for it; a `summary` of earlier messages, and what a `memory` put in."""

_KINDS: Final = frozenset[SourceKind](get_args(SourceKind))


@dataclass(frozen=True)
class ConversationPart:
    """What was said where in a conversation.

    Raises:
        InputError: If it is of no such kind, or its turn is no count.
    """

    kind: SourceKind
    """What it is; never `retrieved`."""
    turn: int
    """Which turn it belongs to, of those that the model was shown: each question of the user starts
    one, from 1; 0 before the first."""
    role: str
    """Role of its message, as the chat template is told it."""
    name: str | None = None
    """Name of the tool, or of several, where it is known."""

    def __post_init__(self) -> None:
        if self.kind not in _KINDS - {"retrieved"}:
            known = sorted(_KINDS - {"retrieved"})
            raise InputError(f"what is said must be of a kind of {known}, got {self.kind!r:.60}")
        if isinstance(self.turn, bool) or not isinstance(self.turn, int) or self.turn < 0:
            raise InputError(f"a turn must be a count from 0, got {self.turn!r:.60}")

    @property
    def title(self) -> str:
        """What readers are told that it is, such as "the user's message of turn 2"."""
        when = f" of turn {self.turn}" if self.turn else ""
        later = f", turn {self.turn}" if self.turn else ""
        of = f" of {self.name}" if self.name else ""
        titles: dict[SourceKind, str] = {
            "system": f"a system message{when}" if self.turn else "the system prompt",
            "user": f"the user's message{when}",
            "assistant": f"the {self.role}'s message{when or ' at the start'}",
            "tool": f"tool output{of}{later}",
            "tool_call": f"tool call{of}{later}",
            "summary": "the summary of the conversation",
            "memory": "the memory",
        }
        return titles[self.kind]


def conversation_kinds(sources: object) -> frozenset[SourceKind]:
    """Return the kinds that are sources beside what was retrieved.

    Args:
        sources: "retrieved", "all", or the kinds, "retrieved" among them.

    Raises:
        ConfigurationError: If it is none of these.
    """
    if sources == "retrieved":
        return frozenset()
    if sources == "all":
        return _KINDS - {"retrieved"}
    listed = isinstance(sources, Iterable) and not isinstance(sources, str)
    kinds = list(sources) if listed else []  # type: ignore[call-overload]
    if "retrieved" not in kinds or not all(kind in _KINDS for kind in kinds):
        raise ConfigurationError(
            'sources must be "retrieved", "all", or a tuple of "retrieved" and other kinds of '
            f"{list(get_args(SourceKind))}, got {sources!r:.80}"
        )
    return frozenset(kinds) - {"retrieved"}
