"""Which retrieved chunks are relevant, before there is an answer."""

from attribot_integrations.filtering.chunk_scores import ChunkScores, SentenceRelevance
from attribot_integrations.filtering.chunk_scoring import Granularity, SignalName
from attribot_integrations.filtering.drafted import DraftProbability, DraftSignal
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput, RelevanceSignal
from attribot_integrations.filtering.signals import CombinedSignal, QuestionSignal
from attribot_integrations.filtering.worded import WordProbability, WordSignal

__all__ = [
    "ChunkScores",
    "CombinedSignal",
    "DraftProbability",
    "DraftSignal",
    "Granularity",
    "QuestionSignal",
    "Relevance",
    "RelevanceInput",
    "RelevanceSignal",
    "SentenceRelevance",
    "SignalName",
    "WordProbability",
    "WordSignal",
]
