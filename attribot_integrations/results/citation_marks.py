"""Marks of citations in a text: `[1]`, `【4:0†file.pdf】`, `(doc 2)`, `[1](https://…)`, `¹`.

Found is what can be told from the text alone, whatever was retrieved. Code, indexes of arrays,
lists of numbers, years, check boxes and definitions of footnotes are no marks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex

from attribot_integrations.context.sources import Span

__all__ = ["CitationMark", "code_spans", "find_marks", "joins_marks", "parse_numbers"]

_MOST_NUMBERS: Final = 30
"""Longest range that is read as one of citations."""

_CODE: Final = regex.compile(
    r"^[ \t]*(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)"
    r"|(?<!`)(`++)[^\n]*?(?<!`)\2(?!`)",
    regex.DOTALL | regex.MULTILINE,
)

_NOUN: Final = (
    r"(?:documents?|docs?|sources?|src|references?|refs?|citations?|citing|cites?|chunks?"
    r"|passages?|contexts?|excerpts?|snippets?|results?|evidence|articles?|footnotes?|notes?|fn"
    r"|ids?|quellen?|fuentes?|fontes?|来源|來源|文献|文獻|資料|资料|出典|引用)"
)
_ITEM: Final = rf"(?:{_NOUN}(?:[ ]?(?:id|no))?[ .:#_№=-]{{0,3}}(?:\#|№)?)?[\#№^]?[ ]?(\d{{1,3}})"
_RANGE: Final = r"[ ]?(?:[-\u2010-\u2014~～]|\.{2,3}|…|\bto\b|\bthrough\b|\bbis\b)[ ]?"
_SEPARATOR: Final = r"[ ]?(?:[,;/+&|、，；]|\band\b|\bor\b|\bund\b|\bet\b|\by\b)(?:[ ]?and\b)?[ ]?"
_LOCATOR: Final = (
    r"(?:[ ]?[,:;][ ]?(?:pp?|pages?|sec|sections?|lines?|ch|chap|para|§|l)\b?\.?"
    r"[ ]?[\w\u2013-]{1,12})?"
)
_NUMBERS: Final = regex.compile(
    rf"(?:see|cf\.?|from|per|via|siehe)?[ ]?(?:{_NOUN}[ ]?[:.#]?[ ]?)?"
    rf"(?P<items>{_ITEM}(?:(?:{_RANGE}|{_SEPARATOR}){_ITEM}){{0,20}}){_LOCATOR}[ ]?",
    regex.IGNORECASE,
)
_PART: Final = regex.compile(rf"(?P<range>{_RANGE})?(?:{_SEPARATOR})?{_ITEM}", regex.IGNORECASE)
_NAMED: Final = regex.compile(rf"(?:see |cf\.? )?[^\w]{{0,2}}{_NOUN}", regex.IGNORECASE)

_TARGET: Final = r"\((?P<link>[^()\s]{1,500}(?:\([^()\s]{0,100}\)[^()\s]{0,200})?)\)"
_SQUARE: Final = r"(?:\\?\[\^?[^\[\]\n\\]{1,60}\\?\]|\[\[\^?[^\[\]\n]{1,60}\]\])"
_CANDIDATES: Final = regex.compile(
    r"(?P<dagger>【(?P<d>[^【】\n]{1,80})】)"
    rf"|(?P<note>\[\^(?P<n>[\w-]{{1,30}})\](?![:(]))"
    rf"|(?P<round>[(（](?P<r>[^()（）\[\]\n]{{1,60}})[)）])"
    rf"|(?P<wrapped>[(（](?:see |cf\.? |e\.g\.,? )?(?P<w>{_SQUARE}(?:{_TARGET})?"
    rf"(?:(?:[,;]|[ ]and)?[ ]?{_SQUARE}(?:{_TARGET})?){{0,8}})[)）])"
    rf"|(?P<square>\[\[\^?(?P<s>[^\[\]\n]{{1,60}})\]\](?:{_TARGET})?"
    rf"|\\?\[\^?(?P<s>[^\[\]\n\\]{{1,60}})\\?\](?:{_TARGET})?"
    rf"|[［〔⟦](?P<s>[^\[\]\n［］〔〕⟦⟧]{{1,60}})[］〕⟧])"
    r"|(?P<raised>(?<=\p{L}{4}|\b(?:1[5-9]|20)\d\d|[.!?,;:\u201d\"')»。」])"
    r"(?P<u>⁽?[¹²³⁴-⁹⁰]{1,4}(?:[,;⁻˒‚·–-][ ]?[¹²³⁴-⁹⁰]{1,4}){0,6}⁾?)(?!\w))"
    r"|(?P<tag><(?P<name>sup|cite|ref|citation|source|footnote)\b[^<>\n]{0,60}>"
    r"[ ]?(?:<a\b[^<>\n]{0,200}>)?[ ]?(?P<t>[^<>\n]{1,30}?)[ ]?(?:</a>)?[ ]?</(?P=name)>)"
    r"|(?P<single><(?:cite|ref|citation|source|doc)\b[^<>\n]{0,20}?[ =:_\"'|](?P<g>\d{1,3})"
    r"[\"']?[ ]?/?>)"
    r"|(?P<caret>\^\[?(?P<c>\d{1,3}(?:,[ ]?\d{1,3}){0,6})\]?\^)",
    regex.IGNORECASE,
)
_SUPERSCRIPTS: Final = str.maketrans("¹²³⁴⁵⁶⁷⁸⁹⁰⁻˒‚·⁽⁾", "1234567890-,,,  ")

_JOINER: Final = regex.compile(r"[ \t]*(?:[,;][ \t]*|and[ \t]+|&[ \t]*)?")
_DEFINED: Final = regex.compile(r"[ ]{0,3}$")

# What a list of numbers follows, or is followed by, that is no list of citations.
_LISTS: Final = regex.compile(
    r"(?:\b(?:lists?|arrays?|vectors?|tuples?|sequences?|sets?|values?|elements?|outputs?|inputs?"
    r"|returns?|prints?|range|intervals?|ind(?:ex|ices|exes)|numbers?|integers?|matrix|shape|size"
    r"|axis|axes|equals?|gives?|yields?|contains?|becomes?|is|are|be|was|like|of|with|sorting"
    r"|reversing|append|example)|[=:({\[<>,+*/-])[ \t]*$",
    regex.IGNORECASE,
)
_LIST_VERBS: Final = regex.compile(
    r"[ \t]+(?:has|have|gives?|yields?|returns?|becomes?|contains?|is|are|equals?|into|sorted"
    r"|reversed)\b",
    regex.IGNORECASE,
)
_ONE_ITEM_LISTS: Final = regex.compile(
    r"(?:\b(?:(?:the|an?) (?:list|array|vector|tuple|matrix|index)"
    r"|(?:it|that|this|which|function|method|call) (?:equals|returns|prints|yields))"
    r"|[=<>+/])[ \t]*$",
    regex.IGNORECASE,
)
_VARIABLES: Final = regex.compile(
    r"(?:\b(?:\p{L}|arr|arrays?|list|vec|args|argv|data|rows?|cols?|items?|nums?|dict|mat|matrix|str"
    r"|buf|ids|tokens|values|keys|idx|df|dp|self|tmp|res|ptr|obj|\w*_\w*|\p{Ll}+\p{Lu}\w*"
    r"|\p{L}+\d+|\w+\.\p{Ll}\w*)|[\]}]|(?<!\s)\([^()]*\)|(?<=\s)\(\S*\))$"
)
_CODE_BEHIND: Final = regex.compile(r"[\w(\[=]|[ \t]*(?:[=+*>]|/(?!/)|<(?![a-z/]))", regex.I)
_PROSE_BEHIND: Final = regex.compile(
    r"\Z|[\s.,;:!?)\u201d\"'’»\]*_|<。，、；：！？）」』—–-]|[\p{Han}\p{Hiragana}\p{Katakana}]"
)
_CJK: Final = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_WORD_BEFORE: Final = regex.compile(
    r"(?:[\p{L}\d]{2}|[\p{L}\d][,;:\u201d\"'\u2019)%»*_]{1,3}"
    r"|[\p{Han}\p{Hiragana}\p{Katakana}]|[\p{L}\d\u201d\"'\u2019)%»][.!?\u201d\"*_]{1,3}|[。！？」]"
    r"|\^\d|\n[ \t]*\d{1,2}[.)]?)$"
)
_STOP_BEFORE: Final = regex.compile(r"(?:[.!?。！？][\"'\u201d\u2019)»*_」』]{0,3})$")


@dataclass(frozen=True)
class CitationMark:
    """A mark of one or several citations."""

    start: int
    end: int
    labels: tuple[str, ...]
    """What it cites, as written: numbers, the name of a footnote, or of a file."""
    link: str | None = None
    """Where it leads, if it is a link."""
    from_zero: bool = False
    """Whether its numbers are places in a list of results, from 0, as in `【4:0†file.pdf】`."""


def code_spans(text: str) -> list[Span]:
    """Return where code stands in Markdown text: fenced, or between back quotes."""
    return [match.span() for match in _CODE.finditer(text)]


@lru_cache(maxsize=64)
def find_marks(text: str) -> tuple[CitationMark, ...]:
    """Find the marks of citations, in order.

    Args:
        text: An answer, plain or Markdown.
    """
    code = code_spans(text)
    found: list[CitationMark] = []
    for match in _CANDIDATES.finditer(text):
        mark = _mark(match)
        if mark is None or _inside(code, match.start(), match.end()):
            continue
        behind_mark = bool(found) and joins_marks(text[found[-1].end : match.start()])
        if _is_prose(text, match, mark, behind_mark=behind_mark):
            found.append(mark)
    return tuple(_without_code(text, found))


def joins_marks(between: str) -> bool:
    """Tell whether what stands between two marks only joins them: nothing, a comma, "and"."""
    return _JOINER.fullmatch(between) is not None


def parse_numbers(content: str) -> tuple[str, ...]:
    """Return the numbers of "1", "1, 3", "1-3", "doc 2", "Sources 1 and 2"; none of anything else.

    Args:
        content: What stands between the brackets of a mark.
    """
    match = _NUMBERS.fullmatch(content.strip())
    if match is None:
        return ()
    numbers: list[int] = []
    for part in _PART.finditer(match["items"]):
        number = int(part[part.re.groups])
        if part["range"] and numbers:
            if not numbers[-1] < number <= numbers[-1] + _MOST_NUMBERS:
                return ()
            numbers += range(numbers[-1] + 1, number + 1)
        else:
            numbers.append(number)
    return tuple(str(number) for number in dict.fromkeys(numbers))


def _mark(match: regex.Match[str]) -> CitationMark | None:
    """Read what a candidate cites; `None` if it is no mark whatever stands around it."""
    start, end = match.span()
    if match["dagger"]:
        return _dagger(match["d"], start, end)
    if match["note"]:
        return CitationMark(start, end, (match["n"],))
    if match["wrapped"]:
        inner = [each[1:-1].strip("[]^\\") for each in regex.findall(_SQUARE, match["w"])]
        labels = [parse_numbers(each.strip("\\[]^")) for each in inner]
        together = tuple(dict.fromkeys(label for each in labels for label in each))
        return CitationMark(start, end, together, match["link"]) if all(labels) else None
    if match["round"]:
        named = _NAMED.match(match["r"])
        content = match["r"] if named or match["r"].startswith("#") else ""
    elif match["raised"]:
        content = match["u"].translate(_SUPERSCRIPTS)
    elif match["tag"]:
        content = match["t"].strip("[]()")
    else:
        content = match["s"] or match["g"] or match["c"] or ""
    if match["square"] and match["link"] and content.startswith("(") and content.endswith(")"):
        return CitationMark(start, end, (content[1:-1],), match["link"])  # [(Smith 2020)](…)
    labels_found = parse_numbers(content)
    return CitationMark(start, end, labels_found, match["link"]) if labels_found else None


def _dagger(content: str, start: int, end: int) -> CitationMark:
    """Read `【1†source】`, `【4:0†file.pdf】`, `【1】`, `【file.pdf】`."""
    numbers, _, name = content.partition("†")
    message, colon, place = numbers.partition(":")
    if colon and message.strip().isdigit() and place.strip().isdigit():
        labels = (place.strip(), *([name] if name.strip() else []))
        return CitationMark(start, end, labels[::-1], from_zero=True)
    found = parse_numbers(numbers)
    return CitationMark(start, end, found or (content.strip(),))


def _is_prose(text: str, match: regex.Match[str], mark: CitationMark, *, behind_mark: bool) -> bool:
    """Tell whether a candidate stands where marks do, and not in code or among numbers."""
    start, end = match.span()
    before, behind = text[max(0, start - 40) : start], text[end : end + 20]
    if match["round"] or match["wrapped"]:
        return behind_mark or not _VARIABLES.search(before) or before[-1:].isspace()
    if not match["square"]:
        return True
    if match["link"]:
        return before[-1:] != "!"  # ![1](…) is an image
    if before[-1:] in ("*", "_"):
        behind = behind.lstrip("*_")
    defines = behind.startswith(":") and _DEFINED.search(before.rpartition("\n")[2])
    if defines or _is_list(match["s"] or "", len(mark.labels), before, behind):
        return False
    ends_well = behind[:1] == "[" or _no_code_behind(behind)  # another mark may follow
    if not before or before[-1:] in " \n\t" or (behind_mark and before[-1:] in "],;"):
        return ends_well
    if _WORD_BEFORE.search(before):
        return _ends_word(before, behind)
    return before[-1:] in '(（*_>"“«|' and ends_well


def _is_list(content: str, count: int, before: str, behind: str) -> bool:
    """Tell whether numbers in brackets are a list that the text speaks of."""
    if _NAMED.match(content) or before[-1:] not in (" ", "\n", "\t"):
        return False
    if count > 1 and "," in content:
        return bool(_LISTS.search(before) or _LIST_VERBS.match(behind))
    return _ONE_ITEM_LISTS.search(before) is not None


def _ends_word(before: str, behind: str) -> bool:
    """Tell whether brackets right behind a word are a mark, and no index of a variable."""
    if _VARIABLES.search(before) and not _CJK.search(before[-1:]):
        return False
    stopped = _STOP_BEFORE.search(before) is not None
    return (
        behind[:1] == "["
        or bool(_PROSE_BEHIND.match(behind) and _no_code_behind(behind))
        or (stopped and behind[:1] not in ("(", "=", "["))
    )


def _no_code_behind(behind: str) -> bool:
    return bool(_CJK.match(behind)) or not _CODE_BEHIND.match(behind)


def _without_code(text: str, marks: Sequence[CitationMark]) -> Iterator[CitationMark]:
    """Leave out rows of brackets that end as no mark does: `rows[0][key]`, `[1][i]`."""
    kept: list[CitationMark] = []
    for mark in reversed(marks):
        follower = text[mark.end : mark.end + 1]
        if follower != "[" or (kept and kept[-1].start == mark.end):
            kept.append(mark)
    return reversed(kept)


def _inside(spans: Sequence[Span], start: int, end: int) -> bool:
    place = bisect_right(spans, (start, start)) - 1
    near = spans[max(0, place) : place + 2]
    return any(low < end and start < high for low, high in near)
