"""The one place that runs ablations: removed sentences in, log-probabilities of the answer out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from attribot_integrations.context.prompts import Prompt
from attribot_integrations.context.sources import Span
from attribot_integrations.errors import EmptyAnswerError, ModelError, PromptTooLongError
from attribot_integrations.results import ModelCost
from attribot_integrations.results.wording import wording_of
from attribot_integrations.scoring.attention import GroupSums
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.cache import PrefixCache, SharedContext
from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.growing import GrowingAnswer
from attribot_integrations.scoring.paths import PATHS, CachedPath, PackedPath, PathScores
from attribot_integrations.scoring.protocols import AblationScores, AttentionReading
from attribot_integrations.tokens.ablated import AblatedText, Ablation
from attribot_integrations.tokens.answers import encode_answer
from attribot_integrations.tokens.encoding import EncodedText
from attribot_integrations.tokens.layout import TokenLayout

if TYPE_CHECKING:
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["Scorer"]

_Row = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""An ablation's log-probabilities and the reference's, `[answer tokens]` each."""


class Scorer:
    """Scores one answer under ablations of one prompt, on one model.

    The prompt is rendered and tokenised anew for every ablation, so scores are exact; activations
    of the part that an ablated prompt shares with the full one are computed once and kept for all
    calls.

    Args:
        model: The model to run.
        prompt: The prompt, with its sources marked.
        answer: The answer to score; never changed. What counts are its words, see `Wording`.
        token_budget: Most tokens in one forward pass; by default 512 on a CPU, where packing
            gains little beyond that, and 8,192 elsewhere.
        path: Scoring path to force, for comparisons; the model's own by default.
        without: Ids of sentences that are left out for good, see `within`.
        prefix: Activations of the prompt, if they have been computed already.
        shared: Activations of the context, if prompts with the same one are scored in turn; or of
            the beginning of the same answer, if that grows.
        generated_ids: Ids of prompt and answer as this model wrote them, see `encode_answer`.
        budget: What the request may spend; no limit by default.

    Raises:
        EmptyAnswerError: If the answer holds no word.
        PromptTooLongError: If prompt and answer exceed the model's context.
        ControlTokenError: If some text cannot be kept from becoming a control token.
        PromptError: If the model's chat template refuses the prompt.
        ModelError: If the model has been changed since it was loaded, and cannot be scored now.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        path: PathName | None = None,
        without: Ablation = frozenset(),
        prefix: PrefixCache | None = None,
        shared: SharedContext | GrowingAnswer | None = None,
        generated_ids: Sequence[int] | None = None,
        budget: Budget | None = None,
    ) -> None:
        wording = wording_of(answer)
        if not wording.text:
            words = "no word among them" if answer.strip() else "white space only"
            raise EmptyAnswerError(f"the answer is blank ({len(answer)} characters, {words})")
        self._model = model
        self._without = without
        self.answer: EncodedText = encode_answer(model.encoder, answer, wording, generated_ids)
        self._text = AblatedText(model.encoder, prompt, without)
        self.prompt: EncodedText = self._text.encoded
        forward = model.verified.ready(len(self._text.ids) + len(self.answer.ids))
        self._capabilities = forward.capabilities
        self._check_length(len(self._text.ids))
        if token_budget is None:
            token_budget = 512 if forward.device.type == "cpu" else 8192
        self._budget = budget or Budget()
        self._narrowed: list[Scorer] = []
        self._narrow = partial(
            Scorer,
            model,
            prompt,
            answer,
            token_budget=token_budget,
            path=path,
            generated_ids=generated_ids,
            budget=self._budget,
        )
        self._removed: dict[Ablation, _Row] = {}
        self._hidden: dict[tuple[Ablation, int], _Row] = {}
        self._naive_lengths: dict[Ablation, int] = {frozenset(): len(self._text.ids)}
        name, self._reason = self._choose_path(path)
        self._path = PATHS[name](
            model.model,
            self._capabilities,
            self._text.ids,
            self.answer.ids,
            token_budget,
            forward,
        )
        self._path.budget = self._budget
        if prefix is not None and isinstance(self._path, CachedPath):
            self._path.adopt(prefix)
        if isinstance(shared, GrowingAnswer) and isinstance(self._path, CachedPath):
            self._path.follow(shared)
        elif isinstance(shared, SharedContext) and isinstance(self._path, CachedPath):
            # Not by `self`: in a cycle with its scorer, the path would outlive the request.
            text = self._text
            self._path.share(shared, lambda: text.layout().context_end())

    @property
    def token_spans(self) -> tuple[Span, ...]:
        """Span in the answer of each of its tokens."""
        return self.answer.offsets

    def within(self, removed: Ablation) -> Scorer:
        """Return a scorer of the context that is left when sentences are removed for good.

        Its scores are leave-one-out inside the pruned context; what it runs counts here too.
        """
        narrowed = self._narrow(without=self._without | removed)
        self._narrowed.append(narrowed)
        return narrowed

    def score(self, ablations: Sequence[Ablation]) -> AblationScores:
        """Score the answer with each set of sentences removed; what is asked again is not rerun.

        Between passes the budget is asked whether to go on; without it, the rest is left unscored.

        Args:
            ablations: Sets of sentence ids; the empty set scores the full prompt again.

        Raises:
            ModelError: If the model gives numbers that are not finite.
            PromptTooLongError: If a prompt that sentences are removed from has more tokens than
                the model's context, as it may where the full one just fits.
            OutOfMemoryError: If not even one ablation fits in memory.
        """
        asked = [ablation - self._without for ablation in ablations]
        new = [each for each in dict.fromkeys(asked) if each not in self._removed]
        if new and not self._begins("removals", new, self._tokens_without):
            new = []
        for group, prompts in self._text.without_each(new):
            lengths = dict(zip(group, map(len, prompts), strict=True))
            for length in lengths.values():
                self._check_length(length)
            done = dict(_rows(group, self._path.score(prompts)))
            self._removed.update(done)
            self._naive_lengths.update((each, lengths[each]) for each in done)
            if len(done) < len(group):
                break
        return self._gathered([self._removed.get(each) for each in asked])

    @property
    def knockout_obstacle(self) -> str | None:
        """Why `knock_out` cannot be used with this model and prompt; `None` if it can."""
        if not isinstance(self._path, PackedPath):
            return self._reason
        limit = self._capabilities.packed_limit
        length = len(self._text.ids) + len(self.answer.ids)
        # At worst the whole prompt is cached and, but for a token, run again, beside its end.
        if limit is not None and 2 * length >= limit:
            return (
                f"its attention changes from {limit:,} cached and packed tokens on, which a prompt "
                f"and answer of {length:,} tokens may reach"
            )
        return None

    @property
    def can_knock_out(self) -> bool:
        """Whether `knock_out` can be used with this model and prompt."""
        return self.knockout_obstacle is None

    def knock_out(self, ablations: Sequence[Ablation], rerun: int = 0) -> AblationScores:
        """Approximate `score` at the cost of the question and the answer for each ablation.

        The full prompt is run once. Then only the tokens behind the last source are run again, and
        the few behind each hidden one, unable to attend to the tokens of what is removed;
        the positions of those few close the gap. Differs from exact removal where other tokens
        have taken up what the hidden ones say.

        Args:
            ablations: Sets of sentence ids.
            rerun: How many tokens behind a hidden source are run again.

        Raises:
            ModelError: If the model cannot be run with a mask for each token, or not at this
                prompt's length.
            OutOfMemoryError: If not even one ablation fits in memory.
        """
        path = self._masked_path()
        asked = [ablation - self._without for ablation in ablations]
        new = [each for each in dict.fromkeys(asked) if (each, rerun) not in self._hidden]
        if new and self._begins("knockouts", new, lambda _: self._tokens_behind(rerun)):
            layout = self.layout()
            start = min(layout.context_end(), len(self._text.ids) - 1)
            hidden = [
                [(low, min(high, start)) for low, high in layout.hidden(each) if low < start]
                for each in new
            ]
            scores = path.knock_out(start, hidden, rerun)
            for each, row in _rows(new, scores):
                self._hidden[each, rerun] = row
                self._naive_lengths.setdefault(each, len(self._text.ids))
        return self._gathered([self._hidden.get((each, rerun)) for each in asked])

    def read_attention(
        self, groups: Sequence[Ablation], beside: Sequence[Ablation] = ()
    ) -> AttentionReading:
        """Read what the answer attends to in sets of sentences, see `ReadsAttention`.

        Raises:
            ModelError: If the model computes its attention in a way that shows nothing.
            OutOfMemoryError: If the pass does not fit in memory.
        """
        layout = self.layout()
        spans = [layout.places(group - self._without) for group in groups]
        layers = self._path.read(
            len(self._text.ids) - 1,
            GroupSums.of(spans, self._model.forward.device),
            self._prompts_without([each - self._without for each in beside]),
        )
        if len(layers) != self._model.signature.layers:
            raise ModelError(
                f"{self._model.shown_name} computes its attention in a way that shows no weights "
                f"({len(layers)} of {self._model.signature.layers} layers do): load it with "
                'attn_implementation="sdpa" or "eager", or choose another method'
            )
        shares = torch.cat(layers).transpose(1, 2)
        return AttentionReading(shares.numpy(), self._model.signature)

    def _prompts_without(self, ablations: Sequence[Ablation]) -> Iterator[tuple[int, ...]]:
        for _, prompts in self._text.without_each(ablations):
            yield from prompts

    def _masked_path(self) -> PackedPath:
        if not isinstance(self._path, PackedPath) or not self.can_knock_out:
            raise ModelError(
                f"knockout needs a mask for each token, which {self._model.shown_name} does not "
                f"take here: {self.knockout_obstacle}; use exact leave-one-out"
            )
        return self._path

    def layout(self) -> TokenLayout:
        """Return which token of the full prompt belongs to which part of its text."""
        return self._text.layout()

    def tokens_for(self, removed: Ablation, rerun: int | None = None) -> int:
        """Return about how many tokens one more removal, or knockout, would run.

        Args:
            removed: Ids of sentences; what is scored already takes none.
            rerun: If given, what `knock_out` would run, with so many tokens run again.

        Raises:
            ModelError: If `rerun` is given and `can_knock_out` is false.
        """
        removed -= self._without
        if rerun is None:
            return 0 if removed in self._removed else self._tokens_without(removed)
        self._masked_path()
        return 0 if (removed, rerun) in self._hidden else self._tokens_behind(rerun)

    @property
    def cost(self) -> ModelCost:
        """What has been run so far.

        The naive loop it is compared with runs one prompt for each set of sentences that was asked
        for, removed or hidden, once, and the full prompt.
        """
        narrowed = [scorer.cost for scorer in self._narrowed]
        naive = sum(length + len(self.answer.ids) - 1 for length in self._naive_lengths.values())
        return ModelCost(
            model=self._model.shown_name,
            parameters=self._model.parameters,
            tokens=self._path.work.tokens + sum(each.tokens for each in narrowed),
            passes=self._path.work.passes + sum(each.passes for each in narrowed),
            naive_tokens=naive + sum(each.naive_tokens for each in narrowed),
        )

    def _begins(
        self, work: str, new: Sequence[Ablation], tokens: Callable[[Ablation], int]
    ) -> bool:
        """Tell the budget what comes next, and ask whether to begin with it."""
        if self._budget.all_or_nothing:
            self._path.warm_up()
        needed = [tokens(each) for each in new]
        return self._budget.begin(work, len(new), sum(needed) + min(needed))  # with the reference

    def _tokens_without(self, removed: Ablation) -> int:
        """Return about how many tokens are run for a removal."""
        answer, places = len(self.answer.ids) - 1, self._places
        spans = [places[id_] for id_ in removed if id_ in places]
        first = min((low for low, _ in spans), default=len(self._text.ids))
        start = first if isinstance(self._path, CachedPath) else 0
        return len(self._text.ids) - start - sum(high - low for low, high in spans) + answer

    def _tokens_behind(self, rerun: int) -> int:
        """Return about how many tokens are run for a knockout."""
        behind = max((high for _, high in self._places.values()), default=0)
        return len(self._text.ids) - behind + rerun + len(self.answer.ids) - 1

    @cached_property
    def _places(self) -> dict[int, Span]:
        return self.layout().sentences()

    def _gathered(self, rows: Sequence[_Row | None]) -> AblationScores:
        shape = (len(rows), len(self.answer.ids))
        log_probs, references = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for place, row in enumerate(rows):
            if row is not None:
                log_probs[place], references[place] = row
        if not (np.isfinite(log_probs).all() and np.isfinite(references).all()):
            raise ModelError(
                f"{self._model.shown_name} gives log-probabilities that are not finite in "
                f"{self._model.model.dtype}; load it with another dtype, such as bfloat16 or "
                "float32"
            )
        scored = np.array([row is not None for row in rows], dtype=np.bool_)
        return AblationScores(log_probs, references, None if scored.all() else scored)

    def _choose_path(self, forced: PathName | None) -> tuple[PathName, str]:
        """Return the path for this prompt, and why."""
        capabilities = self._capabilities
        if forced is not None:
            return forced, f"the {forced} path was asked for"
        held = capabilities.plain_ids.intersection((*self._text.ids, *self.answer.ids))
        if held and capabilities.path != "plain":
            return "plain", f"the text holds ids by which the model numbers tokens: {sorted(held)}"
        return capabilities.path, capabilities.reason

    def _check_length(self, prompt: int) -> None:
        limit = self._capabilities.context_length
        length = prompt + len(self.answer.ids) - 1  # nothing is predicted from the last token
        if limit is not None and length > limit:
            raise PromptTooLongError(
                f"prompt and answer take {length:,} positions, {length - limit:,} more than the "
                f"{limit:,} of {self._model.shown_name}: pass fewer or shorter chunks, or use a "
                "model with a longer context"
            )


def _rows(ablations: Sequence[Ablation], scores: PathScores) -> Iterator[tuple[Ablation, _Row]]:
    """Yield the ablations that were run, and their rows."""
    rows = zip(scores.log_probs.numpy(), scores.reference.numpy(), strict=True)
    done = scores.done.tolist()
    return ((each, row) for each, row, run in zip(ablations, rows, done, strict=True) if run)
