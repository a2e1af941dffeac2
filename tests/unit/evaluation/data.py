"""A small data set about made-up facts, with evidence for answers and for statements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROWS: tuple[dict[str, Any], ...] = (
    {
        "id": "tea",
        "question": "What does Vela like?",
        "answer": "Vela Sarn likes tea since 1962.",
        "chunks": [
            {"sentences": ["Vela Sarn likes tea since 1962.", "It rains."]},
            {"sentences": ["Oro is a town."]},
        ],
        "gold": [[0, 0]],
    },
    {
        "id": "mill",
        "question": "Who built the mill?",
        "answer": "Hob Tarn built it. It has stood since 1871.",
        "chunks": [
            {"sentences": ["The mill is old.", "Hob Tarn built it.", "It has stood since 1871."]}
        ],
        "statements": [
            {"text": "Hob Tarn built it.", "gold_sentences": [[0, 1]], "gold": [0]},
            {"text": "It has stood since 1871.", "gold_sentences": [[0, 2]], "gold": [0]},
        ],
        "gold": [[0, 1], [0, 2]],
    },
    {
        "id": "ferry",
        "question": "When does the ferry leave?",
        "answer": "It leaves at 12. Bring a coat.",
        "chunks": [{"sentences": ["The ferry leaves at 12."]}],
        "statements": [
            {"text": "It leaves at 12.", "support": "Complete"},
            {"text": "Bring a coat.", "support": "Missing"},
            {"text": "Nobody said this.", "support": "Complete"},
        ],
    },
)


def write_data(path: Path, rows: tuple[dict[str, Any], ...] = ROWS) -> Path:
    """Write a data file."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path
