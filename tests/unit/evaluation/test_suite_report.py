from __future__ import annotations

from rich.console import Console

from attribot_integrations.evaluation.suite_report import suite_failures, suite_tables

FIGURES = {
    "gold_map": 0.5,
    "gold_map_ci": [0.25, 0.75],
    "tokens_vs_naive": 0.125,
    "sentence_f1": None,
}


def test_a_table_for_each_set_and_one_for_all() -> None:
    part = {"methods": {"exact": FIGURES}, "scorers": {"string": {**FIGURES, "gold_map": None}}}
    tables = list(suite_tables({"sets": {"a.jsonl": part}, "all": part}))
    assert [str(table.title) for table in tables] == ["a.jsonl", "all sets"]
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(tables[0])
    text = captured.get()
    assert "0.50 [0.25 0.75]" in text
    assert "0.125" in text
    assert "F1" not in text  # no row has it
    assert "string" in text


def test_nothing_measured_is_no_table() -> None:
    empty = {"methods": {"exact": {"gold_map": None}}, "scorers": {}}
    assert list(suite_tables({"sets": {"a.jsonl": empty}, "all": empty})) == []


def test_what_failed_is_said() -> None:
    failed = {"exact": ["a, other: InputError: no", "b, answer: x"], "fast": []}
    (line,) = suite_failures({"sets": {"a.jsonl": {"failed": failed}}})
    assert line == (
        "a.jsonl, exact: 2 answers could not be attributed; the first: a, other: InputError: no"
    )
