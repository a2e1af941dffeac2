import json
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from attribot_integrations.methods import METHODS
from benchmarks.__main__ import app, measure_shape
from benchmarks.baselines import BASELINES
from benchmarks.ceilings import Ceilings
from benchmarks.contexts import CONTEXTS, make_case, named_contexts
from benchmarks.entries import Plan
from benchmarks.ours import our_ways
from benchmarks.rivals import RIVALS
from benchmarks.rows import Row
from benchmarks.runner import measure
from benchmarks.shapes import SHAPES, build, named_shapes
from benchmarks.sweep_plot import plot_sweep
from benchmarks.ways import (
    Job,
    Outcome,
    Setting,
    UnavailableError,
    Way,
    best_batch,
    is_out_of_memory,
    spread,
)

CPU = torch.device("cpu")
CEILINGS = Ceilings(1e11, 1e10, "float32", 1, 1)
PLAN = Plan(runs=1, way_seconds=0.5)
EXACT = {"naive loop", "naive, batched", "cached loop", "exact, packed", "preset exact"}
OTHERS = {"generate 100 tokens", "preset knockout", "preset fast", "preset fast, stream of 2"}


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting(build(SHAPES["demo"], CPU), build(SHAPES["demo-proxy"], CPU), CPU)


@pytest.fixture(scope="module")
def rows(setting: Setting) -> list[Row]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.baselines._GENERATED", 2)
        ways = [way for way in (*BASELINES, *our_ways(2)) if way.name in EXACT | OTHERS]
        return measure(setting, CONTEXTS["tiny"], ways, PLAN, CEILINGS)


def failing(error: Exception) -> Way:
    def run(job: Job) -> Outcome:
        raise error

    return Way("failing", "ours", run)


def test_every_way_has_figures(rows: list[Row]) -> None:
    assert {row.way for row in rows} == EXACT | OTHERS
    for row in rows:
        assert row.reason is None, row
        assert row.seconds is not None
        assert row.seconds > 0
        assert row.operations is not None
        assert row.operations > 0
        assert row.passes is not None
        assert row.passes >= 1 or "stream" in row.way


def test_exact_ways_agree_with_the_naive_loop(rows: list[Row]) -> None:
    found = {row.way: row.largest_difference for row in rows if row.largest_difference is not None}
    assert found.keys() == EXACT
    assert max(found.values()) < 1e-3
    assert found["naive loop"] == 0


def test_every_preset_has_a_row() -> None:
    names = {way.name.removeprefix("preset ") for way in our_ways(2)}
    measured = [method for name, method in METHODS.items() if name in names]
    assert all(method in measured for method in METHODS.values())
    assert {"exact", "balanced", "fast"} <= names


def test_ratios_are_to_the_same_table(rows: list[Row]) -> None:
    seconds = {row.way: row.seconds or 0 for row in rows}
    for row in rows:
        assert row.speedup_naive == pytest.approx(seconds["naive loop"] / seconds[row.way])
        assert row.speedup_cached == pytest.approx(seconds["cached loop"] / seconds[row.way])
        assert row.speedup_generate == pytest.approx(
            seconds["generate 100 tokens"] / seconds[row.way]
        )


def test_the_naive_loop_runs_every_prompt(setting: Setting, rows: list[Row]) -> None:
    naive = next(row for row in rows if row.way == "naive loop")
    assert naive.passes == naive.sources + 1
    longest = (naive.sources + 1) * (naive.prompt_tokens + naive.answer_tokens)
    assert naive.tokens_run is not None
    assert 0.7 * longest < naive.tokens_run < longest
    assert naive.exact_sources == naive.sources


def test_slow_ways_are_extrapolated_and_say_so(setting: Setting) -> None:
    naive = [way for way in BASELINES if way.name == "naive loop"]
    row = measure(setting, CONTEXTS["sweep-16"], naive, Plan(1, 1e-9), CEILINGS)[0]
    assert row.extrapolated_from == "2 of 16 ablations"
    assert row.runs == 1
    assert row.exact_sources is None
    assert row.passes == 17


def test_a_way_that_would_take_too_long_is_left_out(setting: Setting) -> None:
    exact = [way for way in our_ways(2) if way.name == "preset exact"]
    slow = Ceilings(1.0, 1.0, "float32", 1, 1)
    row = measure(setting, CONTEXTS["tiny"], exact, PLAN, slow)[0]
    assert row.seconds is None
    assert "even at the ceiling" in (row.reason or "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (UnavailableError("not here"), "not here"),
    ],
)
def test_failures_become_rows(setting: Setting, error: Exception, reason: str) -> None:
    row = measure(setting, CONTEXTS["tiny"], [failing(error)], PLAN, CEILINGS)[0]
    assert (row.reason, row.seconds) == (reason, None)


def test_other_errors_are_not_hidden(setting: Setting) -> None:
    with pytest.raises(RuntimeError, match="a mistake"):
        measure(setting, CONTEXTS["tiny"], [failing(RuntimeError("a mistake"))], PLAN, CEILINGS)


def test_a_proxy_is_needed_where_a_preset_runs_one(setting: Setting) -> None:
    fast = [way for way in our_ways(2) if way.name == "preset fast"]
    alone = Setting(setting.target, None, CPU)
    row = measure(alone, CONTEXTS["tiny"], fast, PLAN, CEILINGS)[0]
    assert row.reason == "no smaller shape to stand in"


def test_models_that_do_not_fit_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("benchmarks.__main__.build", refuse)
    found = measure_shape(SHAPES["demo"], [CONTEXTS["tiny"]], BASELINES, PLAN, CEILINGS, CPU)
    assert [row.reason for row in found] == ["CUDA out of memory"]


def test_a_shape_larger_than_memory_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.shapes.available_memory", lambda device: 2**20)
    found = measure_shape(SHAPES["llama-30m"], [CONTEXTS["tiny"]], BASELINES, PLAN, CEILINGS, CPU)
    assert "not enough memory: llama-30m needs 0.1 GiB" in (found[0].reason or "")


@pytest.mark.parametrize("name", ["tiny", "hotpot", "hotpot-100", "long", "sweep-125"])
def test_contexts_have_their_size(name: str) -> None:
    shape = CONTEXTS[name]
    for variant in range(2):
        case = make_case(shape, variant)
        assert len(case.chunks) == shape.chunks
        assert len(case.sources.sentences) == shape.sentences
    assert make_case(shape, 0).chunks != make_case(shape, 1).chunks


def test_a_hotpot_context_has_the_tokens_of_one(setting: Setting) -> None:
    row = measure(setting, CONTEXTS["hotpot"], [], PLAN, CEILINGS)
    assert row == []
    encoded = setting.target.encoder.encode_text(" ".join(make_case(CONTEXTS["hotpot"], 0).chunks))
    assert 1_250 < len(encoded.ids) < 1_500


def test_demo_contexts_are_the_demo_corpus() -> None:
    assert len(make_case(CONTEXTS["demo-40"], 1).sources.sentences) == 40
    assert len(make_case(CONTEXTS["demo"], 0).chunks) == 12


def test_names_are_checked() -> None:
    with pytest.raises(ValueError, match="no shape is called 'gpt'"):
        named_shapes("demo,gpt")
    with pytest.raises(ValueError, match="no context is called 'short'"):
        named_contexts("short")
    assert [shape.name for shape in named_contexts("tiny,sweep")][-1] == "sweep-1000"


def test_places_are_spread_evenly() -> None:
    assert spread(10, 2) == [2, 7]
    assert spread(3, 9) == [0, 1, 2]
    assert spread(1000, 1) == [500]


def test_batches_stop_where_memory_does() -> None:
    def run(size: int) -> None:
        if size > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    assert best_batch(run, CPU, (1, 2, 4), 10.0) in {1, 2}
    with pytest.raises(UnavailableError):
        best_batch(run, CPU, (4,), 10.0)
    assert not is_out_of_memory(ValueError("out of memory"))


def test_the_command_writes_json_and_a_plot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.__main__.measure_ceilings", lambda device, dtype: CEILINGS)
    file, image = tmp_path / "rows.json", tmp_path / "plot.png"
    what = ["--quick", "--shapes", "demo", "--contexts", "sweep-8", "--ways", "naive l,exact"]
    where = ["--runs", "1", "--json", str(file), "--plot", str(image)]
    result = CliRunner().invoke(app, [*what, *where])
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report.keys() == {"environment", "ceilings", "rows"}
    assert report["environment"].keys() >= {"device", "threads", "versions", "python"}
    assert report["environment"]["versions"].keys() >= {"torch", "transformers"}
    assert report["ceilings"]["operations_per_second"] > 0
    assert [row["way"] for row in report["rows"]] == ["naive loop", "exact, packed"]
    names = {field.name for field in fields(Row)}
    assert all(row.keys() == names for row in report["rows"])
    assert image.stat().st_size > 0


def test_a_wrong_name_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["--quick", "--shapes", "gpt"])
    assert result.exit_code == 2


def test_a_plot_needs_the_sweep(tmp_path: Path, rows: list[Row]) -> None:
    with pytest.raises(ValueError, match="sweep"):
        plot_sweep(tmp_path / "plot.png", rows)


def test_context_cite_rows_have_figures_or_say_why(setting: Setting) -> None:
    pytest.importorskip("context_cite")
    found = measure(setting, CONTEXTS["tiny"], RIVALS, Plan(1, 1.0), CEILINGS)
    assert all(row.seconds for row in found)


@pytest.mark.gpu
def test_the_engines_ways_run_on_a_gpu(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    what = ["--quick", "--shapes", "demo", "--contexts", "demo", "--ways", "exact,preset"]
    result = CliRunner().invoke(app, [*what, "--json", str(file)])
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["ceilings"]["dtype"] == "bfloat16"
    ours = [row for row in report["rows"] if row["group"] == "ours" and row["reason"] is None]
    assert ours
    assert all(row["peak_bytes_above_weights"] > 0 for row in ours)
