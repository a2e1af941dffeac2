"""Audits in words: what a verdict means, what is wrong, and all of it as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.text import model_name, one_line, visible

if TYPE_CHECKING:
    from attribot_integrations.auditing.audits import AnswerAudit, Fault, FaultKind, Verdict

__all__ = [
    "FAULT_NAMES",
    "VERDICT_MEANINGS",
    "audit_text",
    "figures_line",
    "judges_line",
    "statement_quote",
    "told_fault",
]

VERDICT_MEANINGS: Final[dict[Verdict, str]] = {
    "both": "the statement depends on the source, and the source states it",
    "depends": "the statement depends on the source",
    "states": "the source states it, and the answer would be as likely without",
    "redundant": "others say the same, and any of them is enough",
    "neither": "no evidence that it is from this source",
    "unknown": "could not be judged",
    "unresolved": "there is no such source",
}
FAULT_NAMES: Final[dict[FaultKind, str]] = {
    "wrong_number": "wrong number",
    "beside_the_point": "beside the point",
    "missing": "citation missing",
    "out_of_range": "no such source",
}


def told_fault(audit: AnswerAudit, fault: Fault) -> str:
    """Return what is wrong in one sentence.

    Args:
        audit: The audit.
        fault: One of its faults.
    """
    cited = "" if fault.citation is None else audit.citations[fault.citation].given.label
    named = f"[{one_line(cited)}]"
    meant = None
    if fault.chunk is not None:
        label = one_line(audit.labels[fault.chunk])
        meant = f"[{label}] ({chunk_name(audit.chunks[fault.chunk], fault.chunk)})"
    if fault.kind == "missing":
        return f"no citation of {meant}, which it rests on"
    if fault.kind == "wrong_number":
        return f"{named} is the wrong one: the text is in {meant}"
    if fault.kind == "out_of_range":
        told = f": the text is in {meant}" if meant is not None else ""
        return f"{named} names no source that there is{told}"
    return f"{named} is beside the point: no evidence that this is from it"


def figures_line(audit: AnswerAudit) -> str:
    """Return precision and recall, with what they are counted over."""
    citations = sum(each.right is not None for each in audit.citations)
    statements = sum(each.enough is not None for each in audit.statements)
    return (
        f"citation precision {_share(audit.precision)} of {citations}, "
        f"recall {_share(audit.recall)} of {statements} statements"
    )


def judges_line(audit: AnswerAudit) -> str:
    """Return who judged."""
    stated = "" if audit.verifier is None else f", statements by {one_line(audit.verifier)}"
    return f"judged by {model_name(audit.judge)}{stated}"


def audit_text(audit: AnswerAudit) -> str:
    """Return an audit as plain text: the answer, what is wrong with each statement, the figures."""
    lines = [visible(audit.answer).strip(), ""]
    for fault in audit.faults:
        place = fault.statement_index
        quoted = "" if place is None else f"“{statement_quote(audit, place)}”: "
        lines.append(f"- {quoted}{told_fault(audit, fault)}")
    if not audit.faults:
        lines.append("- no fault found")
    unknown = sum(each.verdict == "unknown" for each in audit.citations)
    if unknown:
        lines.append(f"- {unknown} of {len(audit.citations)} citations could not be judged")
    lines += ["", f"{figures_line(audit)}; {judges_line(audit)}"]
    lines += [one_line(note) for note in audit.notes]
    return "\n".join(lines)


def statement_quote(audit: AnswerAudit, index: int, longest: int = 70) -> str:
    """Return the beginning of a statement on one line.

    Args:
        audit: The audit.
        index: The statement's index.
        longest: Most characters.
    """
    found = next((each for each in audit.statements if each.index == index), None)
    text = "" if found is None else one_line(audit.answer[found.start : found.end])
    return text if len(text) <= longest else f"{text[:longest].rstrip()}…"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
