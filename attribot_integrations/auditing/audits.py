"""What an audit finds: a verdict for each citation, faults of statements, precision and recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.results import Attribution

__all__ = [
    "CARRIED",
    "AnswerAudit",
    "Fault",
    "FaultKind",
    "JudgedCitation",
    "JudgedStatement",
    "Verdict",
]

Verdict = Literal["both", "depends", "states", "redundant", "neither", "unknown", "unresolved"]
"""What a given citation is worth.

`both`: the statement depends on the source, and the source states it. `depends`, `states`: one of
them only. `redundant`: other sources say the same, and any of them is enough. `neither`: no
evidence for it. `unresolved`: it names no source that there is. `unknown`: it could not be
judged.
"""

CARRIED: frozenset[Verdict] = frozenset({"both", "depends", "states", "redundant"})
"""Verdicts on citations that are right."""

FaultKind = Literal["wrong_number", "beside_the_point", "missing", "out_of_range"]


@dataclass(frozen=True)
class JudgedCitation:
    """A given citation, and what it is worth."""

    given: GivenCitation
    statement_index: int | None
    """The statement that it is for, the last one where it is for several."""
    verdict: Verdict
    score: float | None
    """What removing the source costs the claim, in nats; `None` if it was not scored."""
    states: float | None
    """How clearly the source states the statement, 0 to 1; `None` without a verifier."""
    equal: tuple[int, ...] = ()
    """Other chunks that are enough in its place."""
    instead: int | None = None
    """The chunk that the claim was taken from, if this is the wrong one."""
    reason: str | None = None
    """Why it could not be judged."""

    @property
    def right(self) -> bool | None:
        """Whether the source carries the claim; `None` if that could not be judged."""
        return None if self.verdict == "unknown" else self.verdict in CARRIED


@dataclass(frozen=True)
class JudgedStatement:
    """A statement of the answer, and whether its citations are enough."""

    index: int
    start: int
    end: int
    citations: tuple[int, ...]
    """Places of its citations among those of the audit."""
    missing: tuple[int, ...]
    """Chunks that it rests on and that no citation names, the strongest first."""
    enough: bool | None
    """Whether its citations together carry it; `None` if that could not be judged."""
    label: str | None = None
    """The attribution's label of its support."""


@dataclass(frozen=True)
class Fault:
    """Something wrong with an answer's citations."""

    kind: FaultKind
    statement_index: int | None
    citation: int | None = None
    """Place of the citation among those of the audit."""
    chunk: int | None = None
    """The chunk to cite instead, or in addition."""


@dataclass(frozen=True)
class AnswerAudit:
    """The citations of one answer, checked."""

    question: str
    answer: str
    chunks: tuple[Chunk, ...]
    citations: tuple[JudgedCitation, ...]
    """In the order of the answer."""
    statements: tuple[JudgedStatement, ...]
    labels: tuple[str, ...]
    """What the answer calls each chunk."""
    judge: str
    """Name of the model whose dependence on the sources was measured."""
    verifier: str | None = None
    """Name of what told whether sources state statements; `None` if that was not asked."""
    id: str | None = None
    notes: tuple[str, ...] = ()
    """What readers must be told beside the verdicts."""
    attribution: Attribution | None = field(default=None, repr=False, compare=False)
    """What the verdicts rest on; not stored."""

    @property
    def recall(self) -> float | None:
        """Share of the statements whose citations together carry them, as ALCE defines it.

        ALCE (arXiv 2305.14627) asks an entailment model; here the evidence of the attribution
        judges. `None` if no statement could be judged.
        """
        judged = [each.enough for each in self.statements if each.enough is not None]
        return sum(judged) / len(judged) if judged else None

    @property
    def precision(self) -> float | None:
        """Share of the citations that are needed or carry their claim, as ALCE defines it.

        A citation counts if it carries its claim, and the statement's citations together carry the
        statement. `None` if no citation could be judged.
        """
        enough = {each.index: each.enough for each in self.statements}
        judged = [
            bool(each.right and enough.get(each.statement_index or 0) is not False)
            for each in self.citations
            if each.right is not None
        ]
        return sum(judged) / len(judged) if judged else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; 0 where nothing is cited but should be."""
        if self.recall is None:
            return self.precision
        if self.precision is None or self.precision + self.recall == 0:
            return 0.0 if self.faults else None
        return 2 * self.precision * self.recall / (self.precision + self.recall)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong, by statement."""
        found: list[Fault] = []
        for place, each in enumerate(self.citations):
            if each.verdict == "unresolved":
                found.append(Fault("out_of_range", each.statement_index, place, each.instead))
            elif each.verdict == "neither":
                kind: FaultKind = "beside_the_point" if each.instead is None else "wrong_number"
                found.append(Fault(kind, each.statement_index, place, each.instead))
        for statement in self.statements:
            found += [Fault("missing", statement.index, None, chunk) for chunk in statement.missing]
        return tuple(sorted(found, key=lambda fault: fault.statement_index or 0))

    def rewrite(self) -> str:
        """Return the answer with its marks corrected, and its text otherwise as it is."""
        from attribot_integrations.auditing.rewriting import rewritten

        return rewritten(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as plain dicts, lists and numbers, with a schema version."""
        from attribot_integrations.auditing.audit_data import audit_to_dict

        return audit_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AnswerAudit:
        """Rebuild an audit from `to_dict`'s output, without its attribution.

        Raises:
            InputError: If the data is no audit, or of an unknown schema version.
        """
        from attribot_integrations.auditing.audit_data import audit_from_dict

        return audit_from_dict(data)

    def to_html(self) -> str:
        """Return the audit as a page; `auditing.audit_page` shows several on one."""
        from attribot_integrations.auditing.audit_html import audit_page

        return audit_page([self])

    def __str__(self) -> str:
        from attribot_integrations.auditing.audit_text import audit_text

        return audit_text(self)
