"""Tells an iterator to end, for asyncio and for threads, also while it pauses."""

import asyncio
import threading


class AsyncStop:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def within(self, seconds: float) -> None:
        """Waits for so long, or until it is set."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except asyncio.TimeoutError:
            return


class Stop:
    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def within(self, seconds: float) -> None:
        self._event.wait(seconds)
