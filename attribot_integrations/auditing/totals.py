"""Figures over the audits of many answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from attribot_integrations.auditing.audit_text import FAULT_NAMES

if TYPE_CHECKING:
    from attribot_integrations.auditing.audits import AnswerAudit, FaultKind, Verdict

__all__ = ["AuditTotals"]


@dataclass(frozen=True)
class AuditTotals:
    """What was found in many answers; precision and recall are means over answers, as in ALCE."""

    answers: int
    precision: float | None
    """Mean over the answers with citations that could be judged."""
    recall: float | None
    """Mean over the answers with statements that could be judged."""
    citations: int
    verdicts: dict[Verdict, int]
    faults: dict[FaultKind, int]
    faultless: int
    """Answers without a fault."""

    @classmethod
    def of(cls, audits: Iterable[AnswerAudit]) -> AuditTotals:
        """Count and average over audits."""
        listed = list(audits)
        verdicts = Counter(each.verdict for audit in listed for each in audit.citations)
        faults = Counter(each.kind for audit in listed for each in audit.faults)
        return cls(
            answers=len(listed),
            precision=_mean([audit.precision for audit in listed]),
            recall=_mean([audit.recall for audit in listed]),
            citations=sum(len(audit.citations) for audit in listed),
            verdicts=dict(verdicts),
            faults={kind: faults[kind] for kind in FAULT_NAMES},
            faultless=sum(not audit.faults for audit in listed),
        )

    def reaches(self, least: float) -> bool:
        """Tell whether precision and recall are at least so high; what is unknown is not low."""
        return all(value is None or value >= least for value in (self.precision, self.recall))

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures as names and values for readers."""
        rows = [
            ("answers", f"{self.answers:,}"),
            ("without a fault", f"{self.faultless:,}"),
            ("citations", f"{self.citations:,}"),
            ("citation precision", _shown(self.precision)),
            ("citation recall", _shown(self.recall)),
        ]
        rows += [(FAULT_NAMES[kind], f"{count:,}") for kind, count in self.faults.items()]
        if unknown := self.verdicts.get("unknown"):
            rows.append(("could not be judged", f"{unknown:,}"))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "answers": self.answers,
            "precision": self.precision,
            "recall": self.recall,
            "citations": self.citations,
            "verdicts": dict(self.verdicts),
            "faults": dict(self.faults),
            "faultless": self.faultless,
        }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
