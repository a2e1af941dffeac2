"""A stored attribution with citations and labels chosen anew, without a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from attribot_integrations.results.citations import CitationPolicy, make_citations
from attribot_integrations.results.showing import numbered_as_shown
from attribot_integrations.results.support import LabelSupport, gather_evidence

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["rejudged"]


def rejudged(attribution: Attribution, policy: CitationPolicy, labels: LabelSupport) -> Attribution:
    """Return an attribution as it would be with another policy and other labels.

    Args:
        attribution: One whose scores stay as they are; so do the alternatives found for it.
        policy: Chooses the sources to cite.
        labels: Labels the statements.
    """
    citations = make_citations(
        policy,
        attribution.statements,
        attribution.chunks,
        attribution.sources,
        attribution.statement_scores,
        attribution.exact,
        attribution.alternatives,
    )
    evidence = gather_evidence(
        attribution.sources,
        attribution.statements,
        attribution.statement_scores,
        attribution.token_log_probs,
        attribution.token_log_probs_without_context,
        citations,
        attribution.alternatives,
        complete=not attribution.unremoved,
    )
    support = labels(evidence)
    return replace(attribution, citations=numbered_as_shown(citations, support), support=support)
