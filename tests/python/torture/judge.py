"""Compares the answers of the clients with the log, by the sequential specification of each item.

The log orders all events, and every answer names the revision that it rests on. That is a linearization;
it is valid if:

- each answer is the one of the specification at its revision;
- no call rests on an earlier revision than any answer about the item received before it was sent;
- no answer rests on an event whose command was sent only after that answer;
- every event has a command that was sent, and no command more than one.
"""

import bisect
import collections

from .journal import Answer, Cancel, Look, Pay, Place, Steer
from .spec import REFUND_REASONS, Item

# The kinds of problems, and their names in the summary.
KINDS = {
    "lost": "lost",
    "doubled": "doubled",
    "oversold": "oversold",
    "repeat": "changed repeats",
    "refusal": "unexplained refusals",
    "time": "out of order in time",
    "late": "placed after a refusal",
    "winners": "orders ended twice",
    "broken": "otherwise wrong",
}
STEERED = {"pause": "ItemPaused", "resume": "ItemResumed", "allocate": "StockAllocated"}
# Errors that are allowed during faults, or for invalid requests.
CODES = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "RESOURCE_EXHAUSTED", "ABORTED",
         "NOT_FOUND", "ALREADY_EXISTS")


class Verdict:
    """Problems by kind, the first of each as text."""

    def __init__(self):
        self.counts = collections.Counter()
        self.sentences = []

    def report(self, kind, sentence):
        self.counts[kind] += 1
        if self.counts[kind] <= 20:
            self.sentences.append(f"{KINDS[kind]}: {sentence}")

    def line(self):
        return ", ".join(f"{self.counts[kind]} {KINDS[kind]}" for kind in ("lost", "doubled", "oversold"))

    def other_line(self):
        return ", ".join(f"{self.counts[kind]} {KINDS[kind]}" for kind in list(KINDS)[3:])


def judge(history):
    """A verdict, and the items at the end of the log."""
    verdict = Verdict()
    items = {
        item_id: Item(item_id, terms, verdict.report) for item_id, terms in history.terms.items()
    }
    position = 0
    for event in history.events:
        if event.position <= position:
            verdict.report("broken", f"position {event.position} follows {position}")
        position = event.position
        items[event.item].apply(event)
    calls = {item_id: [] for item_id in items}
    for call in history.calls:
        calls[call.item].append(call)
    for item_id, item in items.items():
        OneItem(item, calls[item_id], verdict.report).judge()
    return verdict, items


class OneItem:
    def __init__(self, item, calls, report):
        self.item, self.calls, self.report = item, calls, report
        self.groups = {}
        for call in calls:
            if not isinstance(call.body, Look):
                self.groups.setdefault(call.request_id, []).append(call)

    def judge(self):
        self.causes()
        self.sent_by_revision()
        self.known_before()
        for group in self.groups.values():
            self.one_answer(group)
        for call in self.calls:
            if call.answer is not None:
                self.answered(call)
            elif call.error is not None:
                self.failed(call)

    def wrong(self, kind, call, problem):
        said = f"{type(call.body).__name__} {call.request_id} ({call.route}) of {self.item.item_id}"
        self.report(kind, f"{said}: {problem}")

    # -- What caused the events --------------------------------------------------------------

    def causes(self):
        """Every event has a command that asked for it, and each command one event at most."""
        for request_id, events in self.item.by_request.items():
            group = self.groups.get(request_id, [])
            planned = [event for event in events if self.is_planned(event)]
            if len(planned) == len(events):
                continue
            if len(events) > 1:
                self.report("doubled", f"request {request_id} made {len(events)} events")
            asked = [call for call in group if asks_for(call, events[0])]
            if not asked:
                self.report("doubled", f"nobody asked for {events[0].kind} at {events[0].position}")
            elif all(is_turned_away(call) for call in asked):
                self.wrong("broken", asked[0], "it took effect although it was turned away")
            else:
                self.not_after_refusal(asked, events[0])

        planned = {}
        for event in self.item.events:
            if event.kind == "StockAllocated" and self.is_planned(event):
                planned[event.data["warehouse"]] = event.data["units"]
        if planned != self.item.terms.units:
            self.report("broken", f"{planned} on offer, but {self.item.terms.units} were asked for")

    def not_after_refusal(self, asked, event):
        """The last copy of a request whose client waits for no other one was not refused.

        A client that gets no answer asks again, and takes a refusal of that for the end: no earlier copy may take
        effect afterwards. Copies that are refused or turned away take none themselves.
        """
        able = [call for call in asked if not is_turned_away(call)]
        for call in asked:
            if not isinstance(call.body, Place) or call.answer is None or call.answer.refusal is None:
                continue
            if all(other.over() is not None and other.over() < call.sent for other in able):
                self.wrong("late", call, f"it got {call.answer.refusal}, and earlier copies were given up, but "
                           f"{event.kind} is at position {event.position}")
                return

    def is_planned(self, event):
        """Units that the sale itself put on offer."""
        reason = event.data.get("act", {}).get("reason")
        return event.kind in ("StockAllocated", "ReserveSet") and reason == "planned with the sale"

    def sent_by_revision(self):
        """When the last command was sent that an answer at each revision rests on."""
        self.sent_by, latest = [], 0
        for event in self.item.events:
            request_id = event.data.get("request_id") or event.data.get("act", {}).get("request_id")
            group = self.groups.get(request_id, ())
            sent = [call.sent for call in group if asks_for(call, event)]
            latest = max(latest, min(sent, default=0))
            self.sent_by.append(latest)

    def known_before(self):
        """For each time, the last revision in any answer received by then."""
        told = sorted(
            (call.ended, call.answer.revision) for call in self.calls if call.answer is not None
        )
        self.told_at, self.told_revision, highest = [], [], -1
        for ended, revision in told:
            highest = max(highest, revision)
            self.told_at.append(ended)
            self.told_revision.append(highest)

    def told(self, moment):
        index = bisect.bisect_left(self.told_at, moment)
        return self.told_revision[index - 1] if index else -1

    # -- What was answered ---------------------------------------------------------------------

    def one_answer(self, group):
        """Requests that led to an order, a payment or a cancellation always get the same answer."""
        kept = [call for call in group if call.answer is not None and is_kept(call)]
        for call in kept[1:]:
            if call.body == kept[0].body and call.answer != kept[0].answer:
                self.wrong("repeat", call, f"{kept[0].answer} became {call.answer}")
            if call.body != kept[0].body:
                self.wrong("doubled", call, f"the same request with other fields: {call.answer}")

    def answered(self, call):
        answer = call.answer
        if not 0 <= answer.revision < len(self.item.events):
            self.wrong("lost", call, f"the log ends before revision {answer.revision}")
            return
        event = self.item.events[answer.revision]
        if answer.position != event.position and not isinstance(call.body, Look):
            self.wrong("lost" if is_kept(call) else "broken", call,
                       f"{answer.position} is not the position of revision {answer.revision}")
        if self.sent_by[answer.revision] > call.ended:
            self.wrong("time", call, "it rests on what was asked for later")
        first_sent = call.sent
        if is_kept(call):
            alike = [other for other in self.groups[call.request_id] if other.body == call.body]
            first_sent = min(other.sent for other in alike)
        # A payment reported twice under two request ids gets the answer of the first.
        told_twice = isinstance(call.body, Pay) and event.data.get("request_id") != call.request_id
        if not told_twice and answer.revision < self.told(first_sent):
            self.wrong("time", call, f"revision {self.told(first_sent)} was known before it was sent")
        match call.body:
            case Place():
                self.placed(call, event)
            case Pay():
                self.paid(call, event)
            case Cancel():
                self.cancelled(call, event)
            case Look():
                self.looked(call)
            case Steer():
                self.steered(call, event)

    def placed(self, call, event):
        answer, row = call.answer, self.item.placed_by(call.request_id)
        if answer.refusal is None:
            if row is None or event.data.get("order_id") != row.order_id or event.kind != "OrderPlaced":
                self.wrong("lost", call, f"no such order is in the log: {answer.order}")
            elif answer.order != self.item.order_at(row, "HELD"):
                self.wrong("lost", call, f"another order is in the log: {row}, not {answer.order}")
            return
        if row is not None and row.placed_at <= answer.revision:
            self.wrong("repeat", call, f"{answer.refusal} although its order was placed")
        reasons = self.item.why_refused(call, answer.revision)
        if answer.refusal not in reasons:
            found = ", ".join(sorted(reasons)) or "nothing"
            self.wrong("refusal", call, f"{answer.refusal}, but {found} was in the way")
        available = self.item.available_at[answer.revision]
        if answer.available != available:
            self.wrong("refusal", call, f"{answer.available} available, but there were {available}")

    def paid(self, call, event):
        answer, row = call.answer, self.item.orders.get(call.body.order_id)
        if row is None:
            self.wrong("lost", call, "its order is not in the log")
        elif answer.refusal == "WRONG_AMOUNT":
            total = (row.units * self.item.terms.price, self.item.terms.currency)
            if (call.body.amount, call.body.currency) == total:
                self.wrong("refusal", call, "WRONG_AMOUNT, but it is the order's total")
        else:
            kind = "OrderPaid" if answer.refusal is None else "RefundDue"
            ours = (kind, row.order_id, call.body.reference)
            data = event.data
            if (event.kind, data.get("order_id"), data.get("payment_reference")) != ours:
                self.wrong("lost", call, f"{event.kind} {data} is in the place of {answer}")
            elif answer.refusal is None and answer.order != self.item.order_at(row, "PAID"):
                self.wrong("lost", call, f"answered {answer.order}")
            elif answer.refusal is not None and answer.refusal != REFUND_REASONS[data["cause"]]:
                self.wrong("refusal", call, f"{answer.refusal}, but the log has {data['cause']}")

    def cancelled(self, call, event):
        answer, row = call.answer, self.item.orders.get(call.body.order_id)
        if row is None:
            self.wrong("lost", call, "its order is not in the log")
        elif answer.refusal is None:
            ours = ("OrderCancelled", call.request_id)
            if (event.kind, event.data.get("request_id")) != ours:
                self.wrong("lost", call, f"{event.kind} is in the place of {answer}")
            elif answer.order != self.item.order_at(row, "CANCELLED"):
                self.wrong("lost", call, f"answered {answer.order}")
        else:
            state = row.state_at(answer.revision)
            reason = {"PAID": "ALREADY_PAID", "HELD": None}.get(state, f"ORDER_{state}")
            if answer.refusal != reason:
                self.wrong("refusal", call, f"{answer.refusal}, but the order was {state}")

    def looked(self, call):
        answer, row = call.answer, self.item.placed_by(call.request_id)
        if row is None or row.placed_at > answer.revision:
            self.wrong("lost", call, f"no such order is in the log: {answer.order}")
        elif answer.order != self.item.order_at(row, row.state_at(answer.revision)):
            self.wrong("broken", call, f"{row} was shown as {answer.order}")

    def steered(self, call, event):
        ours = (STEERED[call.body.act], call.request_id)
        found = (event.kind, event.data.get("act", {}).get("request_id"))
        paused = self.item.paused_at[call.answer.revision]
        match call.body.act, call.answer.refusal:
            case "resume", "NOT_PAUSED":
                if paused:
                    self.wrong("refusal", call, "NOT_PAUSED, but it was paused")
            case "pause", "PAUSED":
                if not paused:
                    self.wrong("refusal", call, "PAUSED, but it was not")
            case _, None:
                if found != ours:
                    self.wrong("lost", call, f"{found} is in its place")
            case _, reason:
                self.wrong("refusal", call, f"{reason}")

    # -- What failed ---------------------------------------------------------------------------

    def failed(self, call):
        code, reason, message = call.error
        row = self.item.placed_by(call.request_id)
        if code not in CODES and reason:
            self.wrong("broken", call, f"{code} {reason}: {message}")
        if code == "ALREADY_EXISTS":
            mine = Place(row.buyer, row.units, call.body.channel) if row else None
            if row is None or mine == call.body:
                self.wrong("refusal", call, f"{reason}, but nobody used its id for anything else")
        if code == "NOT_FOUND":
            if isinstance(call.body, (Pay, Cancel)):
                self.wrong("lost", call, "an order that was acknowledged is not found")
            elif row is not None and row.placed_at <= self.told(call.sent):
                self.wrong("lost", call, f"not found, but revision {row.placed_at} was known")


def asks_for(call, event):
    """Whether that call can have caused the event."""
    body, data = call.body, event.data
    match body:
        case Place(buyer, units, channel):
            ours = (buyer, units, channel)
            return event.kind == "OrderPlaced" and ours == (
                data["buyer"], data["units"], data.get("channel", ""))
        case Pay(order_id, reference, amount, _):
            ours = (order_id, reference, amount)
            return event.kind in ("OrderPaid", "RefundDue") and ours == (
                data["order_id"], data["payment_reference"], data["amount_minor"])
        case Cancel(order_id, _):
            return event.kind == "OrderCancelled" and order_id == data["order_id"]
        case Steer(act, _, units):
            return event.kind == STEERED[act] and units == data.get("units", 0)
    return False


def is_kept(call):
    """Whether a repeat must get this answer again."""
    answer: Answer = call.answer
    if isinstance(call.body, (Look, Steer)):
        return False
    if isinstance(call.body, Pay):
        return answer.refusal != "WRONG_AMOUNT"
    return answer.refusal is None


def is_turned_away(call):
    """Whether the answer states that nothing happened."""
    if call.error is not None:
        return call.error.code == "RESOURCE_EXHAUSTED"
    return call.answer is not None and call.answer.refusal is not None and not is_kept(call)
