"""Verifiers with a real encoder."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.verifying import EncoderVerifier
from attribot_integrations.verifying.protocol import verified
from tests.real.conftest import real_file

pytestmark = pytest.mark.real

PASSAGES = [
    "The lighthouse was finished in 1871 and still guides ships.",
    "Its keeper lives in a house beside the tower.",
    "Bananas are rich in potassium.",
]


def test_a_paraphrase_is_found() -> None:
    verifier = EncoderVerifier(str(real_file("all-minilm-l6-v2")))
    statements = ["Builders completed the beacon in 1871.", "They contain much potassium."]
    found = verified(verifier, "What is known of the lighthouse?", statements, PASSAGES)
    assert np.argmax(found, axis=0).tolist() == [0, 2]
    assert found[2, 0] < 0.1
    copy = verified(verifier, "", PASSAGES, PASSAGES)
    assert (copy.diagonal() > 0.9).all()
