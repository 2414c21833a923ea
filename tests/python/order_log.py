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


# Units that become available, and units that are taken.
ADDS = {"StockAllocated": 1, "OrderCancelled": 1, "OrderExpired": 1, "OrderRefunded": 1, "OrderPlaced": -1,
        "OrderReinstated": -1}


def logged(directory):
    """The events: id, position, item, kind, order."""
    log = sqlite3.connect(f"file:{directory / 'log.db'}?mode=ro", uri=True)
    try:
        found = log.execute("SELECT id, position, stream, kind, data FROM log ORDER BY position").fetchall()
    finally:
        log.close()
    return [(str(uuid.UUID(id)), position, stream.removeprefix("item-"), KINDS[kind], json.loads(data)["order_id"])
            for id, position, stream, kind, data in found if kind in KINDS]


def followed(directory):
    """The same with the sold-outs, each behind the order that took the last unit; for a shop without other acts."""
    orders = {event[0]: event for event in logged(directory)}
    log = sqlite3.connect(f"file:{directory / 'log.db'}?mode=ro", uri=True)
    available, events = {}, []
    try:
        for id, stream, kind, data in log.execute("SELECT id, stream, kind, data FROM log ORDER BY position"):
            event = orders.get(str(uuid.UUID(id)))
            events += [event] if event else []
            # Units that are of no use are not available again.
            if kind in ADDS and json.loads(data).get("restocked", True):
                before = available.get(stream, 0)
                available[stream] = before + ADDS[kind] * json.loads(data)["units"]
                if available[stream] == 0 < before:
                    _, position, item, _, order = event
                    events.append((str(uuid.uuid5(uuid.UUID(event[0]), "sold_out")), position, item, "SOLD_OUT", order))
    finally:
        log.close()
    return events


def told(events):
    """How many there are of each kind."""
    counts = {kind: sum(event[3] == kind for event in events) for kind in [*KINDS.values(), "SOLD_OUT"]}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
