"""What a config says about positions: how many there are, and where their encoding changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["context_length", "has_dynamic_rope", "length_switch"]

_NAMES = ("max_position_embeddings", "max_seq_len", "max_target_positions")
"""What configs call the number of positions; the second is MPT's, the third Whisper's."""
_STRETCHED = {"linear", "yarn"}
"""Rotary scalings under which `factor` times the original length is covered."""


def context_length(config: Any) -> int | None:
    """Return the most tokens that the positions cover; `None` where nothing limits them."""
    found = (getattr(config, name, None) for name in _NAMES)
    covered = min((int(each) for each in found if each), default=0)
    if not covered:
        return None
    if has_dynamic_rope(config):
        # At the very last position, what a longer text of another caller left behind would be used.
        return covered - 1
    # Some configs give the stretched length here, others the original one.
    for rope in _ropes(config):
        original = rope.get("original_max_position_embeddings")
        if _kind(rope) in _STRETCHED and original:
            covered = max(covered, int(original * rope.get("factor", 1.0)))
    return covered


def length_switch(config: Any) -> int | None:
    """Return the length above which all positions are encoded in another way (longrope)."""
    switches = [
        rope.get("original_max_position_embeddings")
        or getattr(config, "original_max_position_embeddings", None)
        for rope in _ropes(config)
        if _kind(rope) == "longrope"
    ]
    return min((int(switch) for switch in switches if switch), default=None)


def has_dynamic_rope(config: Any) -> bool:
    """Tell whether some layers' rotary frequencies depend on the length of the text."""
    return any("dynamic" in _kind(rope) for rope in _ropes(config))


def _kind(rope: Mapping[str, Any]) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")


def _ropes(config: Any) -> list[Mapping[str, Any]]:
    """Return the rotary settings of the model, or of each of its layer types."""
    rope = getattr(config, "rope_parameters", None) or {}
    if not isinstance(rope, Mapping):
        return []
    nested = [each for each in rope.values() if isinstance(each, Mapping)]
    return nested or [rope]
