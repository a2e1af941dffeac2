"""Requests to a server: several at a time under a limit, again where it is busy, never a secret."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError, MissingExtraError, ServerError
from attribot_integrations.scoring.servers.server_options import ServerOptions

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

    from attribot_integrations.scoring.budget import Budget

__all__ = ["Call", "RefusedError", "ServerCalls"]

_logger = logging.getLogger("attribot_integrations.scoring.servers")

Call = tuple[str, dict[str, Any]]
"""A path and the JSON that is posted there."""

_BUSY = (429, 502, 503, 504)
_CONNECT = 10.0
"""Most seconds until a connection stands."""
_LONGEST_PAUSE = 30.0
_TICK = 0.1
"""Seconds between two looks at whether the result is still wanted."""
_SHOWN = 300
"""Most characters of a server's own words in a message."""


class _TryAgainError(Exception):
    """Why a request is to be sent again, and after how many seconds if the server says so."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class RefusedError(ServerError):
    """A server answers that it will not do what it is asked."""

    def __init__(self, message: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class ServerCalls:
    """Sends requests to one server; may be shared by threads.

    Args:
        url: Address of the server, with or without "/v1" at its end. A user and a password in it
            are sent, and not shown.
        options: How it is spoken to.
        key_name: What the caller calls `options.api_key`, for messages.
        passes: Tells of a status and body whether they are worth another attempt, besides those
            of a busy server.

    Raises:
        ConfigurationError: If the address is none of a web server.
        MissingExtraError: If httpx or tenacity is not installed.
    """

    def __init__(
        self,
        url: str,
        options: ServerOptions,
        *,
        key_name: str = "api_key",
        passes: Callable[[int, bytes], bool] = lambda status, body: False,
    ) -> None:
        try:
            import httpx
            import tenacity  # noqa: F401  # needed later, and better missed now
        except ImportError as error:
            raise MissingExtraError("scoring on a server", "server") from error
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError) as error:
            raise ConfigurationError(f"the url of a server cannot be read: {error}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigurationError(
                "the url of a server must begin with http:// or https:// and name a host"
            )
        self._secrets = [each for each in (options.api_key, parsed.password) if each]
        self._auth = (parsed.username, parsed.password) if parsed.userinfo else None
        plain = parsed.copy_with(userinfo=b"", query=None, fragment=None)
        self.url: str = str(plain).rstrip("/").removesuffix("/v1")
        """The address without what is secret."""
        self._options = options
        self._key_name = key_name
        self._passes = passes
        self._client = options.client or self._own_client()
        self._headers = (
            {"Authorization": f"Bearer {options.api_key}"} if options.api_key is not None else {}
        )
        self._timeout = httpx.Timeout(options.timeout, connect=min(_CONNECT, options.timeout))
        self._pool = ThreadPoolExecutor(options.max_parallel, thread_name_prefix="attribot-server")

    def _own_client(self) -> httpx.Client:
        """Make a client whose connections are closed when nobody makes calls by it any more."""
        import httpx

        client = httpx.Client(limits=httpx.Limits(max_connections=self._options.max_parallel))
        weakref.finalize(self, client.close)
        return client

    def __repr__(self) -> str:
        return f"ServerCalls({self.url!r})"

    def get(self, path: str) -> Any:
        """Return what a path holds, as JSON; `None` if there is nothing of that kind.

        Raises:
            ServerError: If the server cannot be reached, or refuses the key.
        """
        try:
            return self._sent("GET", path, None, lambda: None)
        except _NotServedError:
            return None

    def post(self, call: Call) -> Any:
        """Return the JSON that a request is answered with.

        Raises:
            ServerError: If the server cannot be reached, refuses, or gives no JSON.
        """
        path, body = call
        try:
            return self._sent("POST", path, body, lambda: None)
        except _NotServedError as error:
            raise ServerError(str(error)) from error

    async def apost(self, call: Call) -> Any:
        """Do what `post` does; cancelling it closes the connection, so that the server can stop.

        With a client that was given, requests are sent by a thread, and what is on its way when it
        is cancelled is not withdrawn.

        Raises:
            ServerError: As `post`.
        """
        try:
            if self._options.client is None:
                return await self._asent(*call)
            unwanted = threading.Event()
            try:
                return await asyncio.to_thread(self._sent, "POST", *call, partial(_check, unwanted))
            finally:
                unwanted.set()
        except _NotServedError as error:
            raise ServerError(str(error)) from error

    def post_each(
        self, calls: Iterable[tuple[int, Call]], budget: Budget
    ) -> Iterator[tuple[int, Any]]:
        """Send requests, so many at a time as the limit allows.

        Args:
            calls: Tokens that each costs, and the request.
            budget: What may be spent; asked before each request, by this thread only.

        Yields:
            Place of a request and its answer, in the order in which they come. Requests that the
            budget has no room for are left out.

        Raises:
            ServerError: As `post`; what is on its way then is not waited for.
            CancelledError: If nobody waits for the result any more.
        """
        unwanted = threading.Event()
        waiting: dict[Future[Any], int] = {}
        try:
            for place, (tokens, call) in enumerate(calls):
                budget.check_wanted()
                if not budget.allows(tokens):
                    break
                budget.spend(tokens)
                job = partial(self._sent, "POST", *call, partial(_check, unwanted))
                waiting[self._pool.submit(job)] = place
                while len(waiting) >= 2 * self._options.max_parallel:
                    yield from _done(waiting, budget)
            while waiting:
                yield from _done(waiting, budget)
        except _NotServedError as error:
            raise ServerError(str(error)) from error
        finally:
            unwanted.set()
            for future in waiting:
                future.cancel()

    def _sent(
        self, method: str, path: str, body: dict[str, Any] | None, check: Callable[[], None]
    ) -> Any:
        """Send a request, again where that may help."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(self._options.attempts),
            wait=_pause,
            sleep=partial(_sleep, check=check),
            reraise=True,
        )
        with self._given_up():
            return retrying(self._once, method, path, body, check)

    async def _asent(self, path: str, body: dict[str, Any]) -> Any:
        """Do what `_sent` does on the event loop, by a connection of its own."""
        import httpx
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(self._options.attempts),
            wait=_pause,
            sleep=_asleep,
            reraise=True,
        )
        with self._given_up():
            async with httpx.AsyncClient(
                headers=self._headers, timeout=self._timeout, auth=self._auth
            ) as client:
                return await retrying(self._aonce, client, path, body)

    def _once(
        self, method: str, path: str, body: dict[str, Any] | None, check: Callable[[], None]
    ) -> Any:
        import httpx

        check()
        with self._faults(path):
            response = self._client.request(
                method,
                self.url + path,
                json=body,
                headers=self._headers,
                timeout=self._timeout,
                auth=self._auth or httpx.USE_CLIENT_DEFAULT,
            )
        return self._read(response, path)

    async def _aonce(self, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
        with self._faults(path):
            response = await client.post(self.url + path, json=body)
        return self._read(response, path)

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        try:
            yield
        except _TryAgainError as error:
            tried = f"{self._options.attempts} attempts" if self._options.attempts > 1 else "once"
            raise ServerError(f"{self.url} was tried {tried}: {error}") from error

    @contextmanager
    def _faults(self, path: str) -> Iterator[None]:
        """Tell what goes wrong on the way to the server and back."""
        import httpx

        try:
            yield
        except httpx.ReadTimeout as error:
            raise ServerError(
                f"{self.url}{path} gave no answer in {self._options.timeout:g} s: pass a longer "
                "timeout, or a lower max_parallel"
            ) from error
        except httpx.TransportError as error:
            reason = self._clean(f"{type(error).__name__}: {error}")
            raise _TryAgainError(f"it cannot be reached ({reason})") from error

    def _read(self, response: httpx.Response, path: str) -> Any:
        status = response.status_code
        if status == 200:
            try:
                return json.loads(response.content)
            except ValueError as error:
                if path in ("/props", "/api/version", "/v1/models"):  # a page about something else
                    raise _NotServedError(f"{self.url}{path} gives no JSON") from error
                raise _TryAgainError("its answer is no whole JSON") from error
        said = self._clean(response.text.strip()[:_SHOWN])
        what = f"{self.url}{path} answers with status {status}" + (f": {said}" if said else "")
        if status in _BUSY or self._passes(status, response.content):
            raise _TryAgainError(what, _seconds(response.headers.get("Retry-After")))
        if status in (404, 405, 501):
            raise _NotServedError(what)
        if status in (401, 403):
            raise ServerError(f"{what}; pass the server's key as {self._key_name}")
        raise RefusedError(what, status, response.content)

    def _clean(self, text: str) -> str:
        """Take secrets out of what others say."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


class _NotServedError(Exception):
    """The server has no such path."""


def _check(unwanted: threading.Event) -> None:
    if unwanted.is_set():
        raise ServerError("the request is not wanted any more")


def _done(waiting: dict[Future[Any], int], budget: Budget) -> Iterator[tuple[int, Any]]:
    """Yield the next answers, looking up now and then whether they are wanted."""
    finished: set[Future[Any]] = set()
    while not finished:
        budget.check_wanted()
        finished, _ = wait(waiting, timeout=_TICK, return_when=FIRST_COMPLETED)
    for future in finished:
        place = waiting.pop(future)
        yield place, future.result()


def _pause(state: RetryCallState) -> float:
    """Return how many seconds to wait: what the server asks for, or a random, growing time."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, _TryAgainError) else None
    if asked is not None:
        return min(asked, _LONGEST_PAUSE)
    return wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE)(state)


def _sleep(seconds: float, check: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(left, _TICK))


async def _asleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _seconds(retry_after: str | None) -> float | None:
    """Read the seconds of a Retry-After header; a date, which hardly any server sends, is not."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
