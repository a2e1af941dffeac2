"""Every tokenizer and every template, one after the other."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerFast

from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS


@pytest.fixture(params=[*TOKENIZERS])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return TOKENIZERS[request.param]()


@pytest.fixture(params=[*TEMPLATES])
def template(request: pytest.FixtureRequest) -> str:
    return TEMPLATES[request.param]
