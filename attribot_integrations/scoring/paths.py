"""The three ways to run ablated prompts through a model; all give the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attribot_integrations.scoring.cached_path import CachedPath
from attribot_integrations.scoring.packed import PackedPath
from attribot_integrations.scoring.path_base import PathScores, ScoringPath
from attribot_integrations.scoring.plain_path import PlainPath

if TYPE_CHECKING:
    from attribot_integrations.scoring.capabilities import PathName

__all__ = ["PATHS", "CachedPath", "PackedPath", "PathScores", "PlainPath", "ScoringPath"]

PATHS: Mapping[PathName, type[ScoringPath]] = {
    "packed": PackedPath,
    "cached": CachedPath,
    "plain": PlainPath,
}
"""The paths by name, fastest first."""
