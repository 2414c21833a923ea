"""Which failures are tried again, and after which pause."""

import random
from collections.abc import Callable

from doorbuster.errors import DoorbusterError

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
