from __future__ import annotations

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.cases import naive_leave_one_out
from attribot_integrations.evaluation.examples import ExampleSet, read_set
from attribot_integrations.evaluation.recordings import Recorder, VariantPlan
from attribot_integrations.methods import LeaveOneOut
from tests.unit.evaluation.data import write_data
from tests.unit.evaluation.tiny import tiny_case, tiny_engine


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return tiny_engine()


@pytest.fixture
def recorder(engine: AttributionEngine, tmp_path: Path) -> Recorder:
    return Recorder(engine, read_set(write_data(tmp_path / "data.jsonl")), LeaveOneOut())


def test_everything_comes_back(recorder: Recorder, tmp_path: Path) -> None:
    done: list[int] = []
    recorder.run(tmp_path / "out", progress=done.append)
    assert done == [0, 1, 2, 3]
    found = list(recorder.read(tmp_path / "out"))
    kinds = [(each.variant.example.id, each.variant.kind) for each in found]
    assert kinds[:3] == [("tea", "answer"), ("tea", "removed"), ("tea", "other")]
    for each in found:
        assert each.attribution.answer == each.variant.example.answer
        assert each.attribution.exact.all()
    mill = next(each for each in found if each.attribution.id == "mill")
    assert [each.text for each in mill.attribution.statements] == [
        "Hob Tarn built it.",
        "It has stood since 1871.",
    ]


def test_rows_of_the_first_schema_are_read(recorder: Recorder, tmp_path: Path) -> None:
    recorder.run(tmp_path / "out")
    expected = [
        replace(
            made,
            citations=tuple(replace(one, basis="depends", states=None) for one in made.citations),
            stated=None,
            verifier=None,
        ).to_json()
        for made in (each.attribution for each in recorder.read(tmp_path / "out"))
    ]
    assert len(expected) > 4
    (rows,) = (path for path in (tmp_path / "out").iterdir() if path.suffix == ".jsonl")
    lines = []
    for line in rows.read_text("utf-8").splitlines():
        row = json.loads(line)
        for answer in row.get("answers", {}).values():  # the first line holds settings
            made = answer["attribution"]
            made["schema"] = 1
            for later in ("stated", "verifier", "unverified", "certificates", "carried", "remarks"):
                del made[later]
            for citation in made["citations"]:
                del citation["basis"], citation["states"]
        lines.append(json.dumps(row))
    rows.write_text("\n".join(lines) + "\n", "utf-8")
    assert [each.attribution.to_json() for each in recorder.read(tmp_path / "out")] == expected


def test_tokens_of_the_naive_loop_are_counted(recorder: Recorder, tmp_path: Path) -> None:
    example = recorder.data.examples[0]
    one = replace(recorder, data=replace(recorder.data, examples=(example,)))
    one.run(tmp_path / "out")
    found = next(iter(one.read(tmp_path / "out")))
    case = tiny_case(recorder.engine, example)
    assert found.naive_tokens == naive_leave_one_out(case).tokens


def test_it_goes_on_where_it_stopped(recorder: Recorder, tmp_path: Path) -> None:
    whole = recorder.data
    few = replace(recorder, data=ExampleSet(whole.name, whole.digest, whole.examples[:1]))
    few.run(tmp_path / "out")
    done: list[int] = []
    recorder.run(tmp_path / "out", progress=done.append)
    assert done == [1, 2, 3]


def test_other_settings_are_refused(recorder: Recorder, tmp_path: Path) -> None:
    recorder.run(tmp_path / "out")
    with pytest.raises(ConfigurationError, match="was made with other settings"):
        replace(recorder, plan=VariantPlan(1)).run(tmp_path / "out")


def test_an_example_that_cannot_be_attributed_is_that_one_s_problem(
    recorder: Recorder, tmp_path: Path
) -> None:
    first, *others = recorder.data.examples
    examples = (replace(first, answer="  "), *others)
    broken = replace(recorder, data=replace(recorder.data, examples=examples))
    broken.run(tmp_path / "out")
    ids = {each.attribution.id for each in broken.read(tmp_path / "out")}
    assert {"mill", "ferry"} <= ids
    assert broken.done(tmp_path / "out") == 3
    first_failure, *_ = broken.failures(tmp_path / "out")
    assert first_failure.startswith("tea, answer: EmptyAnswerError: ")


def test_what_is_not_recorded_is_not_made_by_reading(recorder: Recorder, tmp_path: Path) -> None:
    assert list(recorder.read(tmp_path / "none")) == []
    assert recorder.done(tmp_path / "none") == 0
    assert not (tmp_path / "none").exists()


def test_other_alternatives_are_other_settings(recorder: Recorder, tmp_path: Path) -> None:
    recorder.run(tmp_path / "out")
    engine = copy(recorder.engine)
    engine.options = replace(engine.options, alternatives=None)
    with pytest.raises(ConfigurationError, match=r"alternatives: .*, now 'None'"):
        replace(recorder, engine=engine).run(tmp_path / "out")


def test_variants_take_turns() -> None:
    plan = VariantPlan(1)
    assert [plan.kinds(index)[1] for index in range(4)] == [
        "removed",
        "other",
        "exchanged",
        "removed",
    ]
    assert VariantPlan(0).kinds(5) == ("answer",)
    with pytest.raises(ConfigurationError, match="negatives must be from 0 to 3, got 4"):
        VariantPlan(4)
