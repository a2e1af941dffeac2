"""From what was measured to citations and labels; no model runs, so it can be done anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.showing import numbered_as_shown
from attribot_integrations.results.support import support_evidence

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution
    from attribot_integrations.results.parts import Certificate
    from attribot_integrations.results.policies import CitationPolicy
    from attribot_integrations.results.support import LabelSupport

__all__ = ["judged"]


def judged(attribution: Attribution, policy: CitationPolicy, labels: LabelSupport) -> Attribution:
    """Return an attribution with citations and labels chosen by its scores.

    Args:
        attribution: One whose scores stay as they are; so do the alternatives found for it, and
            certificates where the same sources are cited.
        policy: Chooses the sources to cite.
        labels: Labels the statements.

    Raises:
        ConfigurationError: If the policy returns a position that no source has.
    """
    citations = make_citations(
        policy,
        attribution.statements,
        attribution.chunks,
        attribution.sources,
        attribution.statement_scores,
        attribution.exact,
        attribution.alternatives,
        attribution.stated,
    )
    cited = replace(attribution, citations=citations)
    support = labels(support_evidence(cited))
    made = replace(cited, citations=numbered_as_shown(citations, support), support=support)
    return replace(made, certificates=_still_true(made))


def _still_true(attribution: Attribution) -> tuple[Certificate, ...]:
    """Return the certificates of sets that are still cited as they were."""
    sets: dict[int, set[int]] = {}
    for citation in attribution.shown_citations:
        sets.setdefault(citation.statement_index, set()).add(citation.source_id)
    return tuple(
        each
        for each in attribution.certificates
        if sets.get(each.statement_index) == set(each.source_ids)
    )
