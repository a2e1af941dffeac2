"""LangChain integration: citations for any chain, agent or graph, through its callbacks."""

from __future__ import annotations

from attribot_integrations.errors import MissingExtraError

try:
    import langchain_core  # noqa: F401
except ImportError as error:
    raise MissingExtraError("LangChain integration", "langchain") from error

from attribot_integrations.langchain.callbacks import CitationCallbackHandler
from attribot_integrations.langchain.records import CitationRecord

__all__ = ["CitationCallbackHandler", "CitationRecord"]
