"""Text that can be shown anywhere."""

from __future__ import annotations

import pytest

from attribot_integrations.render.text import model_name, nats, one_line, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\tc", "a\nb\tc"),
        ("\x00\x7f\x9b\r", "    "),
        ("\u202e\u2066\ufeff\u2028", "    "),
        ("é漢字 e\u0301", "é漢字 e\u0301"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("می\u200cروم", "می\u200cروم"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_one_line() -> None:
    assert one_line("  a\r\n\tb\x0b c \u00a0") == "a b c"


def test_model_name() -> None:
    assert model_name("models\\a/b/") == "b"


def test_zero_has_no_sign() -> None:
    assert [nats(-0.001), nats(0.0), nats(-0.006), nats(1.005e9)] == [
        "0.00",
        "0.00",
        "-0.01",
        "1005000000.00",
    ]
