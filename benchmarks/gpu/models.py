"""The steps that measure models: which of them, on what, in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.baselines import BASELINES
from benchmarks.entries import Plan
from benchmarks.gpu.attention import attention_way
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.limits import limited_way
from benchmarks.gpu.record import Record
from benchmarks.ours import our_ways
from benchmarks.ways import Job, Outcome, Way

__all__ = ["eight", "memory", "one", "sweep", "thirty_two"]


@dataclass(frozen=True)
class _Sizes:
    """Shapes and contexts by what they are for."""

    eight: str
    one: str
    half: str
    thirty_two: str
    context: str
    long: str
    sweep: tuple[str, ...]
    budgets: tuple[int, ...]
    """Tokens in a pack."""
    stream: int
    """Examples in a stream."""
    limits: tuple[float, ...]
    """GiB above the weights."""
    plan: Plan


_FULL = _Sizes(
    eight="llama-3.1-8b",
    one="llama-3.2-1b",
    half="qwen2.5-0.5b",
    thirty_two="qwen2.5-32b",
    context="hotpot",
    long="long",
    sweep=("sweep-31", "sweep-125", "sweep-500", "sweep-1000"),
    budgets=(2048, 4096, 8192, 16_384),
    stream=16,
    limits=(8.0, 4.0, 2.0),
    plan=Plan(runs=5, way_seconds=3.0),
)
_TINY = _Sizes(
    eight="demo",
    one="demo",
    half="demo-proxy",
    thirty_two="demo",
    context="tiny",
    long="sweep-8",
    sweep=("sweep-8",),
    budgets=(128, 256),
    stream=2,
    limits=(8.0,),
    plan=Plan(runs=1, way_seconds=0.01),
)


def eight(record: Record, step: str, tiny: bool) -> None:
    """Measure the 8B shape with a 0.5B proxy on one context."""
    sizes, bench = _begin(record, step, tiny)
    setting = bench.setting(sizes.eight, sizes.half, sizes.context)
    for names in (
        ("preset exact", "generate 100 tokens", "preset fast"),
        ("naive loop", "exact, packed"),
        ("preset balanced", "balanced, 8 rescored", "preset knockout"),
        ("cached loop", f"preset fast, stream of {sizes.stream}"),
    ):
        bench.measure("8B", setting, sizes.context, _ways(sizes, *names), sizes.plan)
    for way in _ways(sizes, "preset exact", "preset fast"):
        bench.profile("8B", setting, sizes.context, way)


def one(record: Record, step: str, tiny: bool) -> None:
    """Measure the 1B and 0.5B shapes: loops, pack sizes, kinds of attention."""
    sizes, bench = _begin(record, step, tiny)
    setting = bench.setting(sizes.one, sizes.half, sizes.context)
    alone = bench.alone(setting)
    plan, context = replace(sizes.plan, way_seconds=sizes.plan.way_seconds / 2), sizes.context
    names = ("preset exact", "cached loop")
    bench.measure("1B", setting, context, _ways(sizes, *names), plan)
    bench.measure("0.5B", alone, context, _ways(sizes, *names, "naive loop"), plan)
    for budget in sizes.budgets:
        ways = [attention_way("parts", budget), attention_way("mask", budget)]
        bench.measure("1B, packs", setting, context, ways, plan)
    rest = ("naive loop", "exact, packed", "preset fast", "generate 100 tokens")
    bench.measure("1B", setting, context, _ways(sizes, *rest), plan)
    for budget in sizes.budgets:  # late, since each size may have to be compiled
        bench.measure("1B, packs", setting, context, [attention_way("flex", budget)], plan)
    (knockout,) = _ways(sizes, "preset knockout")
    ways = [_with_budget(knockout, budget) for budget in sizes.budgets]
    bench.measure("0.5B, packs", alone, context, ways, plan)
    for way in _ways(sizes, "preset exact", "cached loop"):
        bench.profile("1B", setting, context, way)


def thirty_two(record: Record, step: str, tiny: bool) -> None:
    """Measure the 32B shape with a 0.5B proxy: one example and a stream."""
    sizes, bench = _begin(record, step, tiny)
    setting = bench.setting(sizes.thirty_two, sizes.half, sizes.context)
    stream = f"preset fast, stream of {sizes.stream}"
    plan = replace(sizes.plan, way_seconds=sizes.plan.way_seconds * 2)
    for names in (
        ("naive loop", "preset fast"),
        (stream,),
        ("preset exact", "balanced, 8 rescored"),
        ("cached loop", "generate 100 tokens"),
    ):
        bench.measure("32B", setting, sizes.context, _ways(sizes, *names), plan)


def sweep(record: Record, step: str, tiny: bool) -> None:
    """Measure prompts of rising length."""
    sizes, bench = _begin(record, step, tiny)
    setting = bench.setting(sizes.eight, sizes.half, sizes.context)
    names = ("read the prompt", "read the prompt, proxy", "preset fast", "exact, packed")
    plan = replace(sizes.plan, runs=2)
    for context in sizes.sweep:
        bench.measure("sweep", setting, context, _ways(sizes, *names), plan)


def memory(record: Record, step: str, tiny: bool) -> None:
    """Measure memory above the weights, and work where less than that is there."""
    sizes, bench = _begin(record, step, tiny)
    setting = bench.setting(sizes.eight, None, sizes.context)
    plan = replace(sizes.plan, runs=1, way_seconds=sizes.plan.way_seconds * 2)
    names = ("exact, packed", "balanced, 8 rescored")
    for way in (*_ways(sizes, *names), *map(limited_way, sizes.limits)):
        bench.measure("8B, long", setting, sizes.long, [way], plan)


def _begin(record: Record, step: str, tiny: bool) -> tuple[_Sizes, Bench]:
    return (_TINY if tiny else _FULL), Bench(record, step, tiny=tiny)


def _ways(sizes: _Sizes, *names: str) -> list[Way]:
    known = {way.name: way for way in (*BASELINES, *our_ways(sizes.stream))}
    return [known.get(name) or known[f"preset {name}"] for name in names]


def _with_budget(way: Way, token_budget: int) -> Way:
    def run(job: Job) -> Outcome:
        return way.run(replace(job, setting=replace(job.setting, token_budget=token_budget)))

    return replace(way, name=f"{way.name}, {token_budget:,} tokens in a pack", run=run)
