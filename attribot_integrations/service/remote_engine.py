"""`RemoteEngine`: an engine whose model runs in a service, started by `attribot serve`.

It needs neither torch nor transformers, and no model.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from attribot_integrations.context.given_chunks import given_chunks
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.errors import (
    ConfigurationError,
    InputError,
    ServerError,
    free_frames,
)
from attribot_integrations.filtering.chunk_scoring import check_granularity, named_signal
from attribot_integrations.requests.options import (
    AttributionRequest,
    EngineOptions,
    given_options,
)
from attribot_integrations.results import FailedAttribution
from attribot_integrations.scoring.servers.server_options import ServerOptions
from attribot_integrations.scoring.servers.transport import Call, RefusedError, ServerCalls
from attribot_integrations.service.wire import check_version, filter_to_wire, request_to_wire
from attribot_integrations.service.wire_fields import parse_json
from attribot_integrations.service.wire_options import options_to_wire
from attribot_integrations.service.wire_prompts import RenderedPrompt, render_prompt
from attribot_integrations.service.wire_results import (
    attribution_from_wire,
    error_from_wire,
    scores_from_wire,
)

if TYPE_CHECKING:
    import httpx

    from attribot_integrations.context.given_chunks import GivenChunk
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.filtering import (
        ChunkScores,
        Granularity,
        RelevanceSignal,
        SignalName,
    )
    from attribot_integrations.results import Attribution

__all__ = ["RemoteEngine"]

_logger = logging.getLogger(__name__)


class RemoteEngine:
    """Asks a service which sources an answer depends on; takes an `AttributionEngine`'s place.

    It may be shared by threads and tasks. Texts are sent, and of metadata the titles only; results
    hold the caller's own chunks. Nothing is asked of the service before the first call.

    Args:
        url: Address of the service, such as "http://127.0.0.1:8000".
        token: The service's bearer token, if it has one; shown and logged nowhere.
        options: What to ask for with each request; by default the service's own options. Those that
            are objects of your own, such as a verifier, are chosen where the service starts.
        timeout: Most seconds that the service may take for one answer, its queue included.
        max_parallel: Most requests of `attribute_batch` on their way at a time.
        attempts: How often a request is sent at most where the service is busy or restarts (429,
            502, 503, 504, or the connection breaks), with growing random pauses, or those that it
            asks for.
        client: A client to send requests with, for certificates or proxies of your own.

    Raises:
        ConfigurationError: If an argument has a value that it cannot have.
        MissingExtraError: If httpx or tenacity is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        options: EngineOptions | None = None,
        timeout: float = 120.0,
        max_parallel: int = 8,
        attempts: int = 6,
        client: httpx.Client | None = None,
    ) -> None:
        if token is not None and not (isinstance(token, str) and token.isascii() and token.strip()):
            raise ConfigurationError("token must be a str of printable ASCII, and not blank")
        how = ServerOptions(token, timeout, max_parallel, attempts, client=client)
        self.options: EngineOptions | None = None
        """What is asked for with each request; `None` for the service's own options."""
        if options is not None:
            self.options = given_options(options, EngineOptions())
            options_to_wire(self.options)  # what cannot be sent is better told here
        self._calls = ServerCalls(url, how, key_name="token", passes=_replica_is_gone)
        self._parallel = max_parallel
        self._described: Mapping[str, Any] | None = None
        self._model: str | None = None

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._calls.url

    def describe(self) -> Mapping[str, Any]:
        """Return what the service says of itself: version, models, default method, limits.

        Raises:
            ServerError: If it cannot be reached, refuses the token, is none, or speaks another
                version.
        """
        with self._own_errors():
            found = self._calls.get("/v1/model")
        if not isinstance(found, Mapping) or "uses_chat_template" not in found:
            raise ServerError(f"{self.url} is no attribution service: it has no /v1/model")
        try:
            check_version(found.get("wire"))
        except InputError as error:
            raise ServerError(f"{self.url} speaks another version: {error}") from error
        self._check_model(found.get("model"))
        self._described = found
        return found

    def attribute(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Do what `AttributionEngine.attribute` does.

        Raises:
            InputError: If question, chunks, answer or prompt cannot be attributed.
            ModelError: If the service's model cannot be used.
            ServerError: If the service cannot be reached, stays busy, or gives no whole answer to
                this very request.
        """
        request = AttributionRequest(question, given_chunks(chunks), answer, prompt, id)
        return self.attribute_request(request, options=options)

    async def aattribute(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        answer: str,
        *,
        prompt: CapturedPrompt | PromptTemplate | None = None,
        options: EngineOptions | None = None,
        id: str | None = None,
    ) -> Attribution:
        """Do what `attribute` does, leaving the event loop free.

        When it is cancelled, the connection is closed, and the service stops behind the pass that
        it is in.
        """
        request = AttributionRequest(question, given_chunks(chunks), answer, prompt, id)
        call = self._call(request, options)
        with self._own_errors():
            answered = await self._calls.apost(call)
        return self._attribution(answered, request)

    def attribute_batch(
        self,
        requests: Iterable[AttributionRequest],
        *,
        options: EngineOptions | None = None,
        progress: bool = True,
        raise_error: bool = False,
    ) -> list[Attribution | FailedAttribution]:
        """Do what `AttributionEngine.attribute_batch` does, several requests at a time.

        The service gathers those that share their chunks.
        """
        given: object = requests
        if not isinstance(given, Iterable):
            raise InputError(
                f"requests must be a list of AttributionRequest objects, not {type(given).__name__}"
            )

        def one(request: AttributionRequest) -> Attribution | FailedAttribution:
            try:
                return self.attribute_request(request, options=options)
            except Exception as error:
                if raise_error:
                    raise
                id_ = getattr(request, "id", None)  # it may be no request at all
                _logger.warning("attribution of request %r failed: %s", id_, error)
                free_frames(error)
                return FailedAttribution(error, id_)

        waiting = list(requests)
        with (
            ThreadPoolExecutor(self._parallel, thread_name_prefix="attribot-remote") as pool,
            tqdm(total=len(waiting), desc="attributing", disable=not progress) as bar,
        ):
            found: list[Attribution | FailedAttribution] = []
            try:
                for result in pool.map(one, waiting):
                    found.append(result)
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return found

    def attribute_request(
        self, request: AttributionRequest, *, options: EngineOptions | None = None
    ) -> Attribution:
        """Do what `attribute` does, with the arguments in one object."""
        call = self._call(request, options)
        with self._own_errors():
            answered = self._calls.post(call)
        return self._attribution(answered, request)

    @property
    def uses_chat_template(self) -> bool:
        """Whether the service's target puts chat messages into a chat format of its own.

        True where the service cannot be asked: requests will fail then, and say why.
        """
        try:
            described = self._described or self.describe()
        except ServerError as error:
            _logger.debug("the service cannot be asked about its model: %s", error)
            return True
        return bool(described["uses_chat_template"])

    def runs(self, model: object) -> bool:
        """Return that no model of this process is the service's."""
        return False

    def sharing_context(self) -> RemoteEngine:
        """Return the engine itself: the service gathers requests that have the same chunks."""
        return self

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[GivenChunk],
        *,
        signal: RelevanceSignal | SignalName = "words",
        granularity: Granularity = "chunk",
        options: EngineOptions | None = None,
    ) -> ChunkScores:
        """Do what `AttributionEngine.score_chunks` does; the signal is given by its name.

        Raises:
            InputError: If the question is blank, or chunks are of a wrong type or do not fit in.
            ConfigurationError: If the signal or granularity is unknown, or cannot be sent.
            ServerError: As `attribute`.
        """
        if not isinstance(signal, str):
            raise ConfigurationError(
                f"a signal is sent to a service by its name, got {named_signal(signal)!r:.60}"
            )
        named_signal(signal)
        check_granularity(granularity)
        chosen = given_options(options, self.options or EngineOptions())
        options_to_wire(chosen)
        if chosen.template != ContextTemplate():
            raise ConfigurationError("the template of filters is chosen where the service starts")
        given = given_chunks(chunks)
        call = "/v1/filter", filter_to_wire(question, given, signal, granularity)
        with self._own_errors():
            answered = self._calls.post(call)
        found = scores_from_wire(answered, question, given)
        self._check_model(answered.get("model"))
        return found

    def _call(self, request: object, options: EngineOptions | None) -> Call:
        if not isinstance(request, AttributionRequest):
            raise InputError(
                "a request must be an AttributionRequest(question, chunks, answer), "
                f"not {type(request).__name__}"
            )
        chosen = self.options if options is None else given_options(options, EngineOptions())
        template = None if chosen is None else chosen.template
        prompt = request.prompt
        if prompt is None and template != ContextTemplate():
            prompt = template
        if callable(prompt) and not isinstance(prompt, RenderedPrompt):
            prompt = render_prompt(prompt, request.question, request.chunks)
        return "/v1/attribute", request_to_wire(replace(request, prompt=prompt), chosen)

    def _attribution(self, answered: Any, request: AttributionRequest) -> Attribution:
        found = attribution_from_wire(answered, request)
        self._check_model(answered.get("model"))
        return found

    def _check_model(self, model: object) -> None:
        """Refuse scores of another model than the first that answered."""
        if not isinstance(model, str):
            raise ServerError(f"{self.url} does not say which model it runs, but {model!r:.60}")
        if self._model is None:
            self._model = model
        if model != self._model:
            raise ServerError(
                f"{self.url} runs another model than before, {model!r:.80} and not "
                f"{self._model!r:.80}: scores of both cannot be compared; make a new RemoteEngine"
            )

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Raise what the service tells as the errors of an engine in this process."""
        try:
            yield
        except RefusedError as error:
            try:
                told = error_from_wire(parse_json(error.body))
            except InputError:
                told = None
            raise (told or ServerError(str(error))) from error

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "a RemoteEngine cannot be pickled, for it may hold a token: build one in each process"
        )

    def __repr__(self) -> str:
        return f"RemoteEngine({self.url!r})"


def _replica_is_gone(status: int, body: bytes) -> bool:
    """Tell whether a 500 is of what stands before a service, such as Ray where a replica dies."""
    if status != 500:
        return False
    try:
        told = parse_json(body)
    except InputError:
        return True
    return not (isinstance(told, dict) and "wire" in told)
