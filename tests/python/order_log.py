"""The events of orders as they stand in the log of a data directory, read by SQLite alone."""

import json
import sqlite3
import uuid

# What the log and FollowOrders call them.
KINDS = {
    "OrderPlaced": "PLACED", "LimitGranted": "LIMIT_GRANTED", "CouponApplied": "COUPON_APPLIED",
    "CouponDenied": "COUPON_DENIED", "OrderPaid": "PAID", "PaymentFailed": "PAYMENT_FAILED",
    "HoldExtended": "HOLD_EXTENDED", "OrderCancelled": "CANCELLED", "OrderExpired": "EXPIRED",
    "OrderReinstated": "REINSTATED", "RefundDue": "REFUND_DUE", "OrderRefunded": "REFUNDED",
    "RefundSettled": "REFUND_SETTLED",
}


def logged(directory):
    """The events: id, position, item, kind, order."""
    log = sqlite3.connect(f"file:{directory / 'log.db'}?mode=ro", uri=True)
    try:
        found = log.execute("SELECT id, position, stream, kind, data FROM log ORDER BY position").fetchall()
    finally:
        log.close()
    return [(str(uuid.UUID(id)), position, stream.removeprefix("item-"), KINDS[kind], json.loads(data)["order_id"])
            for id, position, stream, kind, data in found if kind in KINDS]


def told(events):
    """How many there are of each kind."""
    counts = {kind: sum(event[3] == kind for event in events) for kind in KINDS.values()}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
