"""What readers are told of single statements, in the words that every output uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from attribot_integrations.results.fitted import DOUBTED

if TYPE_CHECKING:
    from attribot_integrations.context.kinds import SourceKind
    from attribot_integrations.results.attribution import Attribution
    from attribot_integrations.results.parts import Basis, Certificate
    from attribot_integrations.results.support import SupportLabel

__all__ = [
    "BASIS_WORDS",
    "Evidence",
    "carried_words",
    "remark_words",
    "set_remarks",
    "statement_remarks",
]

BASIS_WORDS: Final[dict[Basis, str]] = {
    "depends": "depends",
    "states": "states",
    "both": "depends and states",
}
"""How readers are told why a source is cited."""

_OWN_WORDS: Final[Mapping[SourceKind, str]] = {
    "user": "the user's own words",
    "assistant": "what was answered before",
}
_LEAST_GAIN = 1.0
"""Nats that the context must add to a statement, so that a share of them is worth telling."""
_ALL = 0.995  # is shown as 100 %


class Evidence(Protocol):
    """What is known of one citation of a statement."""

    @property
    def number(self) -> int:
        """The number that readers see."""
        ...

    @property
    def basis(self) -> Basis:
        """Why the source is cited."""
        ...

    @property
    def states(self) -> float | None:
        """What a verifier says of source and statement, 0 to 1."""
        ...

    @property
    def kind(self) -> SourceKind:
        """What kind of source it is."""
        ...


def statement_remarks(attribution: Attribution) -> tuple[str | None, ...]:
    """Return `[statements]`: what readers must be told of each, `None` where there is nothing."""
    labels = {each.statement_index: each.label for each in attribution.support}
    shown: dict[int, list[Evidence]] = {}
    for citation in attribution.shown_citations:
        shown.setdefault(citation.statement_index, []).append(citation)
    return tuple(
        remark_words(labels.get(each.index), shown.get(each.index, ()))
        for each in attribution.statements
    )


def remark_words(label: SupportLabel | None, shown: Iterable[Evidence]) -> str | None:
    """Return what readers must be told of a statement beside its label and its citations.

    That is where it is stated, if the model knew it anyway; which passages to look at, as it
    depends on them but a verifier does not find it there, nor in any other that is cited for it;
    and what is no evidence from outside, but the user's own words or an earlier answer.

    Args:
        label: The statement's label; `None` where statements are not labelled.
        shown: The citations that are shown for it.
    """
    citations = list(shown)
    words = (_evidence_words(label, citations), *_own_words(citations, label))
    return "; ".join(each for each in words if each) or None


def _evidence_words(label: SupportLabel | None, citations: Sequence[Evidence]) -> str | None:
    if label == "parametric" and citations:
        return f"known to the model anyway; stated in {_listed(citations)}"
    if any(each.states is None or each.basis != "depends" for each in citations):
        return None
    doubtful = [each for each in citations if (each.states or 0.0) < DOUBTED]
    if not doubtful or len(doubtful) < len(citations):
        return None
    several = len({each.number for each in doubtful}) > 1
    return (
        f"depends on {_listed(doubtful)}, which {'do' if several else 'does'} not seem to state it"
    )


def _own_words(citations: Sequence[Evidence], label: SupportLabel | None) -> Iterator[str]:
    """Tell which citations are no evidence from outside of the conversation."""
    for kind, words in _OWN_WORDS.items():
        own = [each for each in citations if each.kind == kind]
        if not own:
            continue
        if len(own) == len(citations) and label != "parametric":
            yield f"it rests only on {words}, {_listed(own)}"
        else:
            several = len({each.number for each in own}) > 1
            yield f"{_listed(own)} {'are' if several else 'is'} {words}"


def _listed(citations: Iterable[Evidence]) -> str:
    *others, last = (f"[{number}]" for number in dict.fromkeys(each.number for each in citations))
    return f"{', '.join(others)} and {last}" if others else last


def set_remarks(attribution: Attribution) -> tuple[str | None, ...]:
    """Return `[statements]`: what the citations shown for each carry together, where measured."""
    shown = {each.statement_index for each in attribution.shown_citations}
    words = {
        each.statement_index: carried_words(each)
        for each in attribution.certificates
        if each.statement_index in shown
    }
    return tuple(words.get(each.index) for each in attribution.statements)


def carried_words(certificate: Certificate) -> str | None:
    """Return what a set of citations carries, such as "these 3 sources together carry 96 % of it".

    "It" is what the context adds to the statement's log-likelihood; `None` where that is less than
    1 nat, of which a share would say nothing.
    """
    held = certificate.held
    if held is None or certificate.gain < _LEAST_GAIN:
        return None
    count = len(certificate.source_ids)
    which = "this source alone carries" if count == 1 else f"these {count} sources together carry"
    share = "all" if held >= _ALL else "nothing" if held < 1 - _ALL else f"{held:.0%}"
    return f"{which} {share.replace('%', ' %')} of it"
