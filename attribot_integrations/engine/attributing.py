"""From one request to its attribution: prompt, scorers, method, citations, labels."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from attribot_integrations.context.locating import ChunkLocation, RawPrompt, capture_prompt
from attribot_integrations.context.prompts import Prompt, fill_template
from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.engine.method_choice import chosen_method, default_method
from attribot_integrations.errors import AttribotError, InputError
from attribot_integrations.methods import (
    Knockout,
    LeaveOneOut,
    Method,
    MethodInput,
    MethodScores,
    ScreenAndPrune,
    ScreenAndRescore,
)
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, Cost, Estimand
from attribot_integrations.results.judging import judged
from attribot_integrations.results.statements import find_statements
from attribot_integrations.results.support import Support
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.protocols import (
    AnswerScorer,
    Draft,
    HeldContext,
    HoldsAnswers,
    ScoringModel,
)
from attribot_integrations.verifying import Verifier, with_verifier

__all__ = [
    "SharedContexts",
    "attribute_answer",
    "build_prompt",
    "request_chunks",
    "warm_up",
]

_logger = logging.getLogger(__name__)

_BEST_FIRST = ScreenAndRescore(Knockout(), at_least=sys.maxsize, at_most=sys.maxsize)
"""Exact scores for all, the most promising sources first."""


@dataclass(frozen=True)
class SharedContexts:
    """What the two models keep of contexts."""

    target: HeldContext
    proxy: HeldContext | None

    @classmethod
    def of(
        cls, target: ScoringModel, proxy: ScoringModel | None, most_bytes: int | None = None
    ) -> SharedContexts:
        """Return what the models keep, at first nothing.

        Args:
            target: The target.
            proxy: The proxy.
            most_bytes: How many bytes each may keep; by default the last context alone.
        """
        limit = () if most_bytes is None else (most_bytes,)
        held = None if proxy is None else proxy.hold_context(*limit)
        return cls(target.hold_context(*limit), held)

    @classmethod
    def of_answer(cls, target: ScoringModel, proxy: ScoringModel | None) -> SharedContexts:
        """Return what the models keep of one answer while it grows, at first nothing."""
        return cls(_held_answer(target), None if proxy is None else _held_answer(proxy))

    def let_go(self) -> bool:
        """Free what is held, and tell whether there was anything."""
        freed = [held.let_go() for held in (self.target, self.proxy) if held is not None]
        return any(freed)


def _held_answer(model: ScoringModel) -> HeldContext:
    return model.hold_answer() if isinstance(model, HoldsAnswers) else model.hold_context()


def attribute_answer(
    target: ScoringModel,
    proxy: ScoringModel | None,
    request: AttributionRequest,
    options: EngineOptions,
    shared: SharedContexts | None = None,
    *,
    cancelled: threading.Event | None = None,
    drafted: Draft | None = None,
) -> Attribution:
    """Score every source of a request's context, and cite those that carry the answer.

    Args:
        target: The model whose dependence on the sources is measured.
        proxy: A smaller model that stands in for it where a method says so.
        request: The answer with its question and chunks.
        options: What to do with it.
        shared: Activations of the context, if requests with the same one are attributed in turn.
        cancelled: Set by another thread when the result is not wanted any more.
        drafted: The answer as the target has drafted it, whose activations are used again.

    Raises:
        InputError: If the request cannot be attributed.
        ConfigurationError: If the method needs a proxy and there is none.
        ModelError: If a model cannot run the method, or gives numbers that are not finite.
        OutOfMemoryError: If not even one ablation fits in memory.
        CancelledError: If it was cancelled; the pass in progress is finished.
    """
    started = time.perf_counter()
    ready = _prepared(target, proxy, request, options, shared, started, cancelled, drafted)
    method, result = _scored(ready.method, ready.inputs)

    return _concluded(request, ready, method.name, result, options, started)


def warm_up(
    target: ScoringModel,
    proxy: ScoringModel | None,
    request: AttributionRequest,
    options: EngineOptions,
    shared: SharedContexts,
    cancelled: threading.Event | None = None,
) -> Cost:
    """Run, for an answer that has begun, what all of its beginnings need, and keep it.

    That is the prompt, and every source's removal if the method removes all; a method that screens
    first has its screen run, as what is rescored depends on what the answer will say.

    Arguments and errors are those of `attribute_answer`.
    """
    started = time.perf_counter()
    ready = _prepared(target, proxy, request, options, shared, started, cancelled)
    first = ready.method
    if isinstance(first, ScreenAndRescore):
        first = LeaveOneOut() if first.scores_all(ready.inputs) else first.screen
    elif isinstance(first, ScreenAndPrune):
        first = first.screen
    first.run(ready.inputs)
    return ready.spent(started)


@dataclass(frozen=True)
class _Prepared:
    """A request that only has to be scored."""

    chunks: tuple[Chunk, ...]
    locations: tuple[ChunkLocation, ...]
    inputs: MethodInput
    method: Method
    scorers: tuple[AnswerScorer, ...]

    def spent(self, started: float) -> Cost:
        """Return what it has cost so far."""
        models = tuple(each.cost for each in self.scorers)
        return Cost(seconds=time.perf_counter() - started, models=models)


def _prepared(
    target: ScoringModel,
    proxy: ScoringModel | None,
    request: AttributionRequest,
    options: EngineOptions,
    shared: SharedContexts | None,
    started: float,
    cancelled: threading.Event | None,
    drafted: Draft | None = None,
) -> _Prepared:
    """Build a request's prompt, scorers and method."""
    chosen = chosen_method(options, has_proxy=proxy is not None)
    _check_request(request)
    chunks = request_chunks(request, options)
    prompt, sources, locations = build_prompt(request, chunks, options)
    budget = Budget(
        max_seconds=options.max_seconds,
        max_tokens=options.max_tokens,
        sources=len(sources.at(options.levels)),
        started=started,
        cancelled=cancelled,
    )
    scorer = target.scorer(
        prompt,
        request.answer,
        token_budget=options.token_budget,
        generated_ids=request.generated_ids,
        held=shared.target if shared else None,
        drafted=drafted,
        budget=budget,
    )
    on_proxy = _proxy_scorer(
        proxy, prompt, request.answer, options, chosen, shared.proxy if shared else None, budget
    )
    inputs = MethodInput(
        target=scorer,
        proxy=on_proxy,
        sources=sources.at(options.levels),
        context=sources,
        statements=find_statements(
            request.answer, scorer.token_spans, options.splitter, request.statements
        ),
        token_spans=scorer.token_spans,
        budget=budget,
    )
    method = chosen or default_method(
        can_knock_out=(on_proxy or scorer).can_knock_out,
        on_proxy=on_proxy is not None,
    )
    scorers = (scorer,) if on_proxy is None else (scorer, on_proxy)
    return _Prepared(sources.chunks, locations, inputs, method, scorers)


def _scored(method: Method, inputs: MethodInput) -> tuple[Method, MethodScores]:
    """Run a method; where the budget has no room for exact scores of all, the best come first."""
    exact = isinstance(method, LeaveOneOut) and method.on == "target"
    if not (exact and inputs.budget.limited and inputs.target.can_knock_out):
        return method, method.run(inputs)
    with inputs.budget.only_whole():
        result = method.run(inputs)
    return (_BEST_FIRST, _BEST_FIRST.run(inputs)) if inputs.budget.declined else (method, result)


def _stopped(budget: Budget, before: str | None, estimands: Sequence[Estimand]) -> str | None:
    """Say what the budget has cut short.

    Args:
        budget: The request's.
        before: The limit that was reached before alternatives were looked for.
        estimands: What each source's score measures.
    """
    if budget.reached is None:
        return None
    if before is None:
        return f"{budget.reached} reached, so sources that say the same were not looked for"
    total, missing = len(estimands), estimands.count("unscored")
    if missing:
        count = f"{missing} of {total}" if missing < total else f"all {total}"
        return f"{budget.reached} reached, {count} sources are without a score"
    rescored = sum(each in ("target_loo", "target_pruned_loo") for each in estimands)
    return f"{budget.reached} reached after {rescored} of {total} sources were rescored"


def _uncertified(budget: Budget) -> str | None:
    """Say that the budget ended before all sets were measured, if it did."""
    if budget.reached is None:
        return None
    return (
        f"{budget.reached} reached, so what the citations of some statements carry together was "
        "not measured"
    )


def _withheld(support: tuple[Support, ...], stopped: str | None) -> tuple[Support, ...]:
    """Withhold the label that says that no source stands out, if not all was tried."""
    if stopped is None:
        return support
    return tuple(
        replace(each, label="unknown", reason=f"it depends on the context, but {stopped}")
        if each.label == "uncertain"
        else each
        for each in support
    )


def _concluded(
    request: AttributionRequest,
    ready: _Prepared,
    method: str,
    result: MethodScores,
    options: EngineOptions,
    started: float,
) -> Attribution:
    """Turn scores into citations and labels."""
    inputs = ready.inputs
    reached = inputs.budget.reached
    alternatives = options.alternatives(inputs, result) if options.alternatives else ()
    stopped = _stopped(inputs.budget, reached, result.estimands)
    measured = Attribution(
        question=request.question,
        answer=request.answer,
        chunks=ready.chunks,
        sources=inputs.sources,
        statements=inputs.statements,
        scores=result.scores,
        exact=result.exact,
        estimands=result.estimands,
        token_spans=inputs.token_spans,
        token_log_probs=result.log_probs,
        token_log_probs_without_context=result.log_probs_without_context,
        citations=(),
        method=method,
        locations=ready.locations,
        id=request.id,
        sufficiency=result.sufficiency,
        audit=result.audit,
        alternatives=alternatives,
        stopped=stopped,
        cost=ready.spent(started),
    )
    certify, policy = options.certificates, options.policy
    if certify is not None:
        policy = certify.policy(inputs, result, policy)
    made = judged(_verified(measured, options.verifier), policy, options.support)
    made = replace(made, support=_withheld(made.support, stopped))
    if certify is not None and not made.unremoved:  # else other text would hold beside the set
        certificates = certify(inputs, result, made.shown_citations)
        stopped = stopped or _uncertified(inputs.budget)
        made = replace(made, certificates=certificates, stopped=stopped)
    return replace(made, cost=ready.spent(started))


def _verified(attribution: Attribution, verifier: Verifier | None) -> Attribution:
    """Ask the verifier; where it fails, as a service may, say why: no score is lost by that."""
    try:
        return with_verifier(attribution, verifier)
    except AttribotError:
        raise
    except Exception as error:
        name = verifier.name if verifier else None
        reason = f"the verifier {name!r} failed, {type(error).__name__}: {error}"
        _logger.warning("%s", reason, exc_info=error)
        return replace(attribution, verifier=name, unverified=reason)


def _proxy_scorer(
    proxy: ScoringModel | None,
    prompt: Prompt,
    answer: str,
    options: EngineOptions,
    method: Method | None,
    held: HeldContext | None,
    budget: Budget,
) -> AnswerScorer | None:
    """Return a scorer on the proxy, if the method, or the default one, can use it."""
    if proxy is None or (method is not None and not method.needs_proxy):
        return None
    try:
        return proxy.scorer(
            prompt, answer, token_budget=options.token_budget, held=held, budget=budget
        )
    except InputError as error:
        if method is not None:
            raise
        _logger.warning("the proxy cannot be used, the target is run alone: %s", error)
        return None


def request_chunks(request: AttributionRequest, options: EngineOptions) -> tuple[Chunk, ...]:
    """Return a request's chunks; there need be none where its prompt may hold other sources.

    Raises:
        InputError: If they are no chunks.
        EmptyContextError: If there is none with text, and nothing else may be a source.
    """
    return as_chunks(request.chunks, may_be_blank=_may_hold_turns(request, options))


def _may_hold_turns(request: AttributionRequest, options: EngineOptions) -> bool:
    if not options.conversation:
        return False
    prompt: object = request.prompt
    if prompt is not None and not callable(prompt) and not isinstance(prompt, str | RawPrompt):
        return True
    _logger.warning(
        "sources=%r names messages of a conversation, and this request's prompt is no list of "
        "messages: only its chunks are sources",
        options.sources,
    )
    return False


def build_prompt(
    request: AttributionRequest, chunks: tuple[Chunk, ...], options: EngineOptions
) -> tuple[Prompt, SourceSet, tuple[ChunkLocation, ...]]:
    """Return a request's prompt, its sources, and where chunks stand if they had to be found.

    Raises:
        InputError: If the prompt cannot be captured, or the template does not show every sentence.
    """
    if request.prompt is None or callable(request.prompt):
        sources = SourceSet.build(chunks, options.splitter)
        template = request.prompt or options.template
        return fill_template(template, request.question, sources), sources, ()
    prompt, sources, locations = capture_prompt(
        request.prompt, chunks, options.splitter, request.question, options.conversation
    )
    missing = [place for place in locations if not place.located and place.outcome != "blank"]
    if missing:
        listed = ", ".join(f"{place.chunk_index} ({place.outcome})" for place in missing)
        _logger.info("no place of their own in the captured prompt for chunks %s", listed)
    unremoved = [place.chunk_index for place in locations if place.traces]
    if unremoved:
        _logger.warning(
            "text of the chunks %s may stand in the captured prompt where it is not recognised: "
            "statements that seem not to need the context are labelled unknown; leave prompt out "
            "to score with a template",
            ", ".join(map(str, unremoved)),
        )
    return prompt, sources, locations


def _check_request(request: object) -> None:
    if not isinstance(request, AttributionRequest):
        raise InputError(
            "a request must be an AttributionRequest(question, chunks, answer), "
            f"not {type(request).__name__}"
        )
    for what in ("question", "answer"):
        text = getattr(request, what)
        if not isinstance(text, str):
            raise InputError(f"the {what} must be a str, not {type(text).__name__}")
