"""A bound on the calls that are under way at once, for asyncio and for threads.

A call waits here and not in the pool of connections, so that the time it waited is taken from what
the server may take.
"""

import asyncio
import threading


class AsyncSlots:
    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def taken(self, seconds: float) -> bool:
        """Waits for a slot, at most so long; whether there is one."""
        try:
            await asyncio.wait_for(self._free.acquire(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    def release(self) -> None:
        self._free.release()


class Slots:
    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)

    def taken(self, seconds: float) -> bool:
        return self._free.acquire(timeout=seconds)

    def release(self) -> None:
        self._free.release()
