"""What the engine is compared with: leave-one-out the slow ways, and generating the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch.nn.utils.rnn import pad_sequence

from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.tokens.ablated import AblatedText
from benchmarks.contexts import Case
from benchmarks.ways import (
    Job,
    Outcome,
    Setting,
    UnavailableError,
    Way,
    best_batch,
    spread,
)

__all__ = ["BASELINES", "scorer_way"]

_BATCHES = (1, 2, 4, 8, 16, 32, 64)
_GENERATED = 100


def sentence_count(case: Case) -> int:
    """Return how many sources leave-one-out removes."""
    return len(case.sources.sentences)


def scorer_way(path: PathName | None) -> Way:
    """Return leave-one-out over sentences on one of the engine's paths.

    The plain path is the naive loop and the cached one the official code's, with both of them
    already spared the logits of all positions but the answer's.
    """
    names = {"plain": "naive loop", "cached": "cached loop", "packed": "exact, packed"}

    def run(job: Job) -> Outcome:
        setting, case = job.setting, job.cases[0]
        scorer = Scorer(
            setting.target, case.prompt, case.answer, token_budget=setting.token_budget, path=path
        )
        chosen = spread(sentence_count(case), job.ablations)
        drops = scorer.score([frozenset([id_]) for id_ in chosen]).drops.sum(axis=1)
        return Outcome(dict(zip(chosen, drops.tolist(), strict=True)), exact_sources=len(chosen))

    plain = path == "plain"
    return Way(
        name=names[path or "packed"],
        group="ours" if path is None else "baseline",
        run=run,
        ablations=sentence_count,
        # One full prompt is as long as two average suffixes.
        overhead=1 if plain else 2,
        in_sweep=True,
    )


def ablated_prompts(
    setting: Setting, case: Case, chosen: Sequence[int]
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Return the full prompt's ids and those without each of the chosen sentences.

    Returns:
        The prompts, and the sentence that each lacks, -1 for the full one.
    """
    text = AblatedText(setting.target.encoder, case.prompt, frozenset())
    prompts, removed = [text.ids], [-1]
    for group, found in text.without_each([frozenset([id_]) for id_ in chosen]):
        prompts += found
        removed += [min(each) for each in group]
    return prompts, removed


def padded_log_probs(
    setting: Setting, prompts: Sequence[tuple[int, ...]], answer: tuple[int, ...]
) -> torch.Tensor:
    """Score one left-padded batch in one pass: `[prompts]`, log-probability of the answer."""
    rows = [torch.tensor([*prompt, *answer[:-1]]) for prompt in prompts]
    tokens = pad_sequence(rows, batch_first=True, padding_side="left").to(setting.device)
    lengths = torch.tensor([len(row) for row in rows], device=setting.device)
    places = torch.arange(tokens.shape[1], device=setting.device)
    mask = (places >= tokens.shape[1] - lengths[:, None]).long()
    with torch.inference_mode():
        logits = setting.target.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            logits_to_keep=len(answer),
            use_cache=False,
        ).logits
        wanted = torch.tensor(answer, device=logits.device).expand(len(rows), -1)
        summed = [
            each.float().log_softmax(-1).gather(1, ids[:, None]).sum()
            for each, ids in zip(logits, wanted, strict=True)
        ]
    return torch.stack(summed).cpu()


def _tune_padded(setting: Setting, case: Case) -> int:
    prompts, _ = ablated_prompts(setting, case, range(min(_BATCHES[-1], sentence_count(case))))
    answer = setting.target.encoder.encode_text(case.answer).ids
    sizes = [size for size in _BATCHES if size <= len(prompts)]
    return best_batch(
        lambda size: padded_log_probs(setting, prompts[:size], answer),
        setting.device,
        sizes,
        setting.tuning_seconds,
    )


def _run_padded(job: Job) -> Outcome:
    setting, case = job.setting, job.cases[0]
    chosen = spread(sentence_count(case), job.ablations)
    prompts, removed = ablated_prompts(setting, case, chosen)
    answer = setting.target.encoder.encode_text(case.answer).ids
    # Neighbours in length share a batch, so that little is padded.
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    sums: dict[int, float] = {}
    for low in range(0, len(order), job.prepared):
        places = order[low : low + job.prepared]
        found = padded_log_probs(setting, [prompts[place] for place in places], answer)
        sums.update(zip((removed[place] for place in places), found.tolist(), strict=True))
    return Outcome({id_: sums[-1] - sums[id_] for id_ in chosen}, exact_sources=len(chosen))


def _reading_way(role: Literal["target", "proxy"]) -> Way:
    """Return one pass over the prompt: less than any way that reads it, so the scale for growth."""

    def run(job: Job) -> Outcome:
        setting = job.setting
        model = setting.target if role == "target" else setting.proxy
        if model is None:
            raise UnavailableError("there is no proxy")
        ids = AblatedText(model.encoder, job.cases[0].prompt, frozenset()).ids
        tokens, last = torch.tensor([ids]), torch.tensor([len(ids) - 1])
        positions = torch.arange(len(ids))[None]
        model.forward(tokens, last, position_ids=positions, use_cache=True)
        return Outcome()

    return Way(
        name="read the prompt" if role == "target" else "read the prompt, proxy",
        group="baseline",
        run=run,
        on_proxy=role == "proxy",
        estimate=lambda sources, prompt, answer: prompt,
        in_sweep=role == "proxy",
    )


def _run_generate(job: Job) -> Outcome:
    setting, case = job.setting, job.cases[0]
    prompt = AblatedText(setting.target.encoder, case.prompt, frozenset()).ids
    tokens = torch.tensor([prompt], device=setting.device)
    model: Any = setting.target.model
    model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        do_sample=False,
        min_new_tokens=_GENERATED,
        max_new_tokens=_GENERATED,
        pad_token_id=0,
    )
    return Outcome()


BASELINES: tuple[Way, ...] = (
    _reading_way("target"),
    _reading_way("proxy"),
    scorer_way("plain"),
    Way(
        name="naive, batched",
        group="baseline",
        run=_run_padded,
        ablations=sentence_count,
        overhead=1,
        prepare=_tune_padded,
    ),
    scorer_way("cached"),
    Way(
        name=f"generate {_GENERATED} tokens",
        group="generation",
        run=_run_generate,
        estimate=lambda sources, prompt, answer: prompt + _GENERATED,
    ),
)
