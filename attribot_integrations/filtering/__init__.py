"""Which retrieved chunks are relevant, before there is an answer."""

from attribot_integrations.filtering.chunk_scores import ChunkScores, SentenceRelevance
from attribot_integrations.filtering.chunk_scoring import Granularity, SignalName, score_chunks
from attribot_integrations.filtering.drafted import DraftProbability, DraftSignal
from attribot_integrations.filtering.relevance import RelevanceSignal
from attribot_integrations.filtering.signals import CombinedSignal, QuestionSignal

__all__ = [
    "ChunkScores",
    "CombinedSignal",
    "DraftProbability",
    "DraftSignal",
    "Granularity",
    "QuestionSignal",
    "RelevanceSignal",
    "SentenceRelevance",
    "SignalName",
    "score_chunks",
]
