"""No architecture of the installed transformers gets wrong scores in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import transformers

from tests.parity.shrinking import NAMES
from tests.parity.sweep import GOOD, examine

PAGE = Path(__file__).parents[2] / "docs" / "architectures.md"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_equal_or_refused(name: str) -> None:
    outcome = examine(name)
    assert outcome.result in GOOD, outcome


@pytest.mark.parametrize("name", ["llama", "roberta", "moshi"])
def test_a_few_of_them(name: str) -> None:
    assert examine(name).result == "equal"


def test_the_page_lists_every_architecture_and_no_failure() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "| silently wrong | 0 |" in page
    assert "| another exception | 0 |" in page
    assert "| scores too small to tell | 0 |" in page
    if f"transformers {transformers.__version__}," in page:
        assert set(re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE)) >= set(NAMES)
