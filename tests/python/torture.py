"""Injects faults into a real server under load, and checks every answer.

    tests/python/run.sh torture.py [--seconds 60] [--binary target/release/doorbuster]

It kills, freezes and stops the server and fills its disk (as root only), records every answer, and
compares all of them with the log by a specification of its own. The last lines are a summary; on any
violation it exits with 1 and keeps the log and the journal.
"""

import argparse
import pathlib
import pickle
import random
import shutil
import socket
import sys
import tempfile
import time
import uuid

import grpc

from client import make_stubs
from server import Server
from torture import doctored
from torture.buyers import Load
from torture.faults import Disk, Ended, Faults
from torture.journal import Call, Event, History, Place, Terms
from torture.judge import judge
from torture.wire import Wire, draft_of

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
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


class Run:
    def __init__(self, arguments, directory):
        self.arguments, self.directory = arguments, directory
        self.random = random.Random(arguments.seed)
        self.calls, self.prefix, self.wrong, self.items = [], [], [], {}
        stubs = directory / "stubs"
        stubs.mkdir()
        self.pb, self.stubs = make_stubs(str(stubs))
        (directory / "disk").mkdir()
        self.disk = Disk(directory / "disk")
        address = f"127.0.0.1:{free_port()}"
        errors = directory / "server.log"
        self.server = Server(arguments.binary, directory / "disk" / "data", address, errors)
        self.faults = Faults(self.server, self.disk, self.random, self.hold_quietly)

    def wire(self):
        return Wire(self.pb, self.stubs, self.server.address, self.calls)

    def new_id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def open_sale(self):
        """Puts the items on sale; all of them are open from now on."""
        sale = draft_of(self.pb, "Torture", ITEMS)
        request = self.pb.CreateSaleRequest(request_id=self.new_id(), sale=sale, operator="torture")
        created = self.main.sale.CreateSale(request, timeout=20).sale
        self.items = {sku: item.item_id for sku, item in zip(ITEMS, created.items)}

    def hold_quietly(self):
        """An order on the otherwise unused item; None if none could be placed."""
        call = self.main.ask(Call(self.items["QUIET"], self.new_id(), Place("quiet", 1, "")))
        return call.answer.order if call.answer else None

    def break_it(self):
        """Injects faults until the time is over."""
        ends, deck, nth = time.monotonic() + self.arguments.seconds, [], 0
        while time.monotonic() < ends:
            time.sleep(0.5 + 2 * self.random.random())
            deck = deck or self.faults.deck()
            fault = deck.pop()
            started = time.monotonic()
            fault()
            nth += 1
            name = fault.__name__.replace("_", " ")
            print(f"  {name:<16} {time.monotonic() - started:5.1f} s, {len(self.calls)} calls", flush=True)
            if nth % 8 == 0:
                self.keep_prefix(self.faults.log())

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

    def compare_read_models(self, items):
        """The read models, asked at the head, show the orders that the log has."""
        head = self.server.head()
        for item in items.values():
            request = self.pb.ListOrdersRequest(
                item_id=item.item_id, page_size=1_000, min_position=head
            )
            shown = {}
            while True:
                page = self.main.reports.ListOrders(request, timeout=60)
                for record in page.orders:
                    state = self.pb.OrderState.Name(record.order.state)
                    shown[record.order.order_id] = state.removeprefix("ORDER_STATE_")
                request.page_token = page.next_page_token
                if not request.page_token:
                    break
            logged = {order_id: row.state for order_id, row in item.orders.items()}
            if shown != logged:
                differ = len(set(shown.items()) ^ set(logged.items()))
                self.wrong.append(f"{differ} orders of {item.item_id} are shown otherwise")

    def compare_stock(self, items):
        """Compares the items' stock with the specification."""
        for item in items.values():
            request = self.pb.GetItemRequest(item_id=item.item_id)
            shown = self.main.item.GetItem(request, timeout=10).item
            shown = (shown.allocated_units, shown.available_units, shown.held_units, shown.sold_units)
            if shown != item.units():
                self.wrong.append(f"{item.item_id} shows {shown}, the log has {item.units()}")

    def holds_have_ended(self, items, read_ms):
        for item in items.values():
            for row in item.orders.values():
                if row.state == "HELD" and row.pay_by_ms + 5_000 < read_ms:
                    self.wrong.append(f"the hold {row.order_id} did not end in time")

    def play(self):
        """The load and the faults; the log when both are over."""
        self.server.start()
        self.main = self.wire()
        grpc.channel_ready_future(self.main.channel).result(20)
        self.open_sale()
        pace = min(self.arguments.calls_per_second, CALLS_MAX / self.arguments.seconds)
        load = Load(self.wire, self.items, self.arguments.seed, pace)
        load.start()
        try:
            self.break_it()
            # At the end, too: the streams are open and full.
            self.faults.stop()
        finally:
            load.stop()
        self.wrong += load.crashed
        self.ask_again(load)

    def judge(self):
        """Checks everything. True if there was no violation."""
        started, read_ms = time.monotonic(), time.time() * 1_000
        log = self.faults.log()
        self.keep_prefix(log)
        history = self.history(log)
        verdict, items = judge(history)
        self.holds_have_ended(items, read_ms)
        if not verdict.counts and not self.wrong:
            # A clean verdict is meaningful only if defects inserted into this history are found.
            doctored.check(of_item(history, self.items["HOT"]), self.demand)
        if self.server.child.poll() is None:
            time.sleep(max(0, ITEMS["DOOR"].time_to_pay_ms / 1_000 + 1))
            self.compare_now()
        self.server.end()
        code, said = self.server.verify()
        if code != 0:
            self.wrong.append(f"verify ended with {code}: {said.strip()[-500:]}")
        if "panicked" in (self.directory / "server.log").read_text():
            self.wrong.append("it panicked: server.log says where")
        self.account(verdict, history, time.monotonic() - started)
        return not verdict.counts and not self.wrong

    def compare_now(self):
        """Compares the idle server with its log."""
        try:
            log = self.faults.log()
            self.keep_prefix(log)
            _, items = judge(self.history(log))
            self.compare_stock(items)
            self.compare_read_models(items)
        except grpc.RpcError as error:
            self.wrong.append(f"it does not answer at the end: {error.code().name} {error.details()}")
        code = self.server.stop()
        if code != 0:
            self.wrong.append(f"it ended with {code} after SIGTERM")

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

    def account(self, verdict, history, seconds):
        answered = [call for call in history.calls if call.answer is not None]
        refused = sum(call.answer.refusal is not None for call in answered)
        failed = sum(call.error is not None for call in history.calls)
        open_calls = len(history.calls) - len(answered) - failed
        faults = self.faults
        counts = ", ".join(f"{count} {name}" for name, count in sorted(faults.counts.items()))
        line("faults", f"{counts or 'none'}; the longest stop {faults.longest_stop:.1f} s")
        if faults.skipped is not None:
            line("SKIPPED", f"full disks: {faults.skipped}")
        line("answers", f"{len(answered)} acknowledged: {len(answered) - refused} done, {refused} refused")
        line("no answer", f"{failed} failed, {open_calls} broken off")
        line("judged", f"against {len(history.events)} events, in {seconds:.1f} s")
        for sentence in verdict.sentences + (self.wrong + faults.wrong)[:40]:
            line("WRONG", sentence)
        self.wrong += faults.wrong
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


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    parser.add_argument("--binary", type=pathlib.Path, default=binary)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--calls-per-second", type=float, default=800)
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")
    if not check_judge():
        sys.exit(1)
    print(f"  seed             {arguments.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-torture-"))
    run = Run(arguments, directory)
    held = False
    try:
        try:
            run.play()
        except Ended as error:
            run.wrong.append(str(error))
        try:
            held = run.judge()
        except Ended as error:
            line("WRONG", "; ".join([*run.wrong, str(error)]))
    finally:
        run.server.end()
        if not held:
            keep(run, directory)
        run.disk.end()
        if held:
            shutil.rmtree(directory)
    sys.exit(0 if held else 1)


def keep(run, directory):
    """Keeps the log and the journal for diagnosis."""
    shutil.copytree(directory / "disk", directory / "kept")
    with open(directory / "journal.pickle", "wb") as file:
        pickle.dump(run.calls, file)
    print(f"  kept             {directory}", flush=True)


if __name__ == "__main__":
    main()
