"""The GPU day: what it runs, in which order and for how long, and what is made of its figures."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.attention.flex_attention import create_mask
from typer.testing import CliRunner

from attribot_integrations.scoring.capabilities import AttentionRule
from attribot_integrations.scoring.packing import Branch, Pack, Rerun
from benchmarks.__main__ import app
from benchmarks.contexts import CONTEXTS, make_case
from benchmarks.gpu import day, models
from benchmarks.gpu.attention import attention_way, block_mask
from benchmarks.gpu.bars import BARS, judged
from benchmarks.gpu.day import ROOT, run_steps
from benchmarks.gpu.marked_tests import marked_files
from benchmarks.gpu.readme import README, filled, published_days
from benchmarks.gpu.record import Record
from benchmarks.gpu.step import run_step
from benchmarks.gpu.steps import STEPS, Step, named_steps
from benchmarks.gpu.tables import day_markdown, summary_markdown
from benchmarks.rows import Row
from benchmarks.shapes import SHAPES, build
from benchmarks.ways import Job, Setting

CPU = torch.device("cpu")
CEILINGS = {
    "operations_per_second": 800e12,
    "bytes_per_second": 3e12,
    "dtype": "bfloat16",
    "matrix_size": 8192,
    "copied_bytes": 1,
}
ENVIRONMENT = {
    "device": "a card",
    "python": "3.12.3",
    "cuda": "13.0",
    "versions": {"torch": "2.11.0", "context-cite": None},
}


def row(way: str, seconds: float | None = 1.0, **given: Any) -> Row:
    known: dict[str, Any] = {
        "shape": "big",
        "parameters": 8_000_000_000,
        "proxy": None,
        "context": "hotpot",
        "sources": 41,
        "prompt_tokens": 1400,
        "answer_tokens": 30,
        "group": "ours",
        "reason": "out of memory" if seconds is None else None,
        "operations": 500e12,
    }
    return Row(way=way, seconds=seconds, **{**known, **given})


@pytest.fixture
def record(tmp_path: Path) -> Record:
    begun = Record(tmp_path / "gpu.json")
    begun.begin(8, tiny=False)
    return begun


def run_codes(
    record: Record, folder: Path, codes: dict[str, str], seconds: float = 60, **limits: float
) -> list[str]:
    """Run steps that are short Python programs; return what was told."""
    bounds = {"least": 0.0, "most": 30.0, **limits}
    steps = [Step(name, f"about {name}", **bounds, work="") for name in codes]
    told: list[str] = []

    def command(step: Step) -> Sequence[str]:
        return sys.executable, "-S", "-c", codes[step.name]

    run_steps(steps, record, command, seconds, folder / "log", told.append)
    return told


def test_a_step_that_fails_does_not_keep_the_next_from_running(
    record: Record, tmp_path: Path
) -> None:
    told = run_codes(record, tmp_path, {"bad": "raise SystemExit(3)", "good": "print('hello')"})
    steps = record.read()["steps"]
    assert steps["bad"]["state"] == "failed"
    assert steps["bad"]["reason"] == "ended with status 3"
    assert steps["good"]["state"] == "done"
    assert steps["good"]["about"] == "about good"
    assert (tmp_path / "log").read_text() == "hello\n"
    assert [line.split(":")[0] for line in told] == ["bad", "good"]


def test_a_step_that_hangs_is_ended_with_all_its_processes(record: Record, tmp_path: Path) -> None:
    noted = tmp_path / "child"
    hanging = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(noted)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    started = time.monotonic()
    run_codes(record, tmp_path, {"hangs": hanging, "next": ""}, most=1.5)
    assert time.monotonic() - started < 20
    steps = record.read()["steps"]
    assert steps["hangs"]["state"] == "stopped"
    assert "not done after 2 s" in steps["hangs"]["reason"]
    assert steps["next"]["state"] == "done"
    assert _ended(int(noted.read_text()))


def _ended(process: int) -> bool:
    """Wait a moment for a process to be gone, or a zombie that nobody has asked after."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_what_no_longer_fits_is_skipped_and_says_why(record: Record, tmp_path: Path) -> None:
    told = run_codes(record, tmp_path, {"long": "raise SystemExit(1)"}, seconds=10, least=40)
    step = record.read()["steps"]["long"]
    assert step["state"] == "skipped"
    assert step["reason"] == "needs at least 40 s, and 10 s were left"
    assert told == ["long: skipped, needs at least 40 s, and 10 s were left"]


def test_figures_of_a_step_that_was_ended_are_kept(record: Record, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from benchmarks.gpu.record import Record\n"
        "from pathlib import Path\n"
        f"Record(Path({str(tmp_path / 'gpu.json')!r})).note('slow', 'running', figure=7)\n"
        "time.sleep(60)"
    )
    run_codes(record, tmp_path, {"slow": code}, most=3)
    step = record.read()["steps"]["slow"]
    assert (step["state"], step["figure"]) == ("stopped", 7)


def test_rows_are_compared_across_measurements(record: Record) -> None:
    record.add_rows("8B", [row("naive loop", 10.0), row("cached loop", 8.0)])
    record.add_rows("8B", [row("preset exact", 2.0), row("generate", 4.0, group="generation")])
    record.add_rows("8B", [row("naive loop", 12.0), row("preset exact", 2.0, context="long")])
    rows = {(each["way"], each["context"]): each for each in record.read()["tables"]["8B"]}
    assert len(rows) == 5
    exact = rows["preset exact", "hotpot"]
    assert exact["speedup_naive"] == 6
    assert exact["speedup_cached"] == 4
    assert exact["speedup_generate"] == 2
    assert rows["preset exact", "long"]["speedup_naive"] is None


def test_the_highest_ceilings_are_kept(record: Record) -> None:
    record.reach(ENVIRONMENT, CEILINGS)
    record.reach(ENVIRONMENT, {**CEILINGS, "operations_per_second": 1.0, "bytes_per_second": 9e12})
    ceilings = record.read()["ceilings"]
    assert ceilings["operations_per_second"] == 800e12
    assert ceilings["bytes_per_second"] == 9e12


def test_bars_are_judged(record: Record) -> None:
    assert {bar["state"] for bar in record.read()["bars"]} == {"unmeasured"}
    record.reach(ENVIRONMENT, CEILINGS)
    record.add_rows("8B", [row("preset exact", 1.0), row("preset fast", 0.03)])
    record.add_rows("8B", [row("generate 100 tokens", 3.3, group="generation")])
    record.add_rows("32B", [row("naive loop", 9.0), row("preset fast", 0.02)])
    record.add_rows("32B", [row("preset fast, stream of 16", 0.008)])
    record.add_rows("8B, long", [row("exact, packed", peak_bytes_above_weights=9 * 2**30)])
    record.add_rows("1B", [row("preset exact", None), row("cached loop", 1.0)])
    record.add_rows("1B", [row("preset exact, stream of 4", 0.1)])  # another way
    found = [(bar["state"], bar["found"]) for bar in record.read()["bars"]]
    assert found == [
        ("met", 0.625),  # 500 of 800 TFLOP/s
        ("unmeasured", None),
        ("unmeasured", None),
        ("unmeasured", None),
        ("missed", pytest.approx(450)),
        ("met", pytest.approx(1125)),
        ("met", pytest.approx(110)),
        ("missed", 9.0),
    ]


def test_every_bar_is_of_a_table_that_a_step_fills() -> None:
    source = Path(models.__file__).read_text(encoding="utf-8")
    seen: list[str] = []

    class Tables(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            seen.append(name)
            return default

    judged({"tables": Tables(), "ceilings": CEILINGS})
    assert len(set(seen)) >= 5
    assert all(f'bench.measure("{name}"' in source for name in seen)
    assert len({bar.name for bar in BARS}) == len(BARS)


def test_steps_have_names_and_fit_the_time() -> None:
    assert [step.name for step in STEPS] == ["tests", "8b", "1b", "32b", "sweep", "memory"]
    assert sum(step.least for step in STEPS) < 8 * 60
    assert all(step.least < step.most for step in STEPS)
    assert [step.name for step in named_steps("memory, 8b")] == ["8b", "memory"]
    with pytest.raises(ValueError, match="no step is called '9b'"):
        named_steps("8b,9b")


def test_full_sizes_are_those_of_known_shapes_and_contexts() -> None:
    full = models._FULL
    assert {full.eight, full.one, full.half, full.thirty_two} <= SHAPES.keys()
    assert {full.context, full.long, *full.sweep} <= CONTEXTS.keys()
    assert models._ways(full, "preset fast, stream of 16")[0].examples == 16


@pytest.mark.filterwarnings("ignore")  # of the compiler, which is imported for FlexAttention
def test_all_that_is_measured_is_rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_here(command: Sequence[str], allowed: float, log: Path) -> int:
        arguments = list(command[3:])
        assert arguments[-1] == "--tiny"
        try:
            run_step(arguments[0], Path(arguments[1]), tiny=True)
        except Exception:
            return 1
        return 0

    # Imports would be the most of each step's time.
    monkeypatch.setattr(day, "_run_process", run_here)
    measuring = [step.name for step in STEPS if step.name != "tests"]
    steps = ["--steps", ",".join(measuring)]
    result = CliRunner().invoke(app, ["gpu", "--tiny", *steps, "--output", str(tmp_path)])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert {name: step["state"] for name, step in report["steps"].items()} == dict.fromkeys(
        measuring, "done"
    ), report["steps"]
    unmeasured = [each for table in report["tables"].values() for each in table if each["reason"]]
    limited = [each for each in unmeasured if "GPU can be limited" in each["reason"]]
    assert unmeasured == ([] if torch.cuda.is_available() else limited)
    assert {bar["state"] for bar in report["bars"]} <= {"met", "missed"}
    flexible = [each for each in report["tables"]["1B, packs"] if "Flex" in each["way"]]
    assert len(flexible) == 2
    assert report["profiles"][0]["kernels"][0]["calls"] >= 1
    assert "Rehearsal: figures say nothing" in result.output


@pytest.mark.slow
def test_the_marked_tests_are_collected(tmp_path: Path) -> None:
    options = ["gpu", "--tiny", "--steps", "tests", "--output", str(tmp_path)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    step = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["steps"]["tests"]
    assert step["state"] == "done"
    assert step["tests"]["collected"] >= 20
    assert not step["tests"]["failed"]


@pytest.mark.slow
def test_a_step_is_a_process_of_its_own(tmp_path: Path) -> None:
    options = ["gpu", "--tiny", "--steps", "memory", "--output", str(tmp_path)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert report["steps"]["memory"]["state"] == "done", (tmp_path / "gpu.log").read_text()
    assert report["tables"]["8B, long"][0]["way"] == "exact, packed"
    assert "exact, packed" in (tmp_path / "gpu.log").read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="would measure")
def test_without_a_gpu_only_a_rehearsal_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["gpu", "--output", str(tmp_path)])
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_failing_measurement_is_noted_and_the_next_goes_on(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def failing(setting: Setting, context: Any, *rest: Any) -> list[Row]:
        calls.append(context.name)
        if len(calls) == 1:
            raise RuntimeError("CUDA error: an illegal memory access\nand more")
        return [row("exact, packed")]

    monkeypatch.setattr("benchmarks.gpu.bench.measure", failing)
    record.note("memory", "running")
    models.memory(record, "memory", tiny=True)
    content = record.read()
    assert len(calls) == 3
    assert content["steps"]["memory"]["errors"] == [
        "8B, long, sweep-8: RuntimeError: CUDA error: an illegal memory access"
    ]
    assert len(content["tables"]["8B, long"]) == 1


def test_files_with_marked_tests_are_found() -> None:
    files = marked_files(ROOT / "tests")
    names = {str(path.relative_to(ROOT)) for path in files}
    assert os.path.join("tests", "unit", "scoring", "test_split_attention.py") in names
    assert len(names) < 10


def test_a_block_mask_shows_what_the_dense_mask_shows() -> None:
    branches = (
        Branch(0, 12, (1, 2, 3, 4)),
        Branch(1, 9, (1, 2, 3, 4, 5, 6), hidden=((2, 5),)),
        Branch(2, 10, (7, 8, 1, 2, 3), ((3, 5),), (Rerun(5, 7, 2),), 0),
    )
    pack = Pack(branches)
    dense = pack.masks({None: AttentionRule()}, torch.float32, CPU)
    assert isinstance(dense, torch.Tensor)
    block = block_mask(pack, CPU)
    total = pack.prefix + pack.size
    shown = create_mask(block.mask_mod, 1, 1, pack.size, total, device="cpu")
    assert 0 < shown.float().mean() < 1
    assert torch.equal(shown, dense == 0)


@pytest.mark.filterwarnings("ignore")  # of the compiler, which is imported for FlexAttention
def test_all_kinds_of_attention_give_the_same_scores() -> None:
    setting = Setting(build(SHAPES["demo"], CPU), None, CPU)
    case = make_case(CONTEXTS["sweep-8"], 0)
    found = [
        list(attention_way(kind, 700).run(Job(setting, (case,), 8)).scores.values())
        for kind in ("parts", "mask", "flex")
    ]
    assert max(found[1]) > 5
    for each in found:
        torch.testing.assert_close(torch.tensor(each), torch.tensor(found[1]), atol=1e-3, rtol=0)
    assert setting.target.model.config._attn_implementation == "sdpa"


def measured(record: Record) -> dict[str, Any]:
    record.reach(ENVIRONMENT, CEILINGS)
    record.add_rows("8B", [row("naive loop", 10.0), row("preset exact", 1.25)])
    record.add_rows("8B", [row("preset fast", 0.0123), row("cached loop", None)])
    return record.read()


def test_tables_name_what_was_measured_and_leave_out_the_rest(record: Record) -> None:
    report = measured(record)
    text = day_markdown(report)
    assert "on one a card: Python 3.12.3, CUDA 13.0, torch 2.11.0; bfloat16" in text
    assert f"Measured on {report['date']}" in text
    assert "800 TFLOP/s, 3.00 TB/s" in text
    assert "| preset fast | 0.0123 | 813.0 |" in text
    assert "cached" not in text  # neither its row nor a column of ratios to it
    assert "| `exact` of the bf16 ceiling, 8B | ≥ 50% | 50% | met |" in text
    assert "32B" not in text
    summary = summary_markdown(report)
    assert "over 41 sentences (1,400 tokens of prompt)" in summary
    assert "| way | 8B | x |" in summary
    assert "| `fast` | 0.0123 | 813.0 |" in summary


def test_a_rehearsal_is_not_shown(tmp_path: Path) -> None:
    rehearsal = Record(tmp_path / "gpu.json")
    rehearsal.begin(8, tiny=True)
    with pytest.raises(ValueError, match="rehearsal"):
        day_markdown(rehearsal.read())
    with pytest.raises(ValueError, match="rehearsal"):
        summary_markdown(rehearsal.read())


def test_the_readme_holds_the_published_figures(record: Record) -> None:
    text = README.read_text(encoding="utf-8")
    assert filled(text, published_days()) == text
    assert "| `fast` | 0.0123 | 813.0 |" in filled(text, [measured(record)])
    with pytest.raises(ValueError, match="one pair of marks"):
        filled("# A project\n", [])
