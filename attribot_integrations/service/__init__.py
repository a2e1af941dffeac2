"""Attribution as a service, and the engine that asks one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.service.remote_engine import RemoteEngine
else:
    __getattr__ = lazy_names(__name__, {"RemoteEngine": "remote_engine"})

__all__ = ["RemoteEngine"]


def __dir__() -> list[str]:
    return sorted(__all__)
