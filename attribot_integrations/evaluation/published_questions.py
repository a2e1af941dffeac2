"""Published question answering with marked evidence, as rows of our own format.

HotpotQA (arXiv 1809.09600), SQuAD 2.0 (arXiv 1806.03822), CLAPNQ (arXiv 2404.02103), QASPER (arXiv
2105.03011) and QuoteSum (arXiv 2311.04886), in the shapes that their authors publish.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation.published_fields import (
    Record,
    Row,
    field_of,
    list_of,
    objects_of,
    sentences_of,
    text_of,
)

__all__ = ["clapnq_rows", "hotpotqa_rows", "qasper_rows", "quotesum_rows", "squad_rows"]

_QUOTE = regex.compile(r"\[\s*(\d+)\s+([^\[\]]*?)\s*\]")
_BEFORE_MARK = regex.compile(r"\s+(?=[.,;:!?)])")


def hotpotqa_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one question of HotpotQA; supporting facts that name no sentence are left out."""
    titles: dict[str, int] = {}
    chunks: list[Row] = []
    for each in list_of(record, "context"):
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[1], list)):
            raise DataFileError('the field "context" must be a list of [title, sentences]')
        titles.setdefault(str(each[0]), len(chunks))
        chunks.append({"title": each[0], "sentences": each[1]})
    gold: list[list[int]] = []
    for each in list_of(record, "supporting_facts"):
        if not (isinstance(each, list) and len(each) == 2 and isinstance(each[1], int)):
            raise DataFileError('the field "supporting_facts" must be a list of [title, sentence]')
        chunk = titles.get(str(each[0]))
        sentences = chunks[chunk]["sentences"] if chunk is not None else []
        if 0 <= each[1] < len(sentences) and str(sentences[each[1]]).strip():
            gold.append([chunk or 0, each[1]])
    yield {
        "id": record.get("_id"),
        "question": text_of(record, "question"),
        "answer": text_of(record, "answer"),
        "chunks": chunks,
        "gold": gold,
        "kind": record.get("type"),
    }


def squad_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield the questions on one paragraph of SQuAD; those without an answer are left out.

    Marked is the sentence that every annotator's span touches, or else the first one's.
    """
    context = text_of(record, "context")
    sentences = sentences_of(context)
    for asked in objects_of(record, "qas"):
        answers = objects_of(asked, "answers")
        if not answers:
            continue
        touched = [_touched(sentences, answer) for answer in answers]
        common = set.intersection(*touched) or touched[0]
        yield {
            "id": asked.get("id"),
            "question": text_of(asked, "question"),
            "answer": text_of(answers[0], "text"),
            "chunks": [{"sentences": [text for _, text in sentences]}],
            "gold": [[0, place] for place in sorted(common)],
        }


def _touched(sentences: list[tuple[int, str]], answer: Record) -> set[int]:
    start = field_of(answer, "answer_start", int)
    end = start + len(text_of(answer, "text"))
    return {
        place
        for place, (offset, text) in enumerate(sentences)
        if offset < end and start < offset + len(text)
    }


def clapnq_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one question of CLAPNQ with its last answer; those without one are left out."""
    outputs = [each for each in objects_of(record, "output") if each.get("answer")]
    if not outputs:
        return
    chunks: list[Row] = [
        {"title": each.get("title"), "sentences": list_of(each, "sentences")}
        for each in objects_of(record, "passages")
    ]
    selected = {str(each).strip() for each in list_of(outputs[-1], "selected_sentences")}
    yield {
        "id": record.get("id"),
        "question": text_of(record, "input"),
        "answer": text_of(outputs[-1], "answer"),
        "chunks": chunks,
        "gold": [
            [number, place]
            for number, chunk in enumerate(chunks)
            for place, sentence in enumerate(chunk["sentences"])
            if str(sentence).strip() in selected
        ],
    }


def qasper_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield the questions on one paper of QASPER, with its paragraphs as chunks.

    A question has the first answer with evidence in the text. Marked are the highlighted sentences
    of it, or the whole paragraphs where none is found in them.
    """
    paragraphs = [
        (str(section.get("section_name") or ""), sentences_of(paragraph), paragraph)
        for section in objects_of(record, "full_text")
        for paragraph in list_of(section, "paragraphs")
        if isinstance(paragraph, str) and paragraph.strip()
    ]
    chunks = [
        {"title": title, "sentences": [text for _, text in sentences]}
        for title, sentences, _ in paragraphs
    ]
    for asked in objects_of(record, "qas"):
        for given in objects_of(asked, "answers"):
            answer = field_of(given, "answer", dict)
            evidence = {str(each).strip() for each in list_of(answer, "evidence")}
            places = [
                (chunk, place, sentence)
                for chunk, (_, sentences, paragraph) in enumerate(paragraphs)
                if paragraph.strip() in evidence
                for place, (_, sentence) in enumerate(sentences)
            ]
            text = _qasper_answer(answer)
            if not text or not places:
                continue
            marked = " ".join(str(each) for each in answer.get("highlighted_evidence") or ())
            gold = [[chunk, place] for chunk, place, sentence in places if sentence in marked]
            yield {
                "id": asked.get("question_id"),
                "question": text_of(asked, "question"),
                "answer": text,
                "chunks": chunks,
                "gold": gold or [[chunk, place] for chunk, place, _ in places],
            }
            break


def _qasper_answer(answer: Record) -> str:
    if answer.get("unanswerable"):
        return ""
    if answer.get("yes_no") is not None:
        return "Yes" if answer["yes_no"] else "No"
    spans = [str(each) for each in answer.get("extractive_spans") or ()]
    return ", ".join(spans) or str(answer.get("free_form_answer") or "").strip()


def quotesum_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one summary of QuoteSum, without its marks; what it quotes is marked per sentence."""
    names = [name for name in record if regex.fullmatch(r"source\d+", name) and record[name]]
    chunks = [
        {"title": str(record.get(f"title{name[6:]}") or ""), "text": text_of(record, name)}
        for name in names
    ]
    places = {int(name[6:]): place for place, name in enumerate(names)}
    answer, quotes = _without_marks(text_of(record, "summary"))
    statements = []
    for start, sentence in sentences_of(answer):
        end = start + len(sentence)
        used = [places[n] for n, low, high in quotes if n in places and low < end and start < high]
        statements.append({"text": sentence, "gold": sorted(set(used))})
    yield {
        "id": record.get("unique_id"),
        "question": text_of(record, "question"),
        "answer": answer,
        "chunks": chunks,
        "statements": statements,
    }


def _without_marks(summary: str) -> tuple[str, list[tuple[int, int, int]]]:
    """Return a summary without `[ 2 … ]`, and number and span of each quotation."""
    text = ""
    quotes: list[tuple[int, int, int]] = []
    place = 0
    for match in _QUOTE.finditer(summary):
        text += _BEFORE_MARK.sub("", summary[place : match.start()])
        start = len(text)
        text += match[2]
        quotes.append((int(match[1]), start, len(text)))
        place = match.end()
    text += _BEFORE_MARK.sub("", summary[place:])
    return text.rstrip(), quotes
