"""Order events as an iterator that outlasts lost connections and restarts of the server."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, TypeVar

import httpx
from google.protobuf.message import Message

from doorbuster import _retry, _wire, v1
from doorbuster._async.caller import AsyncCaller
from doorbuster._stop import AsyncStop
from doorbuster.errors import DoorbusterError

F = TypeVar("F", bound="AsyncOrderFollower")
RPC = _wire.rpc_named("OrderService/FollowOrders")

logger = logging.getLogger("doorbuster")


class AsyncOrderFollower:
    """The messages of FollowOrders, each once and in the order of the log.

    Where the connection is lost or the server ends the stream, the iterator connects again and
    continues behind the last message that it gave; each of these failures is a warning of the
    logger "doorbuster". What the server says about the request (`LogChanged`, `InvalidRequest`,
    `NotFound`, `NotAllowed`) is raised.

    `resume_token` is that of the last message, also of one that was skipped. One task or thread
    iterates; any may close.
    """

    def __init__(
        self,
        caller: AsyncCaller,
        request: v1.FollowOrdersRequest,
        *,
        progress: bool,
        idle_timeout: float,
        give_up_after: float | None,
    ) -> None:
        for name, seconds in (("idle_timeout", idle_timeout), ("give_up_after", give_up_after)):
            if seconds is not None and not seconds > 0:
                raise _wire.invalid(name, f"{name} must be more than 0 seconds, not {seconds!r}")
        self.resume_token = request.resume_token
        self._caller, self._request, self._progress = caller, request, progress
        self._waits = httpx.Timeout(idle_timeout)
        self._outage = _retry.Outage(give_up_after)
        self._stop = AsyncStop()
        self._answer: httpx.Response | None = None
        self._opened_at = 0.0
        self._chunks: AsyncIterator[bytes]
        self._envelopes: _wire.Envelopes
        self._messages: Iterator[Message]

    async def __aenter__(self: F) -> F:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the iterator, also one that another task or thread waits for."""
        self._stop.set()
        if self._answer is not None:
            _wire.hang_up(self._answer)
        await self._drop()

    def __aiter__(self: F) -> F:
        return self

    async def __anext__(self) -> v1.FollowOrdersResponse:
        while not self._stop.is_set():
            try:
                message = await self._message()
            except BaseException as error:
                await self._failed(error)
                continue
            self._outage.ended()
            self.resume_token = message.resume_token
            if self._progress or message.HasField("event"):
                return message
        raise StopAsyncIteration

    async def _failed(self, error: BaseException) -> None:
        """Pauses before the next attempt; raises the error where there is none."""
        # Without a message, only a connection that lasted shows that the server answers.
        open_for = 0.0 if self._answer is None else time.monotonic() - self._opened_at
        if open_for >= _retry.LONGEST_PAUSE:
            self._outage.ended()
        # A task that is cancelled may continue later: the token says what it was given.
        await self._drop()
        if self._stop.is_set() and isinstance(error, Exception):
            return
        if not isinstance(error, DoorbusterError):
            raise error
        pause = self._outage.pause(error)
        logger.warning("order events: %s; connecting again in %.2f s", error, pause)
        await self._stop.within(pause)

    async def _message(self) -> v1.FollowOrdersResponse:
        if self._answer is None:
            self._answer = await self._caller._opened(RPC, self._next_request(), {}, self._waits)
            self._opened_at = time.monotonic()
            self._chunks = self._answer.aiter_bytes()
            self._envelopes = _wire.Envelopes(RPC)
            self._messages = iter(())
        while (message := next(self._messages, None)) is None:
            if self._envelopes.ended or self._stop.is_set():
                raise _wire.ended(self._caller.url)
            try:
                chunk = await self._chunks.__anext__()
            except StopAsyncIteration:
                raise _wire.cut_off(self._caller.url) from None
            except httpx.TransportError as error:
                raise _wire.lost(error, self._caller.url) from error
            self._messages = self._envelopes.feed(chunk)
        got: Any = message
        return got  # type: ignore[no-any-return]

    def _next_request(self) -> v1.FollowOrdersRequest:
        request = v1.FollowOrdersRequest()
        request.CopyFrom(self._request)
        if self.resume_token:
            request.resume_token = self.resume_token
            request.ClearField("after_position")
        return request

    async def _drop(self) -> None:
        """Closes the connection."""
        answer, self._answer = self._answer, None
        if answer is not None:
            # One that is broken, or that another thread reads, may not close cleanly.
            with contextlib.suppress(httpx.HTTPError, RuntimeError, OSError):
                await answer.aclose()
