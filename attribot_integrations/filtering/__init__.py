"""Which retrieved chunks are relevant, before there is an answer."""

from attribot_integrations.filtering.results import ChunkScores, SentenceRelevance
from attribot_integrations.filtering.scoring import Granularity, SignalName, score_chunks
from attribot_integrations.filtering.signals import (
    CombinedSignal,
    DraftSignal,
    QuestionSignal,
    RelevanceSignal,
)

__all__ = [
    "ChunkScores",
    "CombinedSignal",
    "DraftSignal",
    "Granularity",
    "QuestionSignal",
    "RelevanceSignal",
    "SentenceRelevance",
    "SignalName",
    "score_chunks",
]
