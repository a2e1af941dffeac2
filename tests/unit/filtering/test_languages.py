"""Telling languages apart."""

from __future__ import annotations

import pytest

from attribot_integrations.filtering.languages import COMMON_WORDS, speak_differently

TEXTS = {
    "en": "The harbour was built in the last century, and it is still used by the fishing boats.",
    "de": "Der Hafen wurde im letzten Jahrhundert gebaut und wird noch von den Booten genutzt.",
    "fr": "Le port a été construit au siècle dernier et il est encore utilisé par les bateaux.",
    "es": "El puerto fue construido en el siglo pasado y todavía lo usan los barcos de pesca.",
    "pt": "O porto foi construído no século passado e ainda é usado pelos barcos de pesca.",
    "it": "Il porto è stato costruito nel secolo scorso ed è ancora usato dai pescherecci.",
    "nl": "De haven is in de vorige eeuw gebouwd en wordt nog steeds door vissers gebruikt.",
    "sv": "Hamnen byggdes under förra seklet och används av fiskare som kommer från öarna.",
    "fi": "Satama rakennettiin viime vuosisadalla, ja se on yhä kalastajien käytössä.",
    "pl": "Port został zbudowany w zeszłym wieku i jest nadal używany przez rybaków, którzy do "
    "niego wracają.",
    "ru": "Порт был построен в прошлом веке и до сих пор используется рыбаками.",
    "ja": "港は前世紀に建設され、今も漁師に使われています。",
    "zh": "港口建于上个世纪至今仍被渔民使用。",
}


@pytest.mark.parametrize("one", TEXTS)
def test_texts_in_other_languages_differ_and_those_in_the_same_do_not(one: str) -> None:
    different = {other for other in TEXTS if speak_differently(TEXTS[one], TEXTS[other])}
    assert different == {*TEXTS} - {one}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("harbour year", TEXTS["en"]),  # no common word
        ("harbour year", TEXTS["de"]),
        ("in 1871?", TEXTS["it"]),  # may be in several languages
        ("?", TEXTS["ja"]),
        ("Who built it?", "1871"),
        ("Who built it?", ""),
    ],
)
def test_what_may_be_in_any_language_is_in_none(question: str, text: str) -> None:
    assert not speak_differently(question, text)


def test_questions_are_enough() -> None:
    assert speak_differently("When was the harbour built?", TEXTS["de"])
    assert speak_differently("Wann wurde der Hafen gebaut?", TEXTS["en"])
    assert not speak_differently("Quand le port est-il construit ?", TEXTS["fr"])


def test_words_are_written_as_they_are_compared() -> None:
    for words in COMMON_WORDS.values():
        assert words == words.casefold()
        assert len(set(words.split())) == len(words.split())
