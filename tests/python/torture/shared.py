"""What runs of the torture test share: the sale, the comparison with the log, and the checks after the load."""

import pathlib
import random
import uuid

from client import make_stubs

from . import doctored
from .journal import Event, History, Terms
from .judge import judge
from .wire import draft_of

# Limit of calls sent and checked, independent of the duration.
CALLS_MAX = 250_000
ITEMS = {
    # Sold out again and again, with a limit that buyers meet.
    "HOT": Terms(1_999, "CNY", 3_000, 3, 2, {"east": 20, "west": 10}),
    "DEEP": Terms(250, "CNY", 600_000, None, None, {"east": 10_000_000}),
    # Paused and resumed again and again.
    "DOOR": Terms(100, "CNY", 5_000, 20, None, {"east": 1_000_000}),
    # No buyer uses it.
    "QUIET": Terms(100, "CNY", 3_000, None, None, {"east": 1_000_000}),
}


class Shared:
    """A run, whatever serves it."""

    def __init__(self, arguments, directory):
        self.arguments, self.directory = arguments, pathlib.Path(directory)
        self.random = random.Random(arguments.seed)
        self.calls, self.prefix, self.wrong, self.items = [], [], [], {}
        stubs = self.directory / "stubs"
        stubs.mkdir()
        self.pb, self.stubs = make_stubs(str(stubs))

    def pace(self):
        """Calls a second."""
        return min(self.arguments.calls_per_second, CALLS_MAX / self.arguments.seconds)

    def new_id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def open_sale(self, wire):
        """Puts the items on sale; all of them are open from now on."""
        sale = draft_of(self.pb, "Torture", ITEMS)
        request = self.pb.CreateSaleRequest(request_id=self.new_id(), sale=sale, operator="torture")
        created = wire.sale.CreateSale(request, timeout=20).sale
        self.items = {sku: item.item_id for sku, item in zip(ITEMS, created.items)}

    def keep_prefix(self, log):
        """Checks that the earlier contents of the log are unchanged, at the same positions."""
        ids = [event["id"] for event in log]
        if ids[: len(self.prefix)] != self.prefix:
            at = next(
                (nth for nth, pair in enumerate(zip(ids, self.prefix)) if pair[0] != pair[1]),
                len(ids),
            )
            self.wrong.append(f"the log has changed: event {at + 1} of {len(self.prefix)} is another")
        self.prefix = ids

    def ask_again(self, load):
        """Repeats a part of the answered calls and the unanswered ones."""
        answered = [call for call in self.calls if call.answer is not None]
        answered = [call for call in answered if call.item != self.items["QUIET"]]
        again = self.random.sample(answered, min(400, len(answered)))
        again += [load.unanswered.pop() for _ in range(min(400, len(load.unanswered)))]
        steers = [call for call in again if hasattr(call.body, "act")]
        for call in again:
            if call not in steers:
                self.main.ask(call.again())

    def compare_read_models(self, items, wire, head):
        """The read models, asked at the position `head`, show the orders that the log has."""
        for item in items.values():
            request = self.pb.ListOrdersRequest(
                item_id=item.item_id, page_size=1_000, min_position=head
            )
            shown = {}
            while True:
                page = wire.reports.ListOrders(request, timeout=60)
                for record in page.orders:
                    state = self.pb.OrderState.Name(record.order.state)
                    shown[record.order.order_id] = state.removeprefix("ORDER_STATE_")
                request.page_token = page.next_page_token
                if not request.page_token:
                    break
            logged = {order_id: row.state for order_id, row in item.orders.items()}
            if shown != logged:
                differ = len(set(shown.items()) ^ set(logged.items()))
                self.wrong.append(f"{wire.address} shows {differ} orders of {item.item_id} otherwise")

    def compare_stock(self, items, wire):
        """Compares the items' stock with the specification."""
        for item in items.values():
            request = self.pb.GetItemRequest(item_id=item.item_id)
            shown = wire.item.GetItem(request, timeout=10).item
            shown = (shown.allocated_units, shown.available_units, shown.held_units, shown.sold_units)
            if shown != item.units():
                self.wrong.append(f"{wire.address} shows {shown} of {item.item_id}, the log has {item.units()}")

    def holds_have_ended(self, items, read_ms):
        for item in items.values():
            for row in item.orders.values():
                if row.state == "HELD" and row.pay_by_ms + 5_000 < read_ms:
                    self.wrong.append(f"the hold {row.order_id} did not end in time")

    def history(self, log):
        terms = {item_id: ITEMS[sku] for sku, item_id in self.items.items()}
        events = []
        for event in log:
            item_id = event["stream"].removeprefix("item-")
            if item_id in terms:
                events.append(Event(event["position"], item_id, event["revision"], event["kind"],
                                    event["data"]))
        return History(terms, [call for call in self.calls if call.sent], events)

    def demand(self, holds, sentence):
        if not holds:
            self.wrong.append(f"the judge does not see it: {sentence}")

    def judged(self, history):
        """The verdict on a history, and its items at the end of the log."""
        verdict, items = judge(history)
        if not verdict.counts and not self.wrong:
            # A clean verdict is meaningful only if defects inserted into this history are found.
            doctored.check(of_item(history, self.items["HOT"]), self.demand)
        return verdict, items

    def tell(self, verdict, history, seconds, more=()):
        """Prints the summary: the answers, `more` findings beside those of the run, the verdict."""
        answered = [call for call in history.calls if call.answer is not None]
        refused = sum(call.answer.refusal is not None for call in answered)
        failed = sum(call.error is not None for call in history.calls)
        open_calls = len(history.calls) - len(answered) - failed
        line("answers", f"{len(answered)} acknowledged: {len(answered) - refused} done, {refused} refused")
        line("no answer", f"{failed} failed, {open_calls} broken off")
        line("judged", f"against {len(history.events)} events, in {seconds:.1f} s")
        self.wrong += more
        for sentence in verdict.sentences + self.wrong[:40]:
            line("WRONG", sentence)
        print(f"  {verdict.other_line()}, {len(self.wrong)} findings beside the history")
        print(verdict.line(), flush=True)


def of_item(history, item_id):
    """The history of one item alone."""
    return History(
        {item_id: history.terms[item_id]},
        [call for call in history.calls if call.item == item_id],
        [event for event in history.events if event.item == item_id],
    )


def line(name, text):
    print(f"  {name:<16} {text}", flush=True)


def check_judge():
    """Checks first that the judge finds each defect in a small history."""
    def demand(holds, sentence):
        print(f"  {'seen' if holds else 'NOT SEEN':<16} {sentence}")
        failed.extend([] if holds else [sentence])

    failed = []
    verdict, _ = judge(doctored.made())
    demand(not verdict.counts, f"a right history is found right {'; '.join(verdict.sentences)}")
    doctored.check(doctored.made(), demand)
    return not failed
