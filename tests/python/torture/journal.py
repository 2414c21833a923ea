"""The calls of the clients, their answers, and their times.

Times are those of one monotonic clock: all buyers are threads of one process. A call without `ended` was
never answered: it may or may not have taken effect.
"""

import dataclasses
import threading
import time
import typing

# Nanoseconds, or whatever else only grows: another check counts by it what the server had written by then.
clock = time.monotonic_ns


class Place(typing.NamedTuple):
    buyer: str
    units: int
    channel: str


class Pay(typing.NamedTuple):
    order_id: str
    reference: str
    amount: int
    currency: str


class Cancel(typing.NamedTuple):
    order_id: str
    buyer: str


class Look(typing.NamedTuple):
    """GetOutcome of the request with the call's id."""

    buyer: str


class Steer(typing.NamedTuple):
    """Pauses, resumes, or allocates units to a warehouse."""

    act: str
    warehouse: str = ""
    units: int = 0


class Order(typing.NamedTuple):
    """An order as an answer shows it. Times are milliseconds of the server's clock."""

    order_id: str
    item: str
    buyer: str
    units: int
    unit_price: int
    total: int
    currency: str
    state: str
    placed_ms: int
    pay_by_ms: int


class Answer(typing.NamedTuple):
    """Either an order (or, to an operator, nothing more) or the reason of a refusal."""

    order: Order | None
    refusal: str | None
    available: int
    revision: int
    position: int


class Error(typing.NamedTuple):
    """A status instead of an answer; `reason` is that of the server's ErrorInfo, if it sent one."""

    code: str
    reason: str
    message: str


@dataclasses.dataclass(slots=True)
class Call:
    item: str
    request_id: str
    body: Place | Pay | Cancel | Look | Steer
    route: str = "unary"
    sent: int = 0
    ended: int | None = None
    answer: Answer | None = None
    error: Error | None = None
    # When its client stopped waiting, where it did so without `ended`: its stream broke.
    gave_up: int | None = None
    # The thread that asked.
    caller: str = ""

    def send(self):
        self.caller = threading.current_thread().name
        self.sent = clock()
        return self

    def end(self, answer=None, error=None):
        self.answer, self.error = answer, error
        self.ended = clock()
        return self

    def over(self):
        """When its client stopped waiting for it; None if it never did."""
        return self.ended if self.ended is not None else self.gave_up

    def again(self):
        """The same request, not sent yet."""
        return Call(self.item, self.request_id, self.body)


class Terms(typing.NamedTuple):
    """What the sale was created with, for one item."""

    price: int
    currency: str
    time_to_pay_ms: int
    per_buyer: int | None
    per_order: int | None
    units: dict


class Event(typing.NamedTuple):
    """A line of `doorbuster log read --json`."""

    position: int
    item: str
    revision: int
    kind: str
    data: dict


class History(typing.NamedTuple):
    """All data that is checked."""

    terms: dict  # of each item, by its id
    calls: list
    events: list  # of the items, in the order of the log
