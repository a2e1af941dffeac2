"""`--sources`: what of a conversation counts among the sources, and what rows hold of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

import typer

from attribot_integrations.context.conversation import read_messages, stretches_said
from attribot_integrations.context.kinds import SourceKind, conversation_kinds
from attribot_integrations.errors import ConfigurationError, DataFileError, InputError

if TYPE_CHECKING:
    from attribot_integrations.batch.datafiles import RequestLine
    from attribot_integrations.batch.inputs import RowFile
    from attribot_integrations.requests.options import AttributionRequest

__all__ = ["ChosenSources", "ConversationCount", "CountedRows", "SourcesOption", "chosen_sources"]

ChosenSources = Literal["retrieved", "all"] | tuple[SourceKind, ...]

_KINDS = get_args(SourceKind)
SourcesOption = Annotated[
    str,
    typer.Option(
        metavar="KINDS",
        help="What counts as a source: retrieved (the chunks); all that the prompt's messages hold "
        f"beside them; or some kinds, as in retrieved,user,tool. Kinds: {', '.join(_KINDS)}.",
    ),
]


def chosen_sources(given: str) -> ChosenSources:
    """Return what --sources names, as `EngineOptions(sources=…)` takes it.

    Raises:
        BadParameter: If one is no kind, or kinds are given without `retrieved`.
    """
    if given in ("retrieved", "all"):
        return cast(Literal["retrieved", "all"], given)
    kinds = tuple(kind.strip() for kind in given.split(","))
    try:
        conversation_kinds(kinds)
    except ConfigurationError:
        raise typer.BadParameter(
            'must be "retrieved", "all", or "retrieved" and other kinds with commas between, of '
            f"{', '.join(_KINDS)}; got {given!r:.80}",
            param_hint="--sources",
        ) from None
    return cast(tuple[SourceKind, ...], kinds)


@dataclass
class ConversationCount:
    """How many requests hold what kinds of a conversation."""

    sources: ChosenSources
    looked_at: int = 0
    without: int = 0
    """Requests that hold none of the chosen kinds."""
    found: set[SourceKind] = field(default_factory=set)

    def look(self, request: AttributionRequest) -> None:
        """Count one request."""
        held = _kinds_in(request, conversation_kinds(self.sources))
        self.looked_at += 1
        self.without += not held
        self.found |= held

    def remarks(self) -> Iterator[str]:
        """Yield what is to be said where the option did nothing."""
        if self.without:
            wanted = "nothing" if self.sources == "all" else f"no {_listed(self._chosen)}"
            yield (
                f"--sources added nothing to {self.without} of {self.looked_at} lines: their "
                f"prompts hold {wanted} beside chunks and question, or are no list of messages"
            )
        missing = [kind for kind in self._chosen if kind not in self.found]
        if self.sources != "all" and self.found and missing:
            yield f"--sources: no line holds a source of the kind {_listed(missing)}"

    @property
    def _chosen(self) -> list[SourceKind]:
        chosen = conversation_kinds(self.sources)
        return [kind for kind in _KINDS if kind in chosen]


@dataclass(frozen=True)
class CountedRows:
    """Rows that are counted while they are read."""

    file: RowFile
    seen: ConversationCount

    def count(self) -> int | None:
        """Return how many rows there are, if it is known."""
        return self.file.count()

    def rows(
        self, wanted: Callable[[int], bool], stop: int | None = None
    ) -> Iterator[tuple[int, RequestLine]]:
        """Yield rows as the file does."""
        for place, line in self.file.rows(wanted, stop):
            if not isinstance(line.content, DataFileError):
                self.seen.look(line.content)
            yield place, line


def _kinds_in(request: AttributionRequest, wanted: frozenset[SourceKind]) -> set[SourceKind]:
    prompt = request.prompt
    if not isinstance(prompt, Sequence) or isinstance(prompt, str):
        return set()
    if not all(isinstance(message, Mapping) for message in prompt):
        return set()
    try:
        said = stretches_said(read_messages(prompt, said=True), {}, wanted)
    except InputError:  # is told with its line
        return set()
    return {each.chunk.said.kind for each in said if each.chunk.said is not None}


def _listed(kinds: Sequence[SourceKind]) -> str:
    return " or ".join(kinds)
