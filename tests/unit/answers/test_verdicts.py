"""Grades, told from answers."""

import pytest

from attribot_integrations.answers.verdicts import is_verdict


@pytest.mark.parametrize(
    "text",
    [
        "yes", " No.", "**Yes**", "TRUE", "3/5", "-0.5", "not relevant", "Score: 4",
        "Verdict: pass",
        '{"score": "yes"}', '```json\n{"binary_score": "no", "explanation": "Because."}\n```',
        '[{"relevance": 3, "reason": "It names the bike."}]',
        '{"supported": true, "useful": false}',
    ],
)  # fmt: skip
def test_grades(text: str) -> None:
    assert is_verdict(text)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "Yes, it costs 910 coins.", "The score was 3.", "Ada", '{"answer": "It is."}',
        "{",
        "[]", "{}", '{"score": ' + '"' + "x" * 5000 + '"}',
    ],
)  # fmt: skip
def test_other_texts(text: str | None) -> None:
    assert not is_verdict(text)
