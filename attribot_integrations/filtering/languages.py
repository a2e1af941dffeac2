"""Telling the languages of two texts apart, by their script and their commonest words.

Words say nothing of a text in another language than the question. Only a difference that is plain
counts: a short question may be in any of several languages, and is then in none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import regex

from attribot_integrations.context.scripts import script_of

__all__ = ["COMMON_WORDS", "common_words", "speak_differently"]

COMMON_WORDS: Final[Mapping[str, str]] = {
    "en": "the of and to is was that for with are were it by on from this which what who when "
    "where why how did do does has had their his her he she they a an in as at be been should can",
    "de": "der die das und ist den dem des ein eine einer von mit zu im auf für nicht auch sich "
    "wurde wird sind bei nach aus wer was wann wie welche welcher welches wo warum hat",
    "fr": "le la les des du et est dans une un par pour que qui sur avec pas au aux ce cette sont "
    "il elle été quel quelle qu comment pourquoi où quand l d",
    "es": "el la los las de del y en que es un una por con para se su al como más fue son ha no "
    "qué quién cuándo dónde cómo cuál cuántos",
    "pt": "o a os as de do da dos das e em no na que é um uma por com para se foi mais não ao são "
    "pelo pela qual quem quando onde como",
    "it": "il lo la gli le di del della dei e è in un una che per con non si da nel nella sono al "
    "alla come più stato chi quando dove quale perché",
    "nl": "de het een van en is in op dat die voor met zijn niet aan door werd wordt ook bij naar "
    "wie wat wanneer waar hoe welke waarom heeft",
    "sv": "och i att det som en ett av är på för med den till inte om har var från vem vad när hur "
    "vilken vilket varför blev",
    "da": "og i at det som en et af er på for med den til ikke om har var fra hvem hvad hvornår "
    "hvor hvordan hvilken blev",
    "fi": "ja on oli että ei se hän joka kun mutta ovat myös tai sekä kuka mikä mitä milloin missä "
    "miten miksi",
    "pl": "w i na z do się jest nie to że o jako od po przez był była oraz kto co kiedy gdzie jak "
    "dlaczego który która jakie",
    "cs": "a v na se je že s z do o to i ve pro byl byla jako kdo co kdy kde jak proč který která "
    "jsou",
    "tr": "ve bir bu da de için ile olarak olan daha çok ne kim nerede neden hangi mi",
    "hu": "a az és egy hogy is nem volt van meg ez azt ki mi mikor hol hogyan miért melyik",
}
"""The commonest words of each language, those that ask among them."""
_LANGUAGES_OF: Final[Mapping[str, frozenset[str]]] = {
    word: frozenset(name for name, words in COMMON_WORDS.items() if word in words.split())
    for words in COMMON_WORDS.values()
    for word in words.split()
}
_WORD = regex.compile(r"\p{L}+")
_LOOKED_AT: Final = 2_000
"""Characters of a text by which its language is told."""


def common_words(text: str) -> str:
    """Return the commonest words of a text's language, with spaces; none if that is not plain."""
    return COMMON_WORDS.get(_language(text) or "", "")


def speak_differently(one: str, other: str) -> bool:
    """Tell whether two texts are plainly in different scripts or languages."""
    scripts = script_of(one), script_of(other)
    if None not in scripts and scripts[0] != scripts[1]:
        return True
    languages = _language(one), _language(other)
    return None not in languages and languages[0] != languages[1]


def _language(text: str) -> str | None:
    """Return the language with most of its common words in a text, unless two have as many."""
    counts: Counter[str] = Counter()
    for word in _WORD.findall(text[:_LOOKED_AT].casefold()):
        counts.update(_LANGUAGES_OF.get(word, ()))
    (first, most), (_, second) = (*counts.most_common(2), ("", 0), ("", 0))[:2]
    return first if most > second else None
