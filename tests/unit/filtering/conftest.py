"""Shared by the tests of filtering."""

from __future__ import annotations

import pytest

from attribot_integrations.engine import AttributionEngine


@pytest.fixture(scope="session")
def demo() -> AttributionEngine:
    """The bundled target alone."""
    return AttributionEngine.demo()


@pytest.fixture(scope="session")
def pair() -> AttributionEngine:
    """The bundled target and proxy."""
    return AttributionEngine.demo(proxy=True)
