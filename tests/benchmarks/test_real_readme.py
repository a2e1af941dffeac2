from __future__ import annotations

import pytest

from benchmarks.real_readme import README, filled, published

METHOD = {
    "gold_map": 0.941,
    "gold_map_n": 3,
    "evidence_map": 0.96,
    "sentence_f1": 0.5,
    "supported_right": 0.9,
    "supported_right_n": 3,
    "unsupported_right": None,
    "unsupported_right_n": 0,
    "tokens_vs_naive": 0.4,
}
PART = {
    "methods": {"exact": METHOD},
    "scorers": {
        "words": {"gold_map": 0.95},
        "string": {"gold_map": 0.9},
        "embeddings (MiniLM)": {"gold_map": 0.8},
    },
}
RESULTS = {
    "settings": {"sets": {"squad2_dev.jsonl": {"exact": {"target": "SmolLM2-135M.gguf"}}}},
    "sets": {"squad2_dev.jsonl": PART},
    "all": PART,
}
MARKS = "<!-- real text: written by a command -->\nold\n<!-- end of real text -->\n"


def test_a_row_for_each_set() -> None:
    text = filled(f"# A\n{MARKS}B\n", [RESULTS])
    row = "| 3 | 0.94 | 0.95 | 0.96 | 0.90 | 0.80 | 0.50 | 0.90 | - | 0.40 |"
    assert f"| SmolLM2 135M, squad2, `exact` {row}\n" in text
    assert "old" not in text
    assert text.startswith("# A\n<!-- real text: written")
    with pytest.raises(ValueError, match="one pair of marks for real text"):
        filled("# A\n", [])


def test_the_readme_holds_the_published_figures() -> None:
    text = README.read_text(encoding="utf-8")
    assert published()
    assert filled(text, published()) == text
