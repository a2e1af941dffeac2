"""Settings of the property tests: the same examples every time, so that a failure is a change."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("attribot", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("attribot")
