"""Similarity by TF-IDF."""

from __future__ import annotations

import sys

import pytest

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.tfidf import check_tfidf, tfidf_similarities


def test_what_is_similar() -> None:
    same, other, nothing = tfidf_similarities("Ada wrote it.", ["ada WROTE it", "Ada ran.", "?"])
    assert same == pytest.approx(1.0)
    assert 0 < other < 1
    assert nothing == 0


def test_words_of_one_character_count() -> None:
    assert tfidf_similarities("x", ["x", "y"]).tolist() == pytest.approx([1.0, 0.0])


def test_texts_without_words() -> None:
    assert tfidf_similarities("?", ["!", ""]).tolist() == [0.0, 0.0]


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(MissingExtraError, match="the filter tfidf needs packages"):
        check_tfidf("the filter tfidf")
