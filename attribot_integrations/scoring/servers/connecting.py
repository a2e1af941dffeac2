"""What is found out about a server before a score of it is believed.

A short text is scored, and the server writes a few tokens behind it. What it said of these tokens
when it wrote them must be what it says of them as a prompt, no other token may be likelier than the
likeliest, and its spelling of the ids must be that of the tokenizer. Entries that are shifted,
missing or of the likeliest tokens only, and another model's tokenizer, do not pass.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.servers.routes import Asked, Route, Written

if TYPE_CHECKING:
    from attribot_integrations.scoring.servers.transport import ServerCalls
    from attribot_integrations.tokens.encoding import TextEncoder

__all__ = ["Connection", "asked_for", "check_route"]

_logger = logging.getLogger("attribot_integrations.scoring.servers")

_TEXT = "The old harbour was opened in 1962, and the ships that call there every summer bring"
_OTHERS = ("The seven gardeners wrote nothing", "In winter, twelve maps of copper are sold")
"""Texts of which tokens are taken that are likely not what comes next."""
_COUNT = 6
"""Tokens that the server writes."""
_REPEATS = 3
_DIFFERENT = 0.25
"""Mean difference of a token's log-probabilities, in nats, from which on they are not the same:
far more than the rounding of half precision, and less than any shift or other model gives."""


@dataclass(frozen=True)
class Connection:
    """How a server scores, as it was when it was checked."""

    route: Route
    noise_floor: float
    """Largest difference between scores of one short text, alone and beside others, in nats."""
    starts: frozenset[bool]
    """Whether prompts may begin with the tokenizer's start, or without it; both as a rule."""
    sample: Asked
    """A short text, whose log-probabilities tell whether the server is still the same."""
    log_probs: tuple[float, ...]
    """Those, in nats."""

    def check_same(self, log_probs: Sequence[float], name: str) -> None:
        """Refuse to go on with a server that has become another.

        Raises:
            ServerError: If the sample's log-probabilities have changed.
        """
        found = _difference(log_probs, self.log_probs)
        if found > _DIFFERENT:
            raise ServerError(
                f"the server of {name} does not score a short text as it did when it was "
                f"connected to (by {found:.2f} nats a token on average): another model may run "
                "there now; connect again"
            )


def asked_for(encoder: TextEncoder, ids: tuple[int, ...], first: int) -> Asked:
    """Describe ids whose last ones are to be scored.

    Args:
        encoder: The model's tokenizer.
        ids: Prompt and, behind it, answer.
        first: Place of the first that is scored.
    """
    start = ids[0] if ids[0] == encoder.start_id else None
    return Asked(ids, first, encoder.written_out, start)


def check_route(calls: ServerCalls, route: Route, model: str, encoder: TextEncoder) -> Connection:
    """Find out whether a route gives log-probabilities that can be relied on.

    Raises:
        ServerError: If it does not; the message says what is wrong.
    """
    plain = encoder.encode_text(_TEXT).ids
    passed: dict[bool, tuple[Asked, list[float]]] = {}
    reasons: list[str] = []
    for led, ids in ((True, (encoder.start_id, *plain)), (False, plain)):
        try:
            passed[led] = _Check(calls, route, model, encoder).run(ids)
        except ServerError as error:
            reasons.append(str(error))
    if not passed:
        raise ServerError("; ".join(dict.fromkeys(reasons)))
    if reasons:
        shown = "without" if True in passed else "with"
        _logger.warning(
            "the server scores prompts %s the start token in another way, so those will be "
            "refused: %s",
            shown,
            reasons[0],
        )
    sample, log_probs = passed[True in passed]
    noise = _noise(calls, route, model, encoder, sample)
    return Connection(route, noise, frozenset(passed), sample, tuple(log_probs))


@dataclass(frozen=True)
class _Check:
    calls: ServerCalls
    route: Route
    model: str
    encoder: TextEncoder

    def run(self, ids: tuple[int, ...]) -> tuple[Asked, list[float]]:
        """Check the route with a prompt; return a sample that has passed, and its scores."""
        prompt = asked_for(self.encoder, ids, 1 + (ids[0] == self.encoder.start_id))
        self._check_spelling(prompt)
        written = self.route.written(
            self.calls.post(self.route.writing(self.model, prompt, _COUNT))
        )
        new = self._ids_of(written)
        sample = asked_for(self.encoder, (*ids, *new), len(ids))
        scored = self._log_probs(sample)
        found = _difference(scored, written.log_probs[: len(new)])
        if found > _DIFFERENT:
            raise ServerError(
                "the log-probabilities of a prompt's tokens are not those that the server gave "
                f"when it wrote them: they differ by {found:.2f} nats a token on average, "
                f"{_shown(scored)} against {_shown(written.log_probs)}"
            )
        self._check_others(ids, new[0], scored[0])
        whole = asked_for(self.encoder, sample.ids, prompt.first)
        return whole, self._log_probs(whole)

    def _log_probs(self, asked: Asked) -> list[float]:
        answer = self.calls.post(self.route.scoring(self.model, asked))
        return self.route.log_probs(answer, asked)

    def _check_spelling(self, prompt: Asked) -> None:
        """Find out whether the server takes the ids for the same text."""
        answer = self.calls.post(self.route.scoring(self.model, prompt))
        self.route.log_probs(answer, prompt)
        spelled = self.route.spelled(answer, prompt)
        if spelled is None:
            self._check_order(prompt)
        elif _plain(spelled) != _plain(self.encoder.decode(prompt.scored)):
            raise ServerError(
                f"the server reads the tokens of {_TEXT!r:.40} as {spelled!r:.60}: the tokenizer "
                "is not that of its model, pass tokenizer=…, the model's own"
            )

    def _check_order(self, prompt: Asked) -> None:
        """Find out, where the server spells nothing, whether the ids make sense to its model."""
        turned = asked_for(
            self.encoder, (*prompt.ids[: prompt.first], *prompt.scored[::-1]), prompt.first
        )
        gain = np.mean(self._log_probs(prompt)) - np.mean(self._log_probs(turned))
        if gain < _DIFFERENT:
            raise ServerError(
                "to the server's model, the tokens of a plain sentence are as likely backwards "
                f"({gain:.2f} nats a token): the tokenizer is hardly its own, pass tokenizer=…"
            )

    def _ids_of(self, written: Written) -> tuple[int, ...]:
        """Return the ids of what was written, as far as they are sure."""
        ids = written.ids
        if ids is None:
            ids = self.encoder.encode_text(written.text).ids if written.text.strip() else ()
        if not ids or len(ids) != len(written.log_probs):
            raise ServerError(
                f"the server wrote {written.text!r:.60} and {len(written.log_probs)} "
                "log-probabilities, so they cannot be compared with those of a prompt"
            )
        return tuple(ids)

    def _check_others(self, ids: tuple[int, ...], best: int, likeliest: float) -> None:
        """Find out whether a token gets its own log-probability, and not that of the likeliest."""
        others = {self.encoder.encode_text(text).ids[0] for text in _OTHERS} - {best}
        for other in others:
            found = self._log_probs(asked_for(self.encoder, (*ids, other), len(ids)))[0]
            if found >= likeliest - 1e-6:
                raise ServerError(
                    f"the token {other} gets a log-probability of {found:.3f} where the likeliest "
                    f"has {likeliest:.3f}: it is not the token's own"
                )


def _noise(
    calls: ServerCalls, route: Route, model: str, encoder: TextEncoder, sample: Asked
) -> float:
    """Score one text several times, between others of other lengths."""
    requests = [route.scoring(model, sample)] * _REPEATS
    if len(sample.scored) > 2:
        shorter = asked_for(encoder, sample.ids[:-2], sample.first)
        requests += [route.scoring(model, shorter), route.scoring(model, sample)] * _REPEATS
    answers = calls.post_each([(len(sample.ids), each) for each in requests], Budget())
    same = requests[0]
    sums = [
        sum(route.log_probs(answer, sample)) for place, answer in answers if requests[place] == same
    ]
    return max(sums) - min(sums)


def _difference(found: Sequence[float], expected: Sequence[float]) -> float:
    """Return the mean absolute difference, in nats; infinity where the lengths differ."""
    if len(found) != len(expected):
        return float("inf")
    return float(np.abs(np.subtract(found, expected)).mean())


def _plain(text: str) -> str:
    """Leave out what servers spell in their own ways: white space, and marks that stand for it."""
    return "".join(letter for letter in text if letter.isalnum() and letter.isascii())


def _shown(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
