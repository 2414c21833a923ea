"""What can go wrong with a call, one class for each family.

Every error of the client is a `DoorbusterError`; no error of HTTP reaches the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from doorbuster.v1 import PriceQuote


class DoorbusterError(Exception):
    """A call that did not succeed.

    `reason` is UPPER_SNAKE and closed, `field` the field of the request that is in the way (empty
    if none is), `code` the code of the Connect protocol (empty for a refusal), `retry_after` the
    seconds that the server asks to wait, `trace_id` finds the call in the traces of the server.

    `request_id` is that of a write: the same call with it gets the first answer, never a second
    effect. `maybe_done` tells that the write may have been carried out although there is no
    answer: repeat it with `request_id`, or ask what became of it.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        field: str = "",
        code: str = "",
        retry_after: float | None = None,
        trace_id: str = "",
        maybe_done: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.field = field
        self.code = code
        self.retry_after = retry_after
        self.trace_id = trace_id
        self.maybe_done = maybe_done
        self.request_id = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Refused(DoorbusterError):
    """A business "no" of the server, such as SOLD_OUT. Nothing is retried: it is an answer.

    `available_units` are those at the decision (None if it was not about units), `quote` what the
    order would cost now (of PRICE_CHANGED), `coupon_reason` why a coupon was denied (of
    COUPON_REFUSED), `answer` the whole response, and `position` its place in the log, for the
    `min_position` of a read.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        answer: Message,
        available_units: int | None = None,
        quote: PriceQuote | None = None,
        coupon_reason: str = "",
    ) -> None:
        super().__init__(message, reason=reason)
        self.answer = answer
        self.position: int = getattr(answer, "position", 0)
        self.available_units = available_units
        self.quote = quote
        self.coupon_reason = coupon_reason


class InvalidRequest(DoorbusterError):
    """The request is wrong, and `field` says where. Also raised before anything is sent."""


class LogChanged(InvalidRequest):
    """The resume token is of another log, or of an end that the log lost. Which events were missed
    is unknown: compare with `list_orders`, and follow anew with `after_position`."""


class NotFound(DoorbusterError):
    """What `field` names does not exist, or belongs to another buyer."""


class RequestIdReused(DoorbusterError):
    """The request id was used for a request with other fields."""


class NotAllowed(DoorbusterError):
    """The token is missing, unknown, over, or of a role or operator that may not do this."""


class Unavailable(DoorbusterError):
    """The server cannot answer now, or cannot be reached; the retries of the client are over."""


class DeadlineExceeded(DoorbusterError):
    """There was no answer within the timeout of the call."""


class ServerFault(DoorbusterError):
    """The server failed, or what answers is not a doorbuster server."""


#: The family of each code of the Connect protocol.
FAMILIES: dict[str, type[DoorbusterError]] = {
    "invalid_argument": InvalidRequest,
    "failed_precondition": InvalidRequest,
    "out_of_range": InvalidRequest,
    "not_found": NotFound,
    "already_exists": RequestIdReused,
    "unauthenticated": NotAllowed,
    "permission_denied": NotAllowed,
    "resource_exhausted": Unavailable,
    "unavailable": Unavailable,
    "aborted": Unavailable,
    "deadline_exceeded": DeadlineExceeded,
    "canceled": DeadlineExceeded,
    "unimplemented": ServerFault,
    "internal": ServerFault,
    "unknown": ServerFault,
    "data_loss": ServerFault,
}
