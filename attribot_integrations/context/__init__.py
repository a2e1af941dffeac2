"""What is retrieved and shown: chunks, their sentences, prompts, and chunks located in a prompt."""

from attribot_integrations.context.by_script import SplitByScript
from attribot_integrations.context.kinds import ConversationPart, SourceKind
from attribot_integrations.context.locating import CapturedPrompt, ChunkLocation, RawPrompt
from attribot_integrations.context.prompts import (
    ContextTemplate,
    Prompt,
    PromptMessage,
    PromptTemplate,
    Segment,
)
from attribot_integrations.context.retrieved import Origin, Part
from attribot_integrations.context.sources import (
    Chunk,
    Level,
    SentenceSplitter,
    Source,
    SourceSet,
    Span,
    split_sentences,
)
from attribot_integrations.context.structure import SplitStructure

__all__ = [
    "CapturedPrompt",
    "Chunk",
    "ChunkLocation",
    "ContextTemplate",
    "ConversationPart",
    "Level",
    "Origin",
    "Part",
    "Prompt",
    "PromptMessage",
    "PromptTemplate",
    "RawPrompt",
    "Segment",
    "SentenceSplitter",
    "Source",
    "SourceKind",
    "SourceSet",
    "Span",
    "SplitByScript",
    "SplitStructure",
    "split_sentences",
]
