"""`attribot demo --real`, and a file of answers, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attribot_integrations.demo.library import LIBRARY_QUESTIONS, library_chunks
from tests.real.conftest import real_file
from tests.unit.cli.running import run
from tests.unit.render.reading import Page

pytestmark = pytest.mark.real


@pytest.fixture
def embedder() -> Path:
    return real_file("all-minilm-l6-v2")


def test_the_encoder_finds_the_paragraphs_that_answer(embedder: Path) -> None:
    from attribot_integrations.demo.library_chain import MeanEmbeddings

    embeddings = MeanEmbeddings(embedder)
    chunks = library_chunks()
    asked = np.array([embeddings.embed_query(question) for question in LIBRARY_QUESTIONS])
    texts = np.array(embeddings.embed_documents([chunk.text for chunk in chunks]))
    close = (asked @ texts.T).argsort(axis=1)[:, ::-1]
    answers = ("suez_canal-3", "penicillin-2", "penicillin-3", "suez_canal-2")
    for question, answer, order in zip(LIBRARY_QUESTIONS, answers, close, strict=True):
        assert answer in [chunks[index].id for index in order[:4]], question


def test_the_demo(smollm2_file: Path, embedder: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    models = ("--model", smollm2_file, "--embedder", embedder)
    result = run("demo", "--real", *models, "--html", page)
    assert result.exit_code == 0, result.stderr
    first, *_ = result.stdout.split("Q  ")[1:]
    assert "closed for eight years" in first
    assert "[1]  The Suez Canal" in first
    articles = Page(page.read_text(encoding="utf-8")).all("article")
    assert len(articles) == 3


def test_a_file_of_answers(smollm2_file: Path, gemma_file: Path, tmp_path: Path) -> None:
    voyager = [
        each for each in library_chunks() if each.metadata["title"].startswith("The Voyager")
    ]
    row = {
        "question": "Where did Voyager 2 go after Saturn?",
        "chunks": [each.text for each in voyager],
        "answer": "Voyager 2 went on to Uranus in January 1986.",
    }
    data, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    data.write_text(json.dumps(row) + "\n")
    models = ("--model", gemma_file, "--proxy", smollm2_file)
    result = run("attribute", data, "--output", out, *models)
    assert result.exit_code == 0, result.stderr
    (line,) = out.read_text().splitlines()
    best = max(json.loads(line)["citations"], key=lambda each: each["score"])
    assert "Uranus" in json.dumps(best)
