"""Reading requests from JSON Lines."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.batch.datafiles import (
    RequestLine,
    count_requests,
    parse_request,
    read_requests,
)
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest

GOOD: dict[str, Any] = {"question": "Who?", "chunks": ["Ada wrote it."], "answer": "Ada."}


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def chunks_of(*chunks: object) -> list[str | Chunk]:
    return list(parse_request({**GOOD, "chunks": list(chunks)}).chunks)


def error_of(line: RequestLine) -> str:
    assert isinstance(line.content, DataFileError)
    return str(line.content)


def test_smallest_request() -> None:
    request = parse_request(GOOD)
    assert request == AttributionRequest("Who?", [Chunk("Ada wrote it.")], "Ada.")


def test_chunk_objects() -> None:
    assert chunks_of({"text": "A.", "id": "x", "title": "T", "metadata": {"page": 3}}) == [
        Chunk("A.", "x", {"page": 3, "title": "T"})
    ]
    assert chunks_of({"title": "T", "sentences": ["A.", "B."]}) == [
        Chunk("A. B.", None, {"title": "T"})
    ]
    assert chunks_of({"text": "A.", "id": 7, "title": None, "metadata": None}) == [Chunk("A.", "7")]


def test_title_of_metadata_gives_way_to_the_chunks_own() -> None:
    (chunk,) = chunks_of({"text": "A.", "title": "own", "metadata": {"title": "other"}})
    assert isinstance(chunk, Chunk)
    assert chunk.title == "own"


def test_multi_hop_line_with_gold_evidence() -> None:
    line = {
        "id": "hop_1",
        "dataset": "multi-hop",
        "question": "Where did the founder study?",
        "answer": "Vela",
        "chunks": [
            {"id": "p0", "title": "Firm", "sentences": ["Ada founded the firm.", "It is big."]},
            {"id": "p1", "title": "Ada", "sentences": ["Ada studied in Vela."]},
        ],
        "gold": [[0, 0], [1, 0]],
        "gold_source": "people",
        "meta": {"level": "hard"},
    }
    request = parse_request(line)
    assert request.id == "hop_1"
    assert request.prompt is None
    assert request.chunks == [
        Chunk("Ada founded the firm. It is big.", "p0", {"title": "Firm"}),
        Chunk("Ada studied in Vela.", "p1", {"title": "Ada"}),
    ]


def test_prompts() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert parse_request({**GOOD, "prompt": "raw"}).prompt == "raw"
    assert parse_request({**GOOD, "prompt": None}).prompt is None
    assert parse_request({**GOOD, "prompt": [{**messages[0], "more": "x"}]}).prompt == messages
    assert parse_request({**GOOD, "prompt": [{**messages[0], "name": 3}]}).prompt == messages
    told = [{**messages[0], "name": "find", "calls": "{}"}]
    assert parse_request({**GOOD, "prompt": told}).prompt == told


def test_integer_ids_become_text() -> None:
    assert parse_request({**GOOD, "id": 12}).id == "12"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": None}, '"question" must be text, not null'),
        ({"answer": 3}, '"answer" must be text, not a number'),
        ({"chunks": "A."}, '"chunks" must be a list, not text'),
        ({"chunks": [["A."]]}, '"chunks[0]" must be text or an object, not a list'),
        ({"chunks": ["A.", {}]}, 'chunks[1] needs either "text" or "sentences"'),
        ({"chunks": [{"text": "A.", "sentences": []}]}, 'either "text" or "sentences"'),
        ({"chunks": [{"text": 1}]}, '"chunks[0].text" must be text, not a number'),
        ({"chunks": [{"sentences": "A."}]}, '"chunks[0].sentences" must be a list, not text'),
        ({"chunks": [{"sentences": ["A.", 1]}]}, '"chunks[0].sentences[1]" must be text'),
        ({"chunks": [{"text": "A.", "metadata": []}]}, '"chunks[0].metadata" must be an object'),
        ({"chunks": [{"text": "A.", "title": 1}]}, '"chunks[0].title" must be text'),
        ({"chunks": [{"text": "A.", "id": 1.5}]}, '"chunks[0].id" must be text or an integer'),
        ({"id": True}, '"id" must be text or an integer, not a boolean'),
        ({"prompt": {}}, '"prompt" must be text or a list of messages, not an object'),
        ({"prompt": ["x"]}, '"prompt[0]" must be an object with role and content, not text'),
        ({"prompt": [{"role": "user"}]}, '"prompt[0].content" must be text, not null'),
        ({"prompt": [{"role": "user", "content": []}]}, '"prompt[0].content" must be text'),
    ],
)
def test_wrong_fields(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataFileError) as caught:
        parse_request({**GOOD, **change})
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["question", "chunks", "answer"])
def test_missing_fields(name: str) -> None:
    with pytest.raises(DataFileError, match=f'"{name}" is missing'):
        parse_request({key: value for key, value in GOOD.items() if key != name})


def test_bad_lines_keep_their_numbers_and_the_others_go_on(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.jsonl", GOOD, "", "{oops", "   ", {**GOOD, "answer": 1, "id": "b"}, GOOD
    )
    first, broken, wrong, last = read_requests(path)
    assert [line.number for line in (first, broken, wrong, last)] == [1, 3, 5, 6]
    assert isinstance(first.content, AttributionRequest)
    assert isinstance(last.content, AttributionRequest)
    assert error_of(broken).startswith("the line is no JSON at column 2:")
    assert broken.id is None
    assert error_of(wrong) == 'the field "answer" must be text, not a number'
    assert wrong.id == "b"
    assert count_requests(path) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "the line must be a JSON object, not a number"),
        ('{"id": NaN}', "NaN is not a JSON number"),
        ('{"id": ' + "[" * 100_000 + "}", "cannot be read"),
        ('{"id": ' + "9" * 5_000 + "}", "cannot be read"),
        ('{"id": "a"} {"id": "b"}', "the line is no JSON at column 13: Extra data"),
    ],
)
def test_lines_that_are_no_json_object(tmp_path: Path, text: str, message: str) -> None:
    (line,) = read_requests(write(tmp_path / "in.jsonl", text))
    assert message in error_of(line)


def test_a_line_that_is_no_utf8_is_its_own_problem(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = json.dumps(GOOD).encode()
    path.write_bytes(b'{"id": "\xff"}\n' + good)
    bad, line = read_requests(path)
    assert error_of(bad) == "the line is no UTF-8 at its byte 9"
    assert isinstance(line.content, AttributionRequest)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = json.dumps(GOOD).encode()
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\r\n\r\n" + good)
    lines = list(read_requests(path))
    assert [line.number for line in lines] == [1, 3]
    assert all(isinstance(line.content, AttributionRequest) for line in lines)
    path.write_bytes(b"\xef\xbb\xbf\n")
    assert list(read_requests(path)) == []


def test_unicode_line_separators_do_not_end_a_line(tmp_path: Path) -> None:
    text = json.dumps({**GOOD, "answer": "one\u2028two\x85"}, ensure_ascii=False)
    (line,) = read_requests(write(tmp_path / "in.jsonl", text))
    assert isinstance(line.content, AttributionRequest)
    assert line.content.answer == "one\u2028two\x85"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_lines_are_read_one_by_one(tmp_path: Path) -> None:
    """A pipe whose writer waits for the first line to be taken: reading it all would hang."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    taken = threading.Event()
    waited: list[bool] = []

    def feed() -> None:
        with path.open("w") as pipe:
            pipe.write(json.dumps(GOOD) + "\n")
            pipe.flush()
            # Python reads pipes as soon as there is something, not only when a buffer is full.
            waited.append(taken.wait(10))
            pipe.write(json.dumps(GOOD) + "\n")

    writer = threading.Thread(target=feed)
    writer.start()
    assert count_requests(path) is None
    lines = read_requests(path)
    assert next(lines).number == 1
    taken.set()
    assert [line.number for line in lines] == [2]
    writer.join()
    assert waited == [True]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(read_requests(tmp_path / "none.jsonl"))
