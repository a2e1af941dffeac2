"""What trimming leaves of a text; the rest is tested with the adapters' components."""

import pytest

from attribot_integrations.context.sources import Span
from attribot_integrations.filtering.chunk_filter import trim

TEXT = "One. Two.\n\nThree. Four."


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ((), TEXT),
        (((0, 23),), TEXT),
        (((0, 4),), "One."),
        (((5, 9),), "Two."),
        (((0, 4), (11, 17)), "One.\n\nThree."),
        (((5, 9), (18, 23)), "Two. Four."),
    ],
)
def test_trim(spans: tuple[Span, ...], expected: str) -> None:
    text, offsets = trim(TEXT, spans)
    assert text == expected
    assert "".join(TEXT[start:end] for start, end in offsets).split() == expected.split() or spans
    assert offsets == ([list(span) for span in spans] or [[0, len(TEXT)]])


def test_trim_of_text_without_spaces() -> None:
    assert trim("一。二。三。", ((0, 2), (4, 6))) == ("一。三。", [[0, 2], [4, 6]])
