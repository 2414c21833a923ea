"""Client of doorbuster, a flash-sale order system.

`Doorbuster` blocks, `AsyncDoorbuster` is for asyncio; both have the same methods. Messages are in
`doorbuster.v1`, webhooks in `doorbuster.webhooks`.
"""

from doorbuster import v1, webhooks
from doorbuster._async.client import AsyncDoorbuster
from doorbuster._async.follow import AsyncOrderFollower
from doorbuster._sync.client import Doorbuster
from doorbuster._sync.follow import OrderFollower
from doorbuster._wire import HEAD, FetchedExport, read_sale
from doorbuster.errors import (
    DeadlineExceeded,
    DoorbusterError,
    InvalidRequest,
    LogChanged,
    NotAllowed,
    NotFound,
    Refused,
    RequestIdReused,
    ServerFault,
    Unavailable,
)

__all__ = [
    "HEAD",
    "AsyncDoorbuster",
    "AsyncOrderFollower",
    "DeadlineExceeded",
    "Doorbuster",
    "DoorbusterError",
    "FetchedExport",
    "InvalidRequest",
    "LogChanged",
    "NotAllowed",
    "NotFound",
    "OrderFollower",
    "Refused",
    "RequestIdReused",
    "ServerFault",
    "Unavailable",
    "read_sale",
    "v1",
    "webhooks",
]
