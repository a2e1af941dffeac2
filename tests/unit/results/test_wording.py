"""What of an answer is scored: its words, and no marks, thoughts or white space."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.segmentation import split_answer
from attribot_integrations.context.sources import split_sentences
from attribot_integrations.results.wording import wording_of

FACT = "The price of the Norzel bike is 910 coins."


@pytest.mark.parametrize(
    "answer",
    [
        FACT,
        FACT + "\n\n",
        " \n\t" + FACT,
        f"**{FACT}**",
        f"*{FACT}*",
        f"__{FACT}__",
        f"~~{FACT}~~",
        FACT.replace("910", "**910**"),
        FACT.replace(" is ", "\nis "),
        FACT.replace(" is ", "  is "),
        f"# {FACT}",
        f"## {FACT} ##",
        f"- {FACT}",
        f"> {FACT}",
        f"{FACT} [2]",
        f"{FACT}[2]",
        f"{FACT}[1][3]",
        f"{FACT} [1, 3]",
        f"{FACT} [1-3]",
        f"{FACT} [[1]]",
        f"{FACT}[^1]",
        f"{FACT}[^note]",
        f"{FACT}【1†source】",
        f"{FACT} 【3:0†prices.pdf】",
        f"{FACT} (doc 2)",
        f"{FACT} [source: 3]",
        f"{FACT} [doc 2][doc 3]",
        f"{FACT} [citation:4]",
        f"{FACT} [1](https://example.org/a)",
        f"{FACT} [(Smith 2020)](https://example.org/a)",
        f"{FACT}¹²",
        f"{FACT}<sup>1</sup>",
        f"[1] {FACT}",
        FACT.replace("910 coins.", "910 [2] coins."),
        FACT.replace("coins.", "coins[2]."),
        f"{FACT}</p>",
        f"<p>{FACT}</p>",
        f"{FACT} 🙂",
        f"👍🏽 {FACT} 🇩🇪",
        f"<think>\nIt costs 910.\n</think>\n\n{FACT}",
        f"<thinking>Hm.</thinking>{FACT}",
        f"The context says 910.\n</think>\n\n{FACT}",
        f"<|channel|>analysis<|message|>Hm.<|end|>{FACT}",
        f"{FACT}\n<think>never closed",
    ],
)
def test_dress_is_left_out(answer: str) -> None:
    assert wording_of(answer).text == FACT


@pytest.mark.parametrize(
    "text",
    [
        "x[1] = 5",
        "a = arr[1] + 2",
        "Take `x[1]` of it.",
        "Take rows[0][key].",
        "list[int] is a type.",
        "5 * 3 * 2 is 30",
        "snake_case_name",
        "(Smith 2020) says so.",
        "It is [sic] so.",
        "E = mc² and 4 m²",
        "10¹² is large.",
        "1962. It opened.",
        "a < b and c > d",
        "Let f(x) = [0, 1) be half open.",
        "It costs 5 € + 3 %.",
        "© 2020",
    ],
)
def test_words_stay(text: str) -> None:
    assert wording_of(text).text == text


def test_rows_and_items_of_html_are_statements() -> None:
    table = (
        "Here:<table border='1'><thead><tr><th>Name</th><th>Age</th></tr></thead>"
        "<tr><td>Ada</td><td>90</td></tr>\n<tr><td>Bea <b>M.</b></td><td>7</td></tr></table>"
    )
    assert wording_of(table).text == "Here: Name Age Ada 90 Bea M. 7"
    assert said(table) == ["Here:", "Name</th><th>Age", "Ada</td><td>90", "Bea <b>M.</b></td><td>7"]
    items = "<ul>\n<li>Ada is 90.</li><li>Bea is 7. She is young.</li>\n</ul>"
    assert wording_of(items).text == "Ada is 90. Bea is 7. She is young."
    assert said(items) == ["Ada is 90.", "Bea is 7.", "She is young."]
    assert wording_of("Write <li> and <td>.").text == "Write <li> and <td>."
    assert wording_of("```html\n<li>x</li>\n```").text == "```html <li>x</li> ```"


def said(answer: str) -> list[str]:
    """The statements of an answer."""
    bare = wording_of(answer).bare
    assert len(bare) == len(answer)
    return [answer[start:end] for start, end in split_answer(bare, split_sentences)]


def test_code_keeps_its_marks() -> None:
    found = wording_of("So:[2]\n```python\nx[1] = a * b  # no [2]\n```\nDone. [3]")
    assert found.text == "So: ```python x[1] = a * b # no [2] ``` Done."


@pytest.mark.parametrize("answer", ["", " \n", "<think>Hm.</think>", "[1]", "🙂", "**", "<br/>\n"])
def test_some_answers_say_nothing(answer: str) -> None:
    assert wording_of(answer).text in ("", "**")


def test_marks_between_words_leave_a_space() -> None:
    assert wording_of("It opened in 1962.[2]It is old.").text == "It opened in 1962. It is old."
    assert wording_of("It **op**ened.").text == "It opened."


def test_places_lead_back() -> None:
    answer = "**It** opened in 1962.[2] It is old."
    found = wording_of(answer)
    start = found.text.index("opened")
    assert found.span(start, start + 6) == (7, 13)
    assert answer[slice(*found.span(0, 2))] == "It"
    assert found.span(len(found.text), len(found.text)) == (len(answer), len(answer))


def test_what_is_bare_keeps_blocks() -> None:
    answer = "- One. [2]\n- Two.\n\n<think>a\nb</think>Three."
    bare = wording_of(answer).bare
    assert len(bare) == len(answer)
    assert bare.startswith("- One.    ")
    assert bare.count("\n") == answer.count("\n")
    assert "think" not in bare


SPACES = st.text(" \n\t", min_size=1, max_size=4)


@given(st.lists(SPACES, min_size=4, max_size=4))
def test_white_space_changes_nothing(gaps: list[str]) -> None:
    sentences = ["It opened in 1962.", "It is old.", "Nobody goes there."]
    dressed = "".join(gap + text for gap, text in zip(gaps, [*sentences, ""], strict=True))
    assert wording_of(dressed).text == " ".join(sentences)


@given(st.text("ab1 .\n*_#>-[]()^【】`<>/¹🙂🇩\u200d|~", max_size=60))
def test_every_character_knows_its_place(answer: str) -> None:
    found = wording_of(answer)
    assert len(found.places) == len(found.text)
    assert list(found.places) == sorted(set(found.places))
    assert len(found.bare) == len(answer)
    for character, place in zip(found.text, found.places, strict=True):
        assert character in (" ", answer[place])
    assert found.text == found.text.strip()
    assert "  " not in found.text


HOSTILE = "[ * _ ` <think> < 【 ~~ [1] **a |- 🙂 ![ (( ]( 1[ a[1]"


@pytest.mark.parametrize(
    "piece", [*HOSTILE.split(), "- ", "\n```", "**a ", "[1] ", "> ", "</li><tr "]
)
def test_hostile_answers_take_no_time(piece: str) -> None:
    started = time.process_time()
    wording_of(piece * 20_000)
    assert time.process_time() - started < 5
