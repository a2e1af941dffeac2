"""`register_documents`: tell the handlers what was retrieved where LangChain reports nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import RunnableConfig

from attribot_integrations.errors import InputError
from attribot_integrations.langchain.events import DOCUMENTS_EVENT
from attribot_integrations.langchain.found import chunk_of

__all__ = ["aregister_documents", "register_documents"]

_logger = logging.getLogger(__name__)


_NO_RUN = "register_documents was called outside of any chain or tool, so nobody is told: %s"


def register_documents(documents: Iterable[Any], config: RunnableConfig | None = None) -> list[Any]:
    """Tell the handlers of the chain that is running which documents it has retrieved.

    Retrievers report by themselves. This is for a search that is a plain function, such as
    `vectorstore.similarity_search`, in a step, tool or graph node. It can stand in a chain:
    `search | register_documents | format`.

    Args:
        documents: What was retrieved; not changed. Pairs of a document and its score, and the
            dicts that web searches give, are documents, too.
        config: The step's config, where LangChain cannot find it itself (async on Python 3.10).

    Returns:
        The same documents.

    Raises:
        InputError: If something else than a document is among them.
    """
    found = _checked(documents)
    try:
        dispatch_custom_event(DOCUMENTS_EVENT, found, config=config)
    except RuntimeError as error:
        _logger.warning(_NO_RUN, error)
    return found


async def aregister_documents(
    documents: Iterable[Any], config: RunnableConfig | None = None
) -> list[Any]:
    """Do what `register_documents` does, in asynchronous steps with asynchronous handlers.

    Args:
        documents: What was retrieved; not changed. Pairs of a document and its score, and the
            dicts that web searches give, are documents, too.
        config: The step's config, where LangChain cannot find it itself (on Python 3.10).

    Returns:
        The same documents.

    Raises:
        InputError: If something else than a document is among them.
    """
    found = _checked(documents)
    try:
        await adispatch_custom_event(DOCUMENTS_EVENT, found, config=config)
    except RuntimeError as error:
        _logger.warning(_NO_RUN, error)
    return found


def _checked(documents: Iterable[Any]) -> list[Any]:
    found = list(documents)
    for one in found:
        if chunk_of(one) is None:
            raise InputError(
                f"register_documents takes LangChain documents, got {type(one).__name__}"
            )
    return found
