"""Which failures are tried again, and after which pause."""

import random
import time
from collections.abc import Callable

from doorbuster.errors import DeadlineExceeded, DoorbusterError

#: Bounds of the random part of the pause, in seconds.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 2.0

#: Codes of failures that pass.
PASSING = {"unavailable", "aborted"}


def is_passing(error: DoorbusterError) -> bool:
    """Whether the same request may succeed later. RESOURCE_EXHAUSTED also stands for a message that
    is too large; only an overload comes with a delay."""
    overload = error.code == "resource_exhausted" and error.retry_after is not None
    return error.code in PASSING or overload


def pause(
    attempt: int, hint: float | None, uniform: Callable[[float, float], float] = random.uniform
) -> float:
    """Seconds before the next attempt: never less than the server asks for, and full jitter above
    that, so that clients which failed together do not return together."""
    return (hint or 0.0) + uniform(0.0, min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1)))


class Outage:
    """The failures of a stream since its server answered last."""

    def __init__(self, give_up_after: float | None) -> None:
        self._give_up_after = give_up_after
        self._attempts, self._since = 0, 0.0

    def ended(self) -> None:
        """The server answers: a later failure is the first one again."""
        self._attempts = 0

    def pause(self, error: DoorbusterError) -> float:
        """Seconds before the next attempt; raises the error where there is none."""
        error.maybe_done = False
        if not is_passing(error) and not isinstance(error, DeadlineExceeded):
            raise error
        if self._attempts == 0:
            self._since = time.monotonic()
        self._attempts += 1
        seconds = pause(self._attempts, error.retry_after)
        lasts = time.monotonic() - self._since + seconds
        if self._give_up_after is not None and lasts >= self._give_up_after:
            self._attempts = 0
            raise error
        return seconds
