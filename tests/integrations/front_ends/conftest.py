"""One browser for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integrations.front_ends.browsing import launched


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 820, "height": 700})
    opened.set_default_timeout(120_000)  # Streamlit first imports all of an application
    yield opened
    opened.close()
