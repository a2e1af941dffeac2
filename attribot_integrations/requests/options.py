"""Options and requests, as frozen dataclasses that are validated when they are built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from attribot_integrations.context.kinds import SourceKind, conversation_kinds
from attribot_integrations.context.prompts import ContextTemplate, PromptTemplate
from attribot_integrations.context.sources import (
    Chunk,
    Level,
    SentenceSplitter,
    Span,
)
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.certifying import CertifySets
from attribot_integrations.methods.presets import named_method
from attribot_integrations.methods.redundancy import FindAlternatives
from attribot_integrations.results.policies import CitationPolicy, CiteEvidence, CiteSupport
from attribot_integrations.results.support import LabelSupport
from attribot_integrations.verifying import LexicalVerifier, Verifier
from attribot_integrations.verifying.protocol import check_verifier

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.methods import Method, MethodName

__all__ = [
    "AttributionRequest",
    "EngineOptions",
    "checked_flag",
    "conversation_of",
    "given_options",
]


@dataclass(frozen=True)
class EngineOptions:
    """What an engine does with each request; `dataclasses.replace` makes a changed copy."""

    method: Method | MethodName | None = None
    """How sources are scored: a method, or the name of one in `methods.METHODS`. By default
    all sources are screened by knockout, on the proxy if there is one, and those that may matter
    are rescored exactly on the target; a target that takes no masks is scored exactly at once."""
    levels: tuple[Level, ...] = ("sentence",)
    """What is scored: sentences, whole chunks, or both."""
    sources: Literal["retrieved", "all"] | Sequence[SourceKind] = "retrieved"
    """What is a source beside the retrieved chunks: nothing; "all" that a captured prompt holds
    before the question and behind it, that is the system prompt, earlier turns, tools; or some
    kinds of these, `("retrieved", "user", "tool")`. A prompt that is no list of messages has
    none."""
    verifier: Verifier | None = field(default_factory=LexicalVerifier)
    """Says how clearly sources state statements, which no likelihood can; `None` to leave it."""
    policy: CitationPolicy = field(default_factory=CiteEvidence)
    """Chooses the sources to cite for each statement."""
    alternatives: FindAlternatives | None = field(default_factory=FindAlternatives)
    """Finds sources that say the same, which single scores cannot show; `None` to save its cost."""
    certificates: CertifySets | None = None
    """Measures what the citations of each statement carry together; `CertifySets()` to have it
    done, `CertifySets(hold=0.95)` to cite until so much is carried."""
    support: LabelSupport = field(default_factory=LabelSupport)
    """Labels every statement as supported by the context or not."""
    template: PromptTemplate = field(default_factory=ContextTemplate)
    """Renders question and chunks where no captured prompt is given."""
    splitter: SentenceSplitter = field(default_factory=SplitStructure)
    """Divides chunks into what can be removed, and answers into sentences; any function that finds
    sentences takes structured text for prose."""
    token_budget: int | None = None
    """Most tokens in one forward pass; by default 512 on a CPU and 8,192 elsewhere. Halved by
    itself when memory runs out."""
    max_seconds: float | None = None
    """Most seconds that one request may take, by default any; it ends within a pass of the limit.
    What is scored by then is kept, the result's `stopped` says what is missing."""
    max_tokens: int | None = None
    """Most tokens that one request runs through models, all models together; by default any. What
    no result can do without is run in any case: the prompt, and question and answer alone."""

    def __post_init__(self) -> None:
        self._check_levels()
        self._check_method()
        self._check_sources()
        if self.verifier is not None:
            check_verifier(self.verifier)
        elif isinstance(self.policy, CiteSupport):
            raise ConfigurationError("CiteSupport needs a verifier, and verifier is None")
        certificates: object = self.certificates
        if certificates is not None and not isinstance(certificates, CertifySets):
            raise ConfigurationError(
                f"certificates must be a CertifySets or None, got {certificates!r:.60}"
            )
        if isinstance(self.template, str):
            raise ConfigurationError(
                "template must be a function or an object with options, not a str; write "
                f"template=ContextTemplate({self.template!r:.60})"
            )
        for name in ("policy", "template", "splitter"):
            _check_callable(name, getattr(self, name))
        for name in ("token_budget", "max_tokens"):
            check_count(name, getattr(self, name))
        _check_seconds(self.max_seconds)

    def _check_levels(self) -> None:
        levels: object = self.levels
        if (
            not isinstance(levels, list | tuple)
            or not levels
            or any(level not in ("sentence", "chunk") for level in levels)
        ):
            raise ConfigurationError(
                'levels must hold "sentence", "chunk" or both, in a tuple such as ("sentence",); '
                f"got {levels!r:.60}"
            )
        object.__setattr__(self, "levels", tuple(levels))

    def _check_sources(self) -> None:
        conversation_kinds(self.sources)
        if not isinstance(self.sources, str):
            object.__setattr__(self, "sources", tuple(self.sources))

    @property
    def conversation(self) -> frozenset[SourceKind]:
        """The kinds that are sources beside what was retrieved."""
        return conversation_kinds(self.sources)

    def _check_method(self) -> None:
        method: object = self.method
        if isinstance(method, str):
            named_method(method)
        elif method is not None and (
            isinstance(method, type) or not callable(getattr(method, "run", None))
        ):
            raise ConfigurationError(
                "method must be the name of a method or an object with a method run, "
                f"got {method!r:.60}"
            )


def given_options(options: object, default: EngineOptions) -> EngineOptions:
    """Return the options that a call was given, or the default where it was given none.

    Raises:
        ConfigurationError: If they are no `EngineOptions`.
    """
    if options is None:
        return default
    if not isinstance(options, EngineOptions):
        raise ConfigurationError(
            'options must be an EngineOptions, such as EngineOptions(method="fast"), '
            f"not {type(options).__name__}"
        )
    return options


def conversation_of(engine: object) -> frozenset[SourceKind]:
    """Return the kinds that an engine's options count among the sources beside chunks."""
    options = getattr(engine, "options", None)
    return options.conversation if isinstance(options, EngineOptions) else frozenset()


def checked_flag(name: str, value: object) -> bool:
    """Return a value that is true or false.

    Raises:
        ConfigurationError: If it is no bool.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be a bool, not {type(value).__name__}")
    return value


def check_count(name: str, value: object, least: int = 1) -> None:
    """Refuse what is neither a whole number, of at least so much, nor `None`.

    Raises:
        ConfigurationError: If it is.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be an int or None, got {value!r:.60}")
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}, got {value}")


def _check_seconds(value: float | None) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 < value < math.inf):
        raise ConfigurationError(
            f"max_seconds must be a number of seconds above 0, or None, got {value!r:.60}"
        )


def _check_callable(name: str, value: object) -> None:
    if isinstance(value, type):
        raise ConfigurationError(f"{name} must be an object, got a class: write {value.__name__}()")
    if not callable(value):
        raise ConfigurationError(f"{name} must be callable, got {value!r:.60}")


@dataclass(frozen=True)
class AttributionRequest:
    """One answer to attribute."""

    question: str
    chunks: Sequence[str | Chunk]
    answer: str
    prompt: CapturedPrompt | PromptTemplate | None = None
    """The prompt that the generator saw, in which chunks are searched for; or what renders it with
    every chunk in its place, where the places are known. By default the options' template renders
    one."""
    id: str | None = None
    """Any identifier, handed back on the result."""
    generated_ids: Sequence[int] | None = None
    """Ids of the prompt and, behind it, the answer, where the target itself wrote them."""
    statements: Sequence[Span] | None = None
    """Where the statements of the answer are, such as the fields of an output; by default the
    options' splitter finds sentences."""
