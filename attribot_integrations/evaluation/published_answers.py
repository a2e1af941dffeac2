"""Published answers whose support people looked at, as rows of our own format.

Attribute First, then Generate (arXiv 2403.17104), ExpertQA (arXiv 2309.07852), MT-RAG (arXiv
2501.03468), ALCE (arXiv 2305.14627) and RAGTruth (arXiv 2401.00396), in the shapes that their
authors publish.
"""

from __future__ import annotations

import json
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

__all__ = ["alce_rows", "aligned_rows", "expertqa_rows", "mtrag_rows", "ragtruth_rows"]

_EVIDENCE = regex.compile(r"\s*\[(\d+)\]\s*(\S*)\s*\n\s*(.*)", regex.DOTALL)
_PASSAGE = regex.compile(r"passage \d+:")
_SUMMARY = "Summarize the documents."
_DESCRIBE = "Write an objective overview about the following local business."


def aligned_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one answer of Attribute First, with the source sentences aligned with each sentence.

    Summaries have no question; they get "Summarize the documents."
    """
    documents = objects_of(record, "documents")
    chunks = [
        {
            "title": str(each.get("documentTitle") or each.get("source_title") or ""),
            "sentences": list_of(each, "documentText"),
        }
        for each in documents
    ]
    files = {each.get("documentFile"): place for place, each in enumerate(documents)}
    aligned: dict[tuple[float, str], list[list[int]]] = {}
    for each in objects_of(record, "set_of_highlights_in_context"):
        offset = each.get("scuSentCharIdx")
        key = (offset if isinstance(offset, int | float) else 0, text_of(each, "scuSentence"))
        places = aligned.setdefault(key, [])
        chunk = files.get(each.get("documentFile"))
        if chunk is not None:
            wanted = str(each.get("docSentText") or "").strip()
            sentences = map(str.strip, map(str, chunks[chunk]["sentences"]))
            found = [[chunk, place] for place, text in enumerate(sentences) if text == wanted]
            places += [place for place in found[:1] if wanted and place not in places]
    response = record.get("response")
    if isinstance(response, list):
        response = " ".join(map(str, response))
    if not isinstance(response, str):
        raise DataFileError('the field "response" must be text or a list of texts')
    yield {
        "id": record.get("unique_id"),
        "question": record.get("query") or record.get("question") or _SUMMARY,
        "answer": response,
        "chunks": chunks,
        "statements": [
            {"text": text, "gold_sentences": places}
            for (_, text), places in sorted(aligned.items())
        ],
    }


def expertqa_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield the answers to one question of ExpertQA, with an expert's word for each claim.

    Chunks are the texts that the claims cite, by the numbers of their marks; an answer of which no
    text is there is left out.
    """
    for system, answer in field_of(record, "answers", dict).items():
        chunks: dict[str, Row] = {}
        statements: list[Row] = []
        for claim in objects_of(answer, "claims"):
            for evidence in list_of(claim, "evidence"):
                match = _EVIDENCE.fullmatch(str(evidence))
                if match and match[3].strip():
                    chunks.setdefault(
                        match[1], {"id": match[1], "title": match[2], "text": match[3].strip()}
                    )
            text = text_of(claim, "claim_string").strip()
            statements.append({"text": text, "support": claim.get("support")})
        if chunks:
            yield {
                "id": f"{number}/{system}",
                "question": text_of(record, "question"),
                "answer": text_of(answer, "answer_string"),
                "chunks": sorted(chunks.values(), key=lambda chunk: int(chunk["id"])),
                "statements": statements,
                "kind": system,
            }


def mtrag_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one turn of a conversation of MT-RAG; turns without passages are left out.

    The prompt holds the turns before, then the passages and the question.
    """
    turns = objects_of(record, "input")
    targets = objects_of(record, "targets")
    contexts = [each for each in objects_of(record, "contexts") if each.get("text")]
    if not turns or not targets or not contexts:
        return
    question = text_of(turns[-1], "text")
    roles = {"agent": "assistant"}
    messages = [
        {"role": roles.get(text_of(each, "speaker"), "user"), "content": text_of(each, "text")}
        for each in turns[:-1]
    ]
    shown = "\n\n".join(text_of(each, "text") for each in contexts)
    messages.append({"role": "user", "content": f"{shown}\n\n{question}"})
    answerable = record.get("answerability", record.get("Answerability"))
    if isinstance(answerable, list):
        answerable = answerable[0] if answerable else None
    yield {
        "id": record.get("task_id"),
        "question": question,
        "answer": text_of(targets[0], "text"),
        "chunks": [
            {
                "id": each.get("document_id"),
                "title": str(each.get("title") or ""),
                "text": each["text"],
            }
            for each in contexts
        ],
        "prompt": messages,
        "kind": answerable,
    }


def alce_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one result of ALCE: its output with its marks, or its gold answer before any run."""
    answer = record.get("output") or record.get("answer")
    docs = objects_of(record, "docs")
    if isinstance(answer, str) and docs:
        yield {
            "id": record.get("sample_id", record.get("id")) or f"record-{number}",
            "question": text_of(record, "question"),
            "answer": answer,
            "chunks": [
                {"title": str(each.get("title") or ""), "text": text_of(each, "text")}
                for each in docs
            ],
        }


def ragtruth_rows(record: Record, number: int) -> Iterator[Row]:
    """Yield one response of RAGTruth; sentences with a marked span are not supported.

    Spans that are true, though the source does not say so, count as marked too.
    """
    source = field_of(record, "source", dict)
    info = source.get("source_info")
    if isinstance(info, str):
        question, texts = _SUMMARY, [info]
    elif isinstance(info, dict) and "passages" in info:
        question = text_of(info, "question")
        texts = _PASSAGE.split(text_of(info, "passages"))
    elif isinstance(info, dict):
        question, texts = _DESCRIBE, [json.dumps(info, ensure_ascii=False)]
    else:
        raise DataFileError('the field "source_info" must be text or an object')
    response = text_of(record, "response")
    marked = [
        (field_of(each, "start", int), field_of(each, "end", int))
        for each in objects_of(record, "labels")
    ]
    if not response.strip():
        return
    yield {
        "id": record.get("id"),
        "question": question,
        "answer": response,
        "chunks": [{"text": text.strip()} for text in texts if text.strip()],
        "statements": [
            {"text": text, "support": "Missing" if _touches(marked, start, text) else "Complete"}
            for start, text in sentences_of(response)
        ],
        "kind": source.get("task_type"),
    }


def _touches(marked: list[tuple[int, int]], start: int, text: str) -> bool:
    return any(low < start + len(text) and start < high for low, high in marked)
