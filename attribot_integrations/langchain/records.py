"""`CitationRecord`: the record of one run of a chain."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.requests.options import conversation_of

__all__ = ["UNTOLD", "CitationRecord", "NothingFound"]

_logger = logging.getLogger(__name__)

_warning = threading.Lock()  # of the module, so that what is kept in a runnable can be copied

UNTOLD: Final = (
    "no documents were seen: pass the handler to the whole chain in the call's config, use a "
    "retriever, or pass what a plain function finds to register_documents"
)


class CitationRecord(AnswerRecord):
    """One run of a chain: what it asked, retrieved and answered, and what the answer rests on."""

    @property
    def run_id(self) -> UUID:
        """LangChain's id of the root run."""
        return UUID(self.id)


@dataclass
class NothingFound:
    """Warns, once, that nobody has told what was retrieved, and what to do about it."""

    warned: bool = field(default=False, compare=False)
    """Whether it has warned."""

    def warn(self, problem: str | None, run_id: object, engine: object = None) -> None:
        """Warn if this is the first run of which nobody told.

        Args:
            problem: Why the run's answer cannot be attributed.
            run_id: The run.
            engine: What attributes answers, which may do so by the conversation alone.
        """
        if problem != UNTOLD or conversation_of(engine):
            return
        with _warning:
            warned, self.warned = self.warned, True
        if not warned:
            _logger.warning("run %s gets no citations: %s (this is logged once)", run_id, UNTOLD)
