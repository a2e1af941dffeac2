from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, DataFileError, PromptTooLongError
from attribot_integrations.evaluation import method_runs
from attribot_integrations.evaluation.contenders import contenders
from attribot_integrations.evaluation.examples import ExampleSet, demo_set
from attribot_integrations.evaluation.measuring import MeasureOptions, measure
from attribot_integrations.evaluation.method_runs import Evaluation

DATA = demo_set(4, chunks=(2, 3))
NAMES = ("exact", "proxy", "tfidf")


def evaluation(
    pair: AttributionEngine, count: int = 3, names: Sequence[str] = NAMES, **options: Any
) -> Evaluation:
    data = replace(DATA, examples=DATA.examples[:count])
    chosen = contenders(names, has_proxy=True)
    return Evaluation(pair, chosen, data, MeasureOptions(**options), names=("T", "P"))


def without_time(results: Any) -> Any:
    """Results without what depends on the machine's speed."""
    if isinstance(results, dict):
        return {key: without_time(x) for key, x in results.items() if not key.startswith("seconds")}
    return results


# One example


# Many examples


def test_results(pair: AttributionEngine) -> None:
    results = evaluation(pair).run()
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    assert (results["schema"], results["n"]) == (1, 3)
    assert list(results["methods"]) == list(NAMES)
    for figures in results["methods"].values():
        for key in ("map", "top1", "pearson", "tokens_vs_naive", "cost_vs_naive"):
            assert isinstance(figures[key], float)
            low, high = figures[f"{key}_ci"]
            assert low <= figures[key] <= high
    assert results["methods"]["exact"]["map"] == results["methods"]["exact"]["top1"] == 1.0
    assert results["methods"]["exact"]["max_error_vs_naive"] < 1e-4
    settings = results["settings"]
    assert (settings["target"], settings["proxy"], settings["examples"]) == ("T", "P", 3)
    assert settings["rules"]["map"] == {"kind": "deviations", "factor": 2.0, "min_score": 1.0}
    assert settings["rules"]["map_all"]["min_score"] is None
    assert settings["min_score"] == 1.0
    assert len(settings["weights"]) == 2
    assert {"torch", "numpy"} <= set(results["environment"]["packages"])


def test_an_interrupted_run_goes_on(
    pair: AttributionEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def interrupted(*arguments: Any) -> Any:
        asked.append(arguments[4])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(method_runs, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluation(pair).run(tmp_path)
    done: list[int] = []
    resumed = evaluation(pair).run(tmp_path, progress=done.append)
    assert asked == [0, 1, 1, 2]
    assert done == [1, 2, 3]
    monkeypatch.undo()
    assert without_time(resumed) == without_time(evaluation(pair).run())


def test_more_examples_go_on_and_fewer_need_no_run(
    pair: AttributionEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation(pair, 2).run(tmp_path)
    four = evaluation(pair, 4).run(tmp_path)
    monkeypatch.setattr(method_runs, "measure", None)
    assert without_time(evaluation(pair, 4).run(tmp_path)) == without_time(four)
    assert evaluation(pair, 1).run(tmp_path)["n"] == 1


def test_other_settings_do_not_go_on(pair: AttributionEngine, tmp_path: Path) -> None:
    evaluation(pair, 1).run(tmp_path)
    with pytest.raises(ConfigurationError, match=r"other settings \(methods: "):
        evaluation(pair, 1, ["exact"]).run(tmp_path)
    with pytest.raises(ConfigurationError, match=r"other settings \(seed: 0, now 1"):
        evaluation(pair, 1, seed=1).run(tmp_path)
    assert evaluation(pair, 1, ["tfidf"]).run(tmp_path, resume=False)["n"] == 1


def test_rows_of_other_examples_are_refused(pair: AttributionEngine, tmp_path: Path) -> None:
    evaluation(pair, 1, ["tfidf"]).run(tmp_path)
    path = tmp_path / "examples.jsonl"
    path.write_text(path.read_text().replace("demo-2000-0", "demo-2000-1"))
    with pytest.raises(DataFileError, match="row 0 is about 'demo-2000-1'"):
        evaluation(pair, 1, ["tfidf"]).run(tmp_path)


def test_wrong_answers_can_be_left_out(pair: AttributionEngine) -> None:
    wrong = replace(DATA.examples[0], id="w", answer="The dish of Nobody is soup.")
    right = next(
        each
        for each in DATA.examples
        if measure(pair, each, contenders(["tfidf"], has_proxy=True), MeasureOptions())[
            "answered_right"
        ]
    )
    data = ExampleSet("d", "0", (wrong, right))
    chosen = contenders(["tfidf"], has_proxy=True)
    every = Evaluation(pair, chosen, data).run()
    assert (every["n"], every["skipped"], every["answered_right"]) == (2, 0, 1)
    some = Evaluation(pair, chosen, data, MeasureOptions(correct_only=True)).run()
    assert (some["n"], some["skipped"], some["answered_right"]) == (1, 1, 1)
    assert some["settings"]["correct_only"] is True


def test_an_example_that_cannot_be_attributed_is_reported(
    pair: AttributionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(*arguments: Any) -> Any:
        if arguments[4] == 1:
            raise PromptTooLongError("9 tokens too many")
        return measure(*arguments)

    monkeypatch.setattr(method_runs, "measure", too_long)
    results = evaluation(pair, 2, ["tfidf"]).run()
    assert results["n"] == 1
    (failed,) = results["failed"]
    assert failed["id"] == DATA.examples[1].id
    assert (failed["type"], failed["message"]) == ("PromptTooLongError", "9 tokens too many")
