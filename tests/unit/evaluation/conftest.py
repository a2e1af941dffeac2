"""Shared by the tests of evaluation."""

from __future__ import annotations

import pytest

from attribot_integrations.engine import AttributionEngine


@pytest.fixture(scope="session")
def pair() -> AttributionEngine:
    """The bundled target and proxy."""
    return AttributionEngine.demo(proxy=True)
