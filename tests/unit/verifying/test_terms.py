"""Terms of texts in many scripts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.verifying.terms import check_language, find_terms, is_number


def keys(text: str, language: str | None = "english") -> list[str]:
    return [term.key for term in find_terms(text, language)]


def telling(text: str) -> list[str]:
    return [term.key for term in find_terms(text, "english") if term.telling]


def test_words_are_stemmed_and_lower_case() -> None:
    assert keys("Cats were SLEEPING, weren't they?") == ["cat", "were", "sleep", "weren't", "they"]
    assert keys("Zoë\u2019s cat") == keys("Zoë's cat") == ["zoë", "cat"]


def test_without_a_language_nothing_is_stemmed() -> None:
    assert keys("Cats sleeping", None) == ["cats", "sleeping"]


def test_another_language() -> None:
    assert keys("Häuser", "german") == keys("Haus", "german")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,000", ["1000"]),
        ("1,234,567", ["1234567"]),
        ("North 2,1977-08-20,2004", ["north", "2", "1977", "08", "20", "2004"]),  # cells
        ("3.5%", ["3.5"]),
        ("10-year", ["10", "year"]),
        ("\u0661\u0669\u0669\u0660", ["1990"]),  # Arabic-Indic digits
        ("\uff11\uff12", ["12"]),  # full width
        ("U.S. and US", ["us", "and", "us"]),
        ("", []),
        (" -- … !", []),
        ("👩‍🚀", []),
    ],
)
def test_numbers_and_abbreviations(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_numbers_and_names_are_telling() -> None:
    assert telling("In 1969 the crew of Apollo 11 met Nixon") == ["1969", "apollo", "11", "nixon"]
    assert telling("Paris") == []  # a capital at the start says nothing
    assert is_number("b2")
    assert not is_number("two")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("東京は", ["東京", "京は"]),
        ("山", ["山"]),
        ("カタカナ", ["カタ", "タカ", "カナ"]),
        ("ไทย", ["ไท", "ทย"]),
        ("GDP増加率は3.5%", ["gdp", "増加", "加率", "率は", "3.5"]),
        ("안녕하세요 세계", ["안녕하세요", "세계"]),
    ],
)
def test_scripts_without_spaces_are_read_in_pairs(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


@pytest.mark.parametrize(
    "text",
    ["Москва столица России", "القاهرة عاصمة مصر", "हिन्दी भाषा", "מדינת ישראל", "Αθήνα πόλεις"],
)
def test_the_stemmer_leaves_other_scripts_alone(text: str) -> None:
    assert keys(text) == text.casefold().split()


def test_unknown_language() -> None:
    with pytest.raises(ConfigurationError, match=r"one of .*english.*, got 'klingon'"):
        check_language("klingon")
    check_language(None)


def test_threads_do_not_mix_words() -> None:
    words = [
        f"{stem}{ending}" for stem in ("sleep", "walk", "jump", "talk") for ending in ("ing", "s")
    ]
    texts = [" ".join(f"{word}x{number}s {word}" for word in words) for number in range(400)]
    expected = [keys(text) for text in texts]
    from attribot_integrations.verifying.terms import _stem

    _stem.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(keys, texts)) == expected
