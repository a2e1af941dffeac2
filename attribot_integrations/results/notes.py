"""What a result does not know, in sentences for its readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution

__all__ = ["reader_notes"]


def reader_notes(attribution: Attribution) -> tuple[str, ...]:
    """Return what readers of an attribution must be told beside its citations.

    That is which chunks were not scored, whether scoring ended early, whether the verifier failed,
    and why statements could not be judged. Every output shows these notes. Chunks and statements
    are counted from 1.
    """
    notes: list[str] = []
    if attribution.stopped:
        notes.append(f"Ended early: {attribution.stopped}.")
    if missing := attribution.unlocated:
        listed = ", ".join(f"chunk {place.chunk_index + 1} ({place.outcome})" for place in missing)
        notes.append(f"Not scored, no place of their own in the prompt: {listed}.")
    if attribution.unverified:
        notes.append(f"Not verified: {attribution.unverified}.")
    reasons: dict[str, list[int]] = {}
    for support in attribution.support:
        if support.reason:
            reasons.setdefault(support.reason, []).append(support.statement_index + 1)
    for reason, numbers in reasons.items():
        listed = ", ".join(f"statement {number}" for number in numbers)
        notes.append(f"Not judged, {listed}: {reason}.")
    return tuple(notes)
