"""Batch jobs: large files of logged answers, attributed so that a kill at any moment costs nothing.

`inputs` streams rows from JSON Lines or Parquet, `plan` cuts them into parts and deals the parts to
processes, `folder` keeps each part's results safe on disk, `job` fills the parts, and `merging`
joins them in the order of the input. `processes` is what accelerate says about the processes at
work; `ray_data` runs the same attribution inside Ray Data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.batch.datafiles import RequestLine, read_requests
    from attribot_integrations.batch.ray_data import RayAttributor
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "RayAttributor": "ray_data",
            "RequestLine": "datafiles",
            "read_requests": "datafiles",
        },
    )

__all__ = [
    "RayAttributor",
    "RequestLine",
    "read_requests",
]


def __dir__() -> list[str]:
    return sorted(__all__)
