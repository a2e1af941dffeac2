"""The life of an answer, whatever the framework: what was captured, the attempt, the record."""

from attribot_integrations.answers.attempt import Outcome, PromptUsed, Status, attempt
from attribot_integrations.answers.captured import CapturedAnswer, MessagesOrText, ModelCall
from attribot_integrations.answers.desk import AnswerDesk, Mode
from attribot_integrations.answers.record import AnswerRecord

__all__ = [
    "AnswerDesk",
    "AnswerRecord",
    "CapturedAnswer",
    "MessagesOrText",
    "Mode",
    "ModelCall",
    "Outcome",
    "PromptUsed",
    "Status",
    "attempt",
]
