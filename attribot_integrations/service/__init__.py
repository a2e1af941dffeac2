"""Attribution as a service, and the engine that asks one.

`attribot serve` runs it; `service_app` is the same application for servers of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.service.application import service_app
    from attribot_integrations.service.ray_serving import ray_application
    from attribot_integrations.service.remote_engine import RemoteEngine
    from attribot_integrations.service.service_options import ServiceOptions
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "RemoteEngine": "remote_engine",
            "ServiceOptions": "service_options",
            "ray_application": "ray_serving",
            "service_app": "application",
        },
    )

__all__ = ["RemoteEngine", "ServiceOptions", "ray_application", "service_app"]


def __dir__() -> list[str]:
    return sorted(__all__)
