"""Scoring models that a server runs, spoken to over HTTP: vLLM, SGLang, and what has `echo`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.scoring.servers.server_model import ServerModel
    from attribot_integrations.scoring.servers.server_options import ServerKeywords, ServerOptions
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "ServerKeywords": "server_options",
            "ServerModel": "server_model",
            "ServerOptions": "server_options",
        },
    )

__all__ = ["ServerKeywords", "ServerModel", "ServerOptions"]


def __dir__() -> list[str]:
    return sorted(__all__)
