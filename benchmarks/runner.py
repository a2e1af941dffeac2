"""Runs all ways of one table in turns, and makes rows of what they took."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from transformers import PreTrainedModel

from attribot_integrations import LanguageModel
from attribot_integrations.tokens.ablated import AblatedText
from benchmarks.ceilings import Ceilings
from benchmarks.clock import Spent, resident_growth, timed
from benchmarks.contexts import Case, ContextShape, make_case
from benchmarks.entries import Entry, Failures, Plan
from benchmarks.rows import Row, compared
from benchmarks.ways import Job, Setting, Way
from benchmarks.work import Arithmetic, Work, count_work, summed

__all__ = ["measure"]

_FIRST_SAMPLE = 2
"""Ablations of the warm-up, of ways that can run a few."""
_PATIENCE = 4.0
"""How many times the planned time a way that is run as a whole may take by estimate."""
_STREAM_VARIANTS = 1_000
"""First variant of the examples in streams, so that no other way has seen them."""


def measure(
    setting: Setting, context: ContextShape, ways: Sequence[Way], plan: Plan, ceilings: Ceilings
) -> list[Row]:
    """Measure some ways on one size of context.

    Args:
        setting: The models.
        context: The size.
        ways: What to run.
        plan: How thoroughly.
        ceilings: Limits of the device, measured in the same run.
    """
    case = make_case(context, 0)
    sizes = _sizes(setting.target, case)
    entries = [Entry(way, way.ablations(case) if way.ablations else None) for way in ways]
    for entry in entries:
        entry.reason = _obstacle(entry, setting, sizes, plan, ceilings)
        with Failures(entry):
            if entry.reason is None:
                _warm_up(entry, setting, context, plan, ceilings)
    for round_ in range(plan.runs):
        for entry in entries:
            with Failures(entry):
                if entry.reason is None and round_ < entry.rounds:
                    _run_once(entry, setting, context, 1 + round_)
    return list(_rows(setting, context, entries, sizes, plan))


def _sizes(model: LanguageModel, case: Case) -> tuple[int, int, int]:
    """Return numbers of sources, prompt tokens and answer tokens."""
    prompt = AblatedText(model.encoder, case.prompt, frozenset()).ids
    return len(case.sources.sentences), len(prompt), len(model.encoder.encode_text(case.answer).ids)


def _obstacle(
    entry: Entry,
    setting: Setting,
    sizes: tuple[int, int, int],
    plan: Plan,
    ceilings: Ceilings,
) -> str | None:
    """Say why a way cannot be run, or would take too long as a whole."""
    way = entry.way
    if way.on_proxy and setting.proxy is None:
        return "no smaller shape to stand in"
    if entry.total is not None or way.estimate is None:
        return None
    model = setting.proxy if way.on_proxy and setting.proxy is not None else setting.target
    arithmetic = Arithmetic.of(model.model)
    each = arithmetic.per_token + arithmetic.per_pair * sizes[1] / 2
    least = way.estimate(*sizes) * each / ceilings.operations_per_second
    if least > _PATIENCE * plan.way_seconds:
        return f"would take more than {least:.0f} s, even at the ceiling"
    return None


def _warm_up(
    entry: Entry, setting: Setting, context: ContextShape, plan: Plan, ceilings: Ceilings
) -> None:
    """Run a way once, counting its work; choose how much of it to run, and how often."""
    if entry.way.prepare is not None:
        entry.prepared = entry.way.prepare(setting, make_case(context, 0))
    batch = entry.prepared if isinstance(entry.prepared, int) else 1
    entry.sample = min(entry.total or 0, max(_FIRST_SAMPLE, batch))
    _count(entry, setting, context, ceilings)
    spent = entry.spent[-1]
    # On a busy CPU, the time that the process really had.
    seconds = min(spent.seconds, spent.cpu_seconds)
    seconds = seconds if setting.device.type == "cpu" else spent.seconds
    if seconds > plan.way_seconds:  # once must do
        return
    first = entry.sample
    _schedule(entry, seconds, plan)
    if entry.sample != first:
        _count(entry, setting, context, ceilings)
    entry.spent.clear()
    entry.outcomes.clear()


def _schedule(entry: Entry, seconds: float, plan: Plan) -> None:
    """Choose how many ablations and rounds fit into the plan, given what a first run took."""
    if entry.total is not None:
        each = seconds / (entry.sample + entry.way.overhead)
        affordable = int(plan.way_seconds / plan.runs / each) - entry.way.overhead
        entry.sample = max(entry.sample, min(entry.total, affordable))
        seconds = each * (entry.sample + entry.way.overhead)
    entry.rounds = max(1, min(plan.runs, int(plan.way_seconds / seconds)))


def _count(entry: Entry, setting: Setting, context: ContextShape, ceilings: Ceilings) -> None:
    """Count the full work of one example, and on a CPU the memory it takes."""
    models: list[PreTrainedModel] = [setting.target.model]
    if setting.proxy is not None:
        models.append(setting.proxy.model)
    run = partial(_run_once, entry, setting, context, 0)
    with count_work(models) as passes:
        case = make_case(context, 0)
        for each in (setting.target, setting.proxy):  # watched, they are verified anew
            if each is not None:
                each.scorer(case.prompt, case.answer)
        for found in passes:
            found.clear()
        if setting.device.type == "cpu":
            entry.resident = resident_growth(run)
        else:
            run()
    entry.work = Work.total(
        summed(found, Arithmetic.of(model), ceilings)
        for found, model in zip(passes, models, strict=True)
    ).scaled(entry.factor)


def _run_once(entry: Entry, setting: Setting, context: ContextShape, variant: int) -> Spent:
    job = _job(entry, setting, context, variant)
    spent, outcome = timed(partial(entry.way.run, job), setting.device)
    entry.spent.append(spent)
    entry.outcomes[variant] = outcome
    return spent


def _job(entry: Entry, setting: Setting, context: ContextShape, variant: int) -> Job:
    count = entry.way.examples
    first = variant if count == 1 else _STREAM_VARIANTS + variant * count
    cases = tuple(make_case(context, first + place) for place in range(count))
    return Job(setting, cases, entry.sample, entry.prepared)


def _rows(
    setting: Setting,
    context: ContextShape,
    entries: Sequence[Entry],
    sizes: tuple[int, int, int],
    plan: Plan,
) -> Iterator[Row]:
    made = [_row(setting, context, entry, sizes, plan) for entry in entries]
    reference = next((each for each in entries if each.way.name == "naive loop"), None)
    for row, entry in zip(compared(made), entries, strict=True):
        yield replace(row, largest_difference=_difference(reference, entry))


def _row(
    setting: Setting,
    context: ContextShape,
    entry: Entry,
    sizes: tuple[int, int, int],
    plan: Plan,
) -> Row:
    empty = Row(
        shape=setting.target.name,
        parameters=setting.target.parameters,
        proxy=setting.proxy.name if setting.proxy and entry.way.on_proxy else None,
        context=context.name,
        sources=sizes[0],
        prompt_tokens=sizes[1],
        answer_tokens=sizes[2],
        way=entry.way.name,
        group=entry.way.group,
        reason=entry.reason,
    )
    if entry.reason is not None or entry.work is None or not entry.spent:
        return empty
    times = [plan.time(each) * entry.factor for each in entry.spent]
    seconds = statistics.median(times)
    peaks = [each.peak_bytes for each in entry.spent if each.peak_bytes is not None]
    peak = max(peaks, default=entry.resident)
    whole = entry.total is None or entry.sample == entry.total
    return replace(
        empty,
        runs=len(times),
        seconds=seconds,
        fastest_seconds=min(times),
        slowest_seconds=max(times),
        clock=plan.clock,
        wall_seconds=statistics.median(each.seconds for each in entry.spent) * entry.factor,
        cpu_seconds=statistics.median(each.cpu_seconds for each in entry.spent) * entry.factor,
        extrapolated_from=None if whole else f"{entry.sample} of {entry.total} ablations",
        tokens_run=entry.work.tokens,
        passes=entry.work.passes,
        operations=entry.work.operations,
        floor_seconds=entry.work.floor_seconds,
        ceiling_share=entry.work.floor_seconds / seconds,
        peak_bytes_above_weights=peak,
        exact_sources=_exact_sources(entry) if whole else None,
        batch_size=entry.prepared if isinstance(entry.prepared, int) else None,
    )


def _exact_sources(entry: Entry) -> int | None:
    return next((each.exact_sources for each in reversed(entry.outcomes.values())), None)


def _difference(reference: Entry | None, entry: Entry) -> float | None:
    """Compare scores of the same examples where both ways gave some."""
    if reference is None:
        return None
    found: list[float] = []
    for variant in reference.outcomes.keys() & entry.outcomes:
        naive, other = reference.outcomes[variant].scores, entry.outcomes[variant].scores
        found += [abs(naive[id_] - other[id_]) for id_ in naive.keys() & other]
    return max(found, default=None)
