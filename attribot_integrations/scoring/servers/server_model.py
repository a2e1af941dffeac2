"""A scoring model that a server runs: its log-probabilities, with a tokenizer here."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError, PromptTooLongError, ServerError
from attribot_integrations.results.fitted import MIN_SCORE
from attribot_integrations.scoring.protocols import Draft
from attribot_integrations.scoring.servers.connecting import Connection, asked_for, check_route
from attribot_integrations.scoring.servers.interfaces import obstacle, routes_of
from attribot_integrations.scoring.servers.server_options import ServerOptions
from attribot_integrations.scoring.servers.server_scorer import ServerScorer
from attribot_integrations.scoring.servers.server_tokenizer import load_encoder
from attribot_integrations.scoring.servers.transport import ServerCalls
from attribot_integrations.tokens.ablated import AblatedText

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from typing_extensions import Unpack

    from attribot_integrations.context.prompts import Prompt
    from attribot_integrations.scoring.budget import Budget
    from attribot_integrations.scoring.servers.routes import Api
    from attribot_integrations.scoring.servers.server_options import ServerKeywords
    from attribot_integrations.tokens.encoding import TextEncoder

__all__ = ["ServerModel"]

_logger = logging.getLogger("attribot_integrations.scoring.servers")


class _NothingHeld:
    """What is kept of a context here: the server has its own cache."""

    def let_go(self) -> bool:
        """Tell that there was nothing."""
        return False


@dataclass(frozen=True)
class ServerModel:
    """A causal language model on a server, which gives the log-probabilities of prompts."""

    name: str
    """The server's name for the model."""
    encoder: TextEncoder = field(repr=False)
    calls: ServerCalls
    connection: Connection = field(repr=False)
    """How the server scores, as it was when it was checked."""
    context_length: int | None
    """Most tokens of prompt and answer; `None` if the server does not tell."""
    parameters: int = 0
    """Unknown."""
    can_knock_out: bool = False
    """No server masks attention."""

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        model: str | None = None,
        api: Api = "auto",
        tokenizer: str | Path | PreTrainedTokenizerBase | None = None,
        **server: Unpack[ServerKeywords],
    ) -> ServerModel:
        """Find out which interface of a server gives log-probabilities to rely on.

        Some twenty short requests are sent.

        Args:
            url: Address of the server, such as "http://localhost:8000".
            model: The server's name for the model; not needed where it has only one.
            api: Its interface, "vllm", "vllm-tokens", "sglang" or "echo"; by default the first that
                works.
            tokenizer: The model's own: name on the hub, folder, `tokenizer.json`, or one that is
                loaded. By default the model's name is the tokenizer's, too.
            **server: `api_key`, `timeout`, `max_parallel`, `attempts`, `chat_options` and `client`,
                see `ServerOptions`.

        Raises:
            ConfigurationError: If an argument has a value that it cannot have, or the server has no
                such model.
            ServerError: If the server cannot be reached, gives no log-probabilities of prompts, or
                wrong ones; the message says what is wrong with each interface.
            ModelError: If the tokenizer cannot be loaded.
            MissingExtraError: If httpx or tenacity is not installed.
        """
        options = ServerOptions(**server)
        routes = routes_of(api)
        calls = ServerCalls(url, options)
        name, length = _model_on(calls, model)
        encoder = load_encoder(tokenizer if tokenizer is not None else name, options.chat_options)
        reasons: list[str] = []
        for route in routes:
            try:
                connection = check_route(calls, route, name, encoder)
            except ServerError as error:
                reasons.append(f"{route.name}: {error}")
                continue
            _report(name, connection)
            return cls(name, encoder, calls, connection, length)
        known = obstacle(calls)
        if known:
            raise ServerError(f"{calls.url} cannot score prompts, for {known}")
        tried = "\n- ".join(reasons)
        raise ServerError(f"{calls.url} cannot be relied on to score prompts:\n- {tried}")

    @property
    def way(self) -> str:
        """Name of the interface that it scores by."""
        return self.connection.route.name

    @property
    def noise_floor(self) -> float:
        """Largest difference between scores of one short text, alone and beside others, in nats.

        A source's score below twice of it is noise.
        """
        return self.connection.noise_floor

    @property
    def uses_chat_template(self) -> bool:
        """Whether chat messages are put into a chat format of the model's own."""
        return self.encoder.uses_chat_template

    def runs(self, model: object) -> bool:
        """Tell whether this is what it runs: never, a framework's model is another object."""
        return False

    def scorer(
        self,
        prompt: Prompt,
        answer: str,
        *,
        token_budget: int | None = None,
        generated_ids: Sequence[int] | None = None,
        held: Any = None,
        drafted: Draft | None = None,
        budget: Budget | None = None,
    ) -> ServerScorer:
        """Return a `ServerScorer`, see `ScoringModel.scorer`.

        How many tokens a pass takes, and what is kept of a context, is the server's business.
        """
        return ServerScorer(self, prompt, answer, generated_ids=generated_ids, budget=budget)

    def hold_context(self, most_bytes: int | None = None) -> _NothingHeld:
        """Return what keeps nothing: the server has a cache of its own."""
        return _NothingHeld()

    def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
        """Answer a prompt by the likeliest tokens, so many at most.

        Raises:
            PromptTooLongError: If the prompt alone exceeds the model's context.
            ServerError: If the server cannot be reached.
        """
        ids = AblatedText(self.encoder, prompt, frozenset()).ids
        room = max_new_tokens
        if self.context_length is not None:
            room = min(room, self.context_length - len(ids))
            if room < 1:
                raise PromptTooLongError(
                    f"the prompt takes {len(ids):,} positions, and {self.name} has "
                    f"{self.context_length:,} on its server: pass fewer or shorter chunks"
                )
        route = self.connection.route
        reply = self.calls.post(route.writing(self.name, asked_for(self.encoder, ids, 1), room))
        self.check_name(reply)
        written = route.written(reply)
        text = written.text if written.ids is None else self.encoder.decode(written.ids)
        count = len(written.log_probs)
        return Draft(text.strip(), None, len(ids) + max(0, count - 1), max(1, count))

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, those that the model adds by itself left out."""
        return len(self.encoder.encode_text(text).ids)

    def check_name(self, reply: Any) -> None:
        """Refuse what another model has answered.

        Raises:
            ServerError: If the answer names another.
        """
        named = reply.get("model") if isinstance(reply, Mapping) else None
        if named is not None and named != self.name:
            raise ServerError(f"the server answers for the model {named!r:.60}, not {self.name!r}")


def _model_on(calls: ServerCalls, model: str | None) -> tuple[str, int | None]:
    """Return the name of the model, and how long its prompts may be if the server tells."""
    listed: Any = calls.get("/v1/models")
    entries = listed.get("data") if isinstance(listed, Mapping) else None
    known = {
        str(each["id"]): each
        for each in (entries if isinstance(entries, list) else [])
        if isinstance(each, Mapping) and "id" in each
    }
    if model is None:
        if len(known) != 1:
            raise ConfigurationError(
                f"model must be given, for the server lists {sorted(known) or 'no models'}"
            )
        model = next(iter(known))
    elif known and model not in known:
        raise ConfigurationError(f"the server has no model {model!r}, but {sorted(known)}")
    length = known.get(model, {}).get("max_model_len")
    return model, length if isinstance(length, int) else None


def _report(name: str, connection: Connection) -> None:
    noise = connection.noise_floor
    _logger.info(
        "%s is scored by the interface %s, noise floor %.4f nats",
        name,
        connection.route.name,
        noise,
    )
    if 2 * noise >= MIN_SCORE:
        _logger.warning(
            "the server scores the same text differently by up to %.2f nats, and sources are cited "
            "from %.2f nats on: raise min_score of CiteDependence, or make the server "
            "deterministic (float32, VLLM_BATCH_INVARIANT=1)",
            noise,
            MIN_SCORE,
        )
