"""Audits as plain data, with a versioned schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from attribot_integrations.auditing.audits import AnswerAudit
from attribot_integrations.errors import InputError
from attribot_integrations.results.serialization import storable
from attribot_integrations.results.typed_data import build

__all__ = ["AUDIT_VERSION", "audit_from_dict", "audit_to_dict"]

AUDIT_VERSION: Final = 1
"""Raised whenever a field changes its meaning or goes away."""


def audit_to_dict(audit: AnswerAudit) -> dict[str, Any]:
    """Return an audit as plain dicts, lists, strings and numbers (nats).

    The attribution is left out; metadata and providers' data that JSON can't hold become text.
    Precision, recall, F1 and faults are there for readers, and made anew when it is read back.
    """
    citations = []
    for each in audit.citations:
        given = {
            **asdict(each.given),
            "marker": None if each.given.marker is None else list(each.given.marker),
            "raw": None if each.given.raw is None else storable(each.given.raw),
        }
        citations.append({**asdict(each), "given": given, "equal": list(each.equal)})
    return {
        "audit_schema": AUDIT_VERSION,
        "id": audit.id,
        "question": audit.question,
        "answer": audit.answer,
        "chunks": [
            {"text": chunk.text, "id": chunk.id, "metadata": storable(dict(chunk.metadata))}
            for chunk in audit.chunks
        ],
        "citations": citations,
        "statements": [
            {**asdict(each), "citations": list(each.citations), "missing": list(each.missing)}
            for each in audit.statements
        ],
        "labels": list(audit.labels),
        "judge": audit.judge,
        "verifier": audit.verifier,
        "notes": list(audit.notes),
        "precision": audit.precision,
        "recall": audit.recall,
        "f1": audit.f1,
        "faults": [asdict(each) for each in audit.faults],
    }


def audit_from_dict(data: Mapping[str, Any]) -> AnswerAudit:
    """Rebuild an audit from `audit_to_dict`'s output, without its attribution.

    Raises:
        InputError: If the data is no audit, or of an unknown schema version.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"the data is no audit: a mapping is needed, not {data!r:.60}")
    if data.get("audit_schema") != AUDIT_VERSION:
        raise InputError(
            f"the audit's schema version must be {AUDIT_VERSION}, "
            f"got {data.get('audit_schema')!r:.60}"
        )
    fields = {name: value for name, value in data.items() if name != "attribution"}
    try:
        return build(AnswerAudit, fields, "")
    except (InputError, NameError, RecursionError) as error:
        raise InputError(f"the data is no audit: {error}") from error
