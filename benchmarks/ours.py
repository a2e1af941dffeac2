"""The engine's own ways: exact leave-one-out, and every preset by name."""

from __future__ import annotations

from attribot_integrations import AttributionEngine
from attribot_integrations.methods import METHODS, Knockout, LeaveOneOut, Method, ScreenAndRescore
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution
from benchmarks.baselines import scorer_way
from benchmarks.ways import Job, Outcome, Way

__all__ = ["our_ways"]

_RESCORED = 8
"""Sources rescored in the row that does not depend on scores, which random weights leave at 0."""
_OVERHEAD_TOKENS = 40
"""About how many tokens of question, template and rerun a knockout runs beside the answer."""
_STREAMED = ("exact", "balanced", "fast")
_PLOTTED = ("knockout", "fast")


def our_ways(stream: int) -> tuple[Way, ...]:
    """Return the engine's ways.

    Args:
        stream: Examples in a stream.
    """
    presets: dict[str, Method] = {}
    for name, method in METHODS.items():
        if method not in presets.values():  # some are another one under a second name
            presets[name] = method
    fixed = ScreenAndRescore(Knockout(), at_least=_RESCORED, keep=_RESCORED)
    return (
        scorer_way(None),
        *(_preset(name, method) for name, method in presets.items()),
        _preset(f"balanced, {_RESCORED} rescored", fixed),
        *(_preset(name, presets[name], stream) for name in _STREAMED),
    )


def _preset(name: str, method: Method, stream: int = 1) -> Way:
    def estimate(sources: int, prompt: int, answer: int) -> float:
        if isinstance(method, LeaveOneOut):
            return stream * (prompt + sources * prompt / 2)
        # Of the others, only what they run at least.
        each = answer + _OVERHEAD_TOKENS if isinstance(method, Knockout) else 0
        return stream * (prompt + sources * each)

    def run(job: Job) -> Outcome:
        return _run(job, method)

    return Way(
        name=f"preset {name}" if stream == 1 else f"preset {name}, stream of {stream}",
        group="ours",
        run=run,
        on_proxy=method.needs_proxy,
        estimate=estimate,
        examples=stream,
        in_sweep=stream == 1 and name in _PLOTTED,
    )


def _run(job: Job, method: Method) -> Outcome:
    # What alternatives cost depends on the scores, so that random weights would say nothing.
    options = EngineOptions(method=method, alternatives=None, token_budget=job.setting.token_budget)
    engine = AttributionEngine(job.setting.target, job.setting.proxy, options)
    if len(job.cases) == 1:
        case = job.cases[0]
        return _outcome(engine.attribute(case.question, case.chunks, case.answer))
    requests = [AttributionRequest(each.question, each.chunks, each.answer) for each in job.cases]
    engine.attribute_batch(requests, progress=False, raise_error=True)
    return Outcome()


def _outcome(result: Attribution) -> Outcome:
    exact = int(result.exact.sum())
    if not result.exact.all():
        return Outcome(exact_sources=exact)
    sums = result.scores.sum(axis=1).tolist()
    return Outcome(dict(enumerate(sums)), exact_sources=exact)
