"""The sequential specification of one item, from the contract in the proto files and the README.

It applies the item's events one by one and reports events that are invalid at their place. It keeps the
item's state after each revision, so that any answer can be compared with the state that it rests on.
"""

import dataclasses

from .journal import Order

ENDED = {"OrderPaid": "PAID", "OrderCancelled": "CANCELLED", "OrderExpired": "EXPIRED"}
REFUND_STATES = {
    "order_expired": "EXPIRED",
    "order_cancelled": "CANCELLED",
    "already_paid": "PAID",
}
# The refusal of a payment, by the cause of the refund.
REFUND_REASONS = {
    "order_expired": "ORDER_EXPIRED",
    "order_cancelled": "ORDER_CANCELLED",
    "already_paid": "ALREADY_PAID",
}
PLANNED = ("ItemAdded", "ItemScheduled", "PurchaseLimitSet", "ReserveSet")


@dataclasses.dataclass(slots=True)
class Row:
    """An order, and the revisions of its start and end."""

    request_id: str
    order_id: str
    buyer: str
    units: int
    warehouses: dict
    placed_ms: int
    pay_by_ms: int
    placed_at: int
    state: str = "HELD"
    ended_at: int | None = None

    def state_at(self, revision):
        return "HELD" if self.ended_at is None or revision < self.ended_at else self.state

    def takes_units_at(self, revision):
        return revision >= self.placed_at and self.state_at(revision) in ("HELD", "PAID")


class Item:
    def __init__(self, item_id, terms, report):
        """`report(kind, sentence)` is called for invalid events."""
        self.item_id, self.terms, self.report = item_id, terms, report
        self.events, self.by_request = [], {}
        self.orders, self.orders_of = {}, {}
        self.warehouses, self.allocated = {}, 0
        self.paused = self.closed = False
        self.available_at, self.paused_at, self.closed_at = [], [], []

    def apply(self, event):
        if event.revision != len(self.events):
            self.wrong("broken", event, f"revision {len(self.events)} is missing before it")
            return
        self.events.append(event)
        request_id = event.data.get("request_id") or event.data.get("act", {}).get("request_id")
        if request_id:
            self.by_request.setdefault(request_id, []).append(event)
        if event.kind == "OrderPlaced":
            self.place(event)
        elif event.kind in ENDED:
            self.end(event, ENDED[event.kind])
        elif event.kind == "RefundDue":
            self.refund(event)
        elif event.kind == "StockAllocated":
            self.allocate(event)
        elif event.kind in ("ItemPaused", "ItemResumed"):
            self.paused = event.kind == "ItemPaused"
        elif event.kind == "ItemClosed":
            self.closed = True
        elif event.kind not in PLANNED:
            self.wrong("broken", event, "an event that nobody asked for")
        self.available_at.append(sum(self.warehouses.values()))
        self.paused_at.append(self.paused)
        self.closed_at.append(self.closed)

    def wrong(self, kind, event, problem):
        self.report(kind, f"{event.kind} at position {event.position} of {self.item_id}: {problem}")

    def place(self, event):
        data = event.data
        order_id, request_id = data["order_id"], data["request_id"]
        if order_id in self.orders or len(self.by_request[request_id]) > 1:
            self.wrong("doubled", event, f"request {request_id} has an order already")
        if self.paused or self.closed:
            self.wrong("broken", event, "the item takes no orders")
        if self.terms.per_order and data["units"] > self.terms.per_order:
            self.wrong("broken", event, "more units than one order may have")
        taken = self.units_of(data["buyer"], event.revision) + data["units"]
        if self.terms.per_buyer and taken > self.terms.per_buyer:
            self.wrong("broken", event, f"the buyer has {taken} units with it")
        if data["unit_price_minor"] != self.terms.price:
            self.wrong("broken", event, "another price than that of the sale")
        if data["pay_by_ms"] - data["placed_at_ms"] != self.terms.time_to_pay_ms:
            self.wrong("broken", event, "another time to pay than that of the sale")
        warehouses = units_by_warehouse(data)
        if sum(warehouses.values()) != data["units"]:
            self.wrong("broken", event, "its warehouses do not add up")
        self.draw(event, warehouses)
        row = Row(request_id, order_id, data["buyer"], data["units"], warehouses,
                  data["placed_at_ms"], data["pay_by_ms"], event.revision)
        self.orders[order_id] = row
        self.orders_of.setdefault(row.buyer, []).append(row)

    def draw(self, event, warehouses):
        for warehouse, units in warehouses.items():
            left = self.warehouses.get(warehouse, 0) - units
            self.warehouses[warehouse] = left
            if left < 0:
                self.wrong("oversold", event, f"{-left} units more than there are in {warehouse}")

    def end(self, event, state):
        row = self.held_row(event)
        if row is None:
            return
        at_ms = event.data[{"PAID": "paid_at_ms", "CANCELLED": "cancelled_at_ms",
                            "EXPIRED": "expired_at_ms"}[state]]
        in_time = at_ms < row.pay_by_ms
        if in_time != (state != "EXPIRED"):
            self.wrong("broken", event, f"at {at_ms}, but the hold ends at {row.pay_by_ms}")
        if state == "PAID" and event.data["amount_minor"] != row.units * self.terms.price:
            self.wrong("broken", event, "another amount than the order's total")
        if state != "PAID":
            for warehouse, units in row.warehouses.items():
                self.warehouses[warehouse] += units
        row.state, row.ended_at = state, event.revision

    def held_row(self, event):
        row = self.orders.get(event.data["order_id"])
        if row is None:
            self.wrong("broken", event, "there is no such order")
        elif row.state != "HELD":
            self.wrong("winners", event, f"the order is {row.state} already")
        else:
            return row
        return None

    def refund(self, event):
        row = self.orders.get(event.data["order_id"])
        if row is None or row.state != REFUND_STATES[event.data["cause"]]:
            self.wrong("winners", event, f"due back for {event.data['cause']}, which is not so")

    def allocate(self, event):
        warehouse, units = event.data["warehouse"], event.data["units"]
        self.warehouses[warehouse] = self.warehouses.get(warehouse, 0) + units
        self.allocated += units

    def units_of(self, buyer, revision):
        """Units that count towards the buyer's limit after that revision."""
        rows = self.orders_of.get(buyer, ())
        return sum(row.units for row in rows if row.takes_units_at(revision))

    def order_at(self, row, state):
        """The order as an answer must show it."""
        terms = self.terms
        return Order(row.order_id, self.item_id, row.buyer, row.units, terms.price,
                     row.units * terms.price, terms.currency, state, row.placed_ms, row.pay_by_ms)

    def placed_by(self, request_id):
        """The order created by a request, if any."""
        for event in self.by_request.get(request_id, ()):
            if event.kind == "OrderPlaced":
                return self.orders[event.data["order_id"]]
        return None

    def why_refused(self, call, revision):
        """The names of the reasons for which the item may refuse that PlaceOrder after that revision."""
        buyer, units, _ = call.body
        terms, available, reasons = self.terms, self.available_at[revision], set()
        if self.closed_at[revision]:
            reasons.add("CLOSED")
        if self.paused_at[revision]:
            reasons.add("PAUSED")
        if terms.per_order and units > terms.per_order:
            reasons.add("OVER_ORDER_LIMIT")
        if terms.per_buyer and self.units_of(buyer, revision) + units > terms.per_buyer:
            reasons.add("OVER_BUYER_LIMIT")
        if available == 0:
            reasons.add("SOLD_OUT")
        elif available < units:
            reasons.add("NOT_ENOUGH_UNITS")
        return reasons

    def units(self):
        """Allocated, available, held and sold units at the end."""
        held = sum(row.units for row in self.orders.values() if row.state == "HELD")
        sold = sum(row.units for row in self.orders.values() if row.state == "PAID")
        return self.allocated, sum(self.warehouses.values()), held, sold


def units_by_warehouse(data):
    return {part["warehouse"]: part["units"] for part in data["warehouses"]}
