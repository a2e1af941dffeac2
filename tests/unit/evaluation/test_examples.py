from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.context.sources import SourceSet
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.examples import demo_set, read_set

LINE: dict[str, Any] = {
    "id": "x",
    "question": "Who founded it?",
    "answer": "Ada.",
    "chunks": [
        {
            "id": "p0",
            "title": "Firm",
            "sentences": [" Ada founded it.", "", "It is big. Dr. B. left."],
        },
        {"sentences": ["It rains."]},
    ],
    "gold": [[0, 2], [1, 0], [0, 2]],
}


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def test_gold_follows_the_sentences_of_the_data(tmp_path: Path) -> None:
    (example,) = read_set(write(tmp_path / "d.jsonl", LINE)).examples
    sources = SourceSet.build(example.chunks, example.splitter)
    texts = {(each.chunk_index, each.sentence_index): each.text for each in sources.sentences}
    assert list(texts.values()) == ["Ada founded it.", "It is big. Dr. B. left.", "It rains."]
    assert example.gold is not None
    assert [[texts[ref] for ref in places] for places in example.gold] == [
        ["It is big. Dr. B. left."],
        ["It rains."],
    ]


def test_an_answer_is_divided_by_the_rules(tmp_path: Path) -> None:
    (example,) = read_set(write(tmp_path / "d.jsonl", LINE)).examples
    assert len(example.splitter("It did. It did not.")) == 2


def test_gold_is_optional(tmp_path: Path) -> None:
    bare = {key: value for key, value in LINE.items() if key not in ("gold", "id")}
    first, second = read_set(write(tmp_path / "d.jsonl", "", bare, {**LINE, "gold": []})).examples
    assert (first.id, first.gold) == ("line-2", None)
    assert second.gold == ()


def test_limit_and_digest(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", LINE, {**LINE, "id": "y"}, "not JSON, and never read")
    short = read_set(path, limit=1)
    assert [each.id for each in short.examples] == ["x"]
    assert short.digest == read_set(path, limit=2).digest
    write(path, LINE)
    assert short.digest != read_set(path).digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: Expecting"),
        ("[]", "line 1: the line must be a JSON object"),
        ({**LINE, "answer": 3}, 'line 1: the field "answer" must be text'),
        ({**LINE, "gold": [[0, 9]]}, r"gold names \[0, 9\], and there is no such sentence"),
        ({**LINE, "gold": [[0, 1]]}, r"gold names \[0, 1\], and there is no such sentence"),
        ({**LINE, "gold": [0, 1]}, r'"gold" must be a list of \[chunk, sentence\]'),
        ({**LINE, "gold": [[True, 1]]}, r'"gold" must be a list of \[chunk, sentence\]'),
        ({**LINE, "gold": 3}, r'"gold" must be a list of \[chunk, sentence\]'),
        ("", "holds no example"),
    ],
)
def test_bad_lines(tmp_path: Path, line: object, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        read_set(write(tmp_path / "d.jsonl", line))


def test_ids_are_unique(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match='line 2: id "x" again'):
        read_set(write(tmp_path / "d.jsonl", LINE, LINE))


def test_demo_gold_names_sentences_that_hold_the_values() -> None:
    data = demo_set(12, chunks=(3, 5))
    for example in data.examples:
        sources = SourceSet.build(example.chunks, example.splitter)
        places = {(each.chunk_index, each.sentence_index) for each in sources.sentences}
        assert example.gold is not None
        assert all(ref in places for alternatives in example.gold for ref in alternatives)
        assert (example.kind == "absent") == (not example.gold)
        assert 3 <= len(example.chunks) <= 5


def test_longer_draws_begin_with_shorter_ones() -> None:
    for kinds in (None, ("repeated", "double")):
        short, long = demo_set(3, kinds=kinds), demo_set(6, kinds=kinds)
        assert long.examples[:3] == short.examples
        assert long.digest == short.digest
    assert demo_set(3).digest != demo_set(3, chunks=(2, 3)).digest


def test_kinds_take_turns() -> None:
    data = demo_set(4, chunks=(4, 6), kinds=("repeated", "single"))
    assert [each.kind for each in data.examples] == ["repeated", "single"] * 2
    assert data.examples[0].gold is not None
    assert len(data.examples[0].gold[0]) == 2  # either statement is enough


@pytest.mark.parametrize(
    ("count", "chunks", "seed", "message"),
    [
        (0, (4, 5), 2000, "cannot draw 0 examples"),
        (1, (5, 4), 2000, "with 5-4 chunks"),
        (1, (4, 5), 7, "the seed must be from 2000 to 2999"),
    ],
)
def test_bad_draws(count: int, chunks: tuple[int, int], seed: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        demo_set(count, chunks=chunks, seed=seed)
