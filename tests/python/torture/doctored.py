"""Tests that the judge finds defects, with histories that contain one defect each.

One answer or event of a correct history is changed to the result of a server with one defect, and the
judge has to find a problem of that kind. The history is a small one created here, or that of the run.
"""

import copy

from .journal import Answer, Call, Cancel, Error, Event, History, Order, Pay, Place, Terms
from .judge import is_kept, judge

ITEM = "11111111-1111-5111-8111-111111111111"
TERMS = Terms(100, "CNY", 1_000, 4, None, {"east": 3})
START_MS = 1_000_000


class Made:
    """A history of one item, written down step by step."""

    def __init__(self):
        self.calls, self.events, self.now = [], [], 0
        act = {"request_id": "sale", "reason": "planned with the sale"}
        self.event("ItemAdded")
        self.event("StockAllocated", warehouse="east", units=3, act=act)

    def event(self, kind, **data):
        self.events.append(Event(len(self.events) + 1, ITEM, len(self.events), kind, data))

    def call(self, request_id, body, order=None, refusal=None, available=0, revision=None):
        """A call that was answered, by the last event or by the one of that revision."""
        revision = len(self.events) - 1 if revision is None else revision
        self.now += 10
        call = Call(ITEM, request_id, body, sent=self.now, ended=self.now + 5)
        call.answer = Answer(order, refusal, available, revision, revision + 1)
        self.calls.append(call)

    def place(self, name, buyer, units):
        at_ms = START_MS + self.now
        self.event("OrderPlaced", order_id=f"order-{name}", request_id=name, buyer=buyer, units=units,
                   unit_price_minor=100, warehouses=[{"warehouse": "east", "units": units}],
                   channel="", placed_at_ms=at_ms, pay_by_ms=at_ms + 1_000)
        order = Order(f"order-{name}", ITEM, buyer, units, 100, units * 100, "CNY", "HELD", at_ms,
                      at_ms + 1_000)
        self.call(name, Place(buyer, units, ""), order)
        return order

    def history(self):
        return History({ITEM: TERMS}, self.calls, self.events)


def made():
    """Three units: two orders, one paid and one cancelled, a late payment and a buyer too many."""
    history = Made()
    ann, ben = history.place("1", "ann", 1), history.place("2", "ben", 2)
    history.call("3", Place("cem", 1, ""), refusal="SOLD_OUT")
    at_ms = START_MS + history.now
    history.event("OrderPaid", order_id=ann.order_id, request_id="4", payment_reference="bank-1",
                  amount_minor=100, paid_at_ms=at_ms)
    history.call("4", Pay(ann.order_id, "bank-1", 100, "CNY"), ann._replace(state="PAID"))
    history.call("1", Place("ann", 1, ""), ann, revision=2)
    history.event("OrderCancelled", order_id=ben.order_id, request_id="5", cancelled_at_ms=at_ms)
    history.call("5", Cancel(ben.order_id, "ben"), ben._replace(state="CANCELLED"))
    history.event("RefundDue", order_id=ben.order_id, request_id="6", payment_reference="bank-2",
                  amount_minor=200, cause="order_cancelled", due_at_ms=at_ms)
    history.call("6", Pay(ben.order_id, "bank-2", 200, "CNY"), refusal="ORDER_CANCELLED")
    history.place("3", "cem", 1)
    return history.history()


def changes(history):
    """Each defect: its name, the kind of problem, and the resulting history."""
    yield "the log ends before an acknowledged order", "lost", cut(history)
    yield "an acknowledged order is another one in the log", "lost", swapped(history)
    yield "a request made a second order", "doubled", doubled(history)
    yield "an order that nobody asked for", "doubled", unasked(history)
    yield "more units were sold than there were", "oversold", oversold(history)
    yield "an order was paid and cancelled", "winners", ended_twice(history)
    yield "a repeat got another answer", "repeat", repeated(history)
    yield "a refusal for want of stock that was there", "refusal", refused(history)
    yield "an answer rests on less than was known", "time", stale(history)
    yield "an order was in the log before it was asked for", "time", early(history)
    yield "an order was placed after its repeat was refused", "late", placed_late(history)


def check(history, demand):
    """Runs all of them and calls `demand(holds, sentence)` for each."""
    as_it_was, _ = judge(history)
    for name, kind, changed in changes(history):
        verdict, _ = judge(changed)
        found = verdict.counts[kind] - as_it_was.counts[kind]
        demand(found > 0, f"{kind}: {name} ({found} found)")


def placed(history):
    """The first acknowledged order that took stock, with its call and its event."""
    for call in history.calls:
        if isinstance(call.body, Place) and call.answer is not None and call.answer.order is not None:
            for event in history.events:
                if event.item == call.item and event.revision == call.answer.revision:
                    return call, event
    raise AssertionError("nobody ordered anything")


def last_of(history, item):
    return max(event.revision for event in history.events if event.item == item)


def cut(history):
    """Without the last event of the item that an answer rests on."""
    call, _ = placed(history)
    last = last_of(history, call.item)
    kept = [event for event in history.events if (event.item, event.revision) != (call.item, last)]
    answered = [
        other for other in history.calls
        if other.item == call.item and other.answer is not None and is_kept(other)
    ]
    # Whatever the last event of the run is, an order rests on the end of this log.
    late = copy.copy(max(answered, key=lambda other: other.answer.revision))
    late.answer = late.answer._replace(revision=last)
    return history._replace(events=kept, calls=[*history.calls, late])


def changed_event(history, event, **data):
    other = event._replace(data={**event.data, **data})
    return history._replace(events=[other if each is event else each for each in history.events])


def swapped(history):
    _, event = placed(history)
    return changed_event(history, event, order_id="another", request_id="another")


def appended(history, item, kind, **data):
    position, revision = history.events[-1].position + 1, last_of(history, item) + 1
    added = Event(position, item, revision, kind, data)
    return history._replace(events=[*history.events, added])


def doubled(history):
    _, event = placed(history)
    return appended(history, event.item, event.kind, **{**event.data, "order_id": "second"})


def unasked(history):
    _, event = placed(history)
    return appended(history, event.item, event.kind,
                    **{**event.data, "order_id": "unasked", "request_id": "unasked"})


def oversold(history):
    _, event = placed(history)
    units = 1 + sum(
        other.data["units"] for other in history.events
        if other.item == event.item and other.kind == "StockAllocated"
    )
    warehouses = [{**event.data["warehouses"][0], "units": units}]
    return changed_event(history, event, units=units, warehouses=warehouses)


def ended_twice(history):
    paid = next(event for event in history.events if event.kind == "OrderPaid")
    return appended(history, paid.item, "OrderCancelled", order_id=paid.data["order_id"],
                    request_id="cancelled too", cancelled_at_ms=paid.data["paid_at_ms"])


def repeated(history):
    call, _ = placed(history)
    other = copy.copy(call)
    other.answer = call.answer._replace(order=call.answer.order._replace(placed_ms=1))
    return history._replace(calls=[*history.calls, other])


def refused(history):
    """SOLD_OUT at the revision before an order that got its units."""
    call, event = placed(history)
    other = copy.copy(call)
    other.request_id = "refused without need"
    other.answer = Answer(None, "SOLD_OUT", 0, event.revision - 1, event.position - 1)
    return history._replace(calls=[*history.calls, other])


def stale(history):
    """A refusal that rests on the item's beginning, asked for after everything."""
    call, event = placed(history)
    other = copy.copy(call)
    other.request_id = "refused from an old memory"
    other.sent = 1 + max(each.ended or each.sent for each in history.calls)
    other.ended = other.sent + 1
    other.answer = Answer(None, "SOLD_OUT", 0, event.revision - 1, event.position - 1)
    return history._replace(calls=[*history.calls, other])


def early(history):
    """The command of an order was sent after a later event had been observed."""
    call, event = placed(history)
    later = 1 + max(each.ended or each.sent for each in history.calls)
    calls = []
    for each in history.calls:
        if each.item == call.item and each.request_id == call.request_id:
            each = copy.copy(each)
            each.sent, each.ended = later, later + 1
        calls.append(each)
    return history._replace(calls=calls)


def placed_late(history):
    """The calls that placed an order got no answer, and their repeat was refused before it."""
    call, event = placed(history)
    later = 1 + max(each.over() or each.sent for each in history.calls)
    calls = []
    for each in history.calls:
        if each.item == call.item and each.request_id == call.request_id:
            each = copy.copy(each)
            each.answer, each.error = None, Error("DEADLINE_EXCEEDED", "", "")
            each.ended = each.ended or later
        calls.append(each)
    refused = Call(call.item, call.request_id, call.body, sent=later + 1, ended=later + 2)
    refused.answer = Answer(None, "SOLD_OUT", 0, event.revision - 1, event.position - 1)
    return history._replace(calls=[*calls, refused])
