"""Checking the citations that an answer came with: does it depend on them, do they state it?

Marks in the text and the forms of providers are read, every citation gets a verdict, and every
statement is told which citation it lacks. The judge is the model that attributes the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.auditing.audit_html import audit_page
    from attribot_integrations.auditing.auditor import audit, audit_attribution
    from attribot_integrations.auditing.audits import AnswerAudit
    from attribot_integrations.auditing.given import GivenCitation
    from attribot_integrations.auditing.provider_citations import given_answer
    from attribot_integrations.auditing.totals import AuditTotals
    from attribot_integrations.auditing.witness import AuditOptions
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "AnswerAudit": "audits",
            "AuditOptions": "witness",
            "AuditTotals": "totals",
            "GivenCitation": "given",
            "audit": "auditor",
            "audit_attribution": "auditor",
            "audit_page": "audit_html",
            "given_answer": "provider_citations",
        },
    )

__all__ = [
    "AnswerAudit",
    "AuditOptions",
    "AuditTotals",
    "GivenCitation",
    "audit",
    "audit_attribution",
    "audit_page",
    "given_answer",
]


def __dir__() -> list[str]:
    return sorted(__all__)
