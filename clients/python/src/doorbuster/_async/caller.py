"""Calls of any RPC: deadlines, retries with the same request id, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, TypeVar, overload

import httpx
from google.protobuf.message import Message

from doorbuster import _retry, _wire
from doorbuster._slots import AsyncSlots
from doorbuster.errors import DeadlineExceeded, DoorbusterError

M = TypeVar("M", bound=Message)
S = TypeVar("S", bound="AsyncCaller")


class AsyncCaller:
    """A connection pool to one server."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:7423",
        *,
        token: str | None = None,
        operator: str = "",
        timeout: float = 10.0,
        attempts: int = 8,
        connections: int = 100,
        headers: Mapping[str, str] | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`url` is the address of the HTTP/JSON port, `token` one of a role that may call.
        `operator` is recorded with acts that name no other; a server with tokens takes it from the
        token.

        `timeout` is the time for a call with all of its attempts, in seconds; a call tries at most
        `attempts` times. At most `connections` calls are under way at once; the others wait.
        `headers` are sent with every call. `http` replaces the connection pool, for example for
        certificates or proxies of your own; it stays yours to close.
        """
        self.url = _wire.checked_url(url)
        for name, number in (("attempts", attempts), ("connections", connections)):
            if number < 1:
                raise _wire.invalid(name, f"{name} must be at least 1, not {number}")
        _wire.Deadline(timeout)
        self._timeout, self._attempts = timeout, attempts
        self._operator = operator
        self._headers = _wire.checked_headers(headers or {}, token)
        self._slots = AsyncSlots(connections)
        # Streams have connections beside those of calls.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=connections)
        self._http = http or httpx.AsyncClient(limits=limits)
        self._owned = http is None

    async def __aenter__(self: S) -> S:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._owned:
            await self._http.aclose()

    @overload
    async def call(
        self, method: str, request: Message, answer: type[M], *, timeout: float | None = None
    ) -> M: ...

    @overload
    async def call(
        self, method: str, request: Message, answer: None = None, *, timeout: float | None = None
    ) -> Any: ...

    async def call(
        self,
        method: str,
        request: Message,
        answer: type[M] | None = None,
        *,
        timeout: float | None = None,
    ) -> Any:
        """Calls any unary RPC, for example "ReportService/GetFunnel", and returns its response.

        `answer` is the class of the response, for type checkers. A write without a request id gets
        one. `timeout` in seconds is that of the client where absent.

        Raises `Refused` for a business "no", else another `DoorbusterError`.
        """
        rpc = _wire.rpc_named(method)
        if rpc.streams:
            raise _wire.invalid("method", f"method {rpc.name} answers with a stream: use stream()")
        body, headers, request_id = _wire.prepared(rpc, request, self._operator)
        deadline = _wire.Deadline(self._timeout if timeout is None else timeout)
        attempt, maybe_done = 1, False
        while True:
            try:
                return await self._attempt(rpc, body, headers, deadline)
            except DoorbusterError as error:
                maybe_done = maybe_done or error.maybe_done
                error.request_id = request_id
                pause = _retry.pause(attempt, error.retry_after)
                passing = _retry.is_passing(error)
                if passing or error.maybe_done or isinstance(error, DeadlineExceeded):
                    error.maybe_done = maybe_done and rpc.writes
                # A pause that ends after the deadline would only delay the error.
                if not passing or attempt >= self._attempts or pause >= deadline.seconds:
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def _attempt(
        self, rpc: _wire.Rpc, body: bytes, headers: Mapping[str, str], deadline: _wire.Deadline
    ) -> Message:
        if not await self._slots.taken(deadline.seconds):
            raise _wire.no_slot()
        try:
            answer = await self._http.post(
                self.url + rpc.path,
                content=body,
                headers={**self._headers, **headers, **deadline.headers()},
                timeout=deadline.waits(),
            )
        except httpx.TransportError as error:
            raise _wire.lost(error, self.url) from error
        finally:
            self._slots.release()
        kind = answer.headers.get("content-type", "")
        return _wire.decoded(rpc, answer.status_code, kind, answer.content)

    async def stream(
        self, method: str, request: Message, answer: type[M], *, timeout: float | None = None
    ) -> AsyncIterator[M]:
        """The messages of an RPC that answers with a stream, for example
        "AlertService/FollowAlerts". Without a timeout it may last for ever; nothing is retried."""
        rpc = _wire.rpc_named(method)
        if not rpc.streams:
            raise _wire.invalid("method", f"method {rpc.name} answers with one message: use call()")
        deadline = _wire.Deadline(timeout)
        envelopes = _wire.Envelopes(rpc)
        got = await self._opened(rpc, request, deadline.headers(), deadline.waits())
        try:
            async for chunk in got.aiter_bytes():
                for message in envelopes.feed(chunk):
                    yield message  # type: ignore[misc]
        except httpx.TransportError as error:
            raise _wire.lost(error, self.url) from error
        finally:
            await got.aclose()
        if not envelopes.ended:
            raise _wire.cut_off(self.url)

    async def _opened(
        self, rpc: _wire.Rpc, request: Message, more: Mapping[str, str], waits: httpx.Timeout
    ) -> httpx.Response:
        """The answer of a stream as soon as its headers are there; whoever asked closes it."""
        body, headers, _ = _wire.prepared(rpc, request, self._operator)
        headers = {**self._headers, **headers, **more}
        path = self.url + rpc.path
        asked = self._http.build_request("POST", path, content=body, headers=headers, timeout=waits)
        try:
            got = await self._http.send(asked, stream=True)
            if got.status_code == 200:
                return got
            said = await got.aread()
        except httpx.TransportError as error:
            raise _wire.lost(error, self.url) from error
        raise _wire.failure(got.status_code, said)
