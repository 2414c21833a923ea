"""Buyers of a rehearsal whose every attempt is counted: what failed, when, and how long each buyer waited.

`doorbuster crowd` tells totals only. These buyers order a unit each and pay it; what was not answered is sent again
with the same request id, as backends have to do, until the answer is there.
"""

import collections
import random
import threading
import time
import typing
import uuid

import grpc

from client import make_stubs
from report import Refused as Failure
from torture.journal import Terms
from torture.wire import draft_of

THREADS = 24
CHANNELS = 6
# The deadline of one attempt, as deploy/README.md recommends, and of a buyer with all attempts.
CALL_SECONDS_MAX = 10
BUYER_SECONDS_MAX = 120
PAUSE_SECONDS_MAX = 0.2
PRICE = 1_999
CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


class Attempt(typing.NamedTuple):
    """One call of a buyer, with the status that ended it; REFUSED is an answer."""

    buyer: int
    began: float
    ended: float
    status: str

    def failed(self):
        return self.status not in ("OK", "REFUSED")


class Wait(typing.NamedTuple):
    """From the first attempt of a buyer to the answer."""

    seconds: float
    began: float
    method: str
    attempts: int

    def ended(self):
        return self.began + self.seconds


class Buyers:
    """Puts a sale on and buys all of it."""

    def __init__(self, url, arguments, directory):
        self.pb, self.stubs = make_stubs(str(directory))
        self.address = url.removeprefix("http://")
        self.items_count, self.units = arguments.items, arguments.units
        self.seed = arguments.seed
        self.lock = threading.Condition()
        self.attempts, self.waits, self.unanswered, self.wrong = [], [], 0, []
        self.orders, self.doubled, self.paid = set(), 0, 0
        self.channels = [grpc.insecure_channel(self.address, options=CHANNEL) for _ in range(CHANNELS)]
        self.sale_id, self.items = self.open_sale()
        self.threads = [threading.Thread(target=self.run, args=(nth,), daemon=True) for nth in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def open_sale(self):
        """The id of the sale, and of its items those that have units."""
        each = self.units // self.items_count
        rest = self.units - each * (self.items_count - 1)
        terms = {f"SKU-{nth}": Terms(PRICE, "CNY", 900_000, None, None, {"north": each if nth else rest})
                 for nth in range(self.items_count)}
        request = self.pb.CreateSaleRequest(
            request_id=str(uuid.uuid4()), sale=draft_of(self.pb, "Any route", terms), operator="rehearsal")
        stub = self.stubs["sale_service"].SaleServiceStub(self.channels[0])
        sale = stub.CreateSale(request, timeout=CALL_SECONDS_MAX).sale
        return sale.sale_id, [item.item_id for item in sale.items]

    def run(self, nth):
        luck = random.Random(f"{self.seed}-{nth}")
        stub = self.stubs["purchase_service"].PurchaseServiceStub(self.channels[nth % CHANNELS])
        left = list(self.items)
        try:
            while left:
                item = luck.choice(left)
                if not self.buy(nth, stub, item, luck):
                    left.remove(item)
        except Exception as error:  # A buyer that ends would weaken the run unnoticed.
            with self.lock:
                self.wrong.append(f"{type(error).__name__}: {error}")
                self.lock.notify_all()

    def buy(self, buyer, stub, item, luck):
        """Orders and pays a unit; false if the item is sold out."""
        request = self.pb.PlaceOrderRequest(
            request_id=str(uuid.uuid4()), item_id=item, buyer=str(uuid.uuid4()), units=1)
        answer = self.ask(buyer, stub.PlaceOrder, request, luck)
        if answer is None:
            return True
        if answer.HasField("refusal"):
            reason = self.pb.RefusalReason.Name(answer.refusal.reason)
            if reason != "REFUSAL_REASON_SOLD_OUT":
                raise ValueError(f"{item} refused an order with {reason}")
            return False
        order = answer.order
        with self.lock:
            self.doubled += order.order_id in self.orders
            self.orders.add(order.order_id)
        payment = self.pb.RecordPaymentRequest(
            request_id=str(uuid.uuid4()), item_id=item, order_id=order.order_id,
            payment_reference=f"bank-{order.order_id}", amount=order.total)
        paid = self.ask(buyer, stub.RecordPayment, payment, luck)
        if paid is not None:
            if paid.HasField("refusal"):
                raise ValueError(f"the payment of {order.order_id} was refused: {paid.refusal}")
            with self.lock:
                self.paid += 1
                self.lock.notify_all()
        return True

    def ask(self, buyer, method, request, luck):
        """The answer, asked for until it is there; None if it never came."""
        began, attempts = time.monotonic(), 0
        name = type(request).__name__.removesuffix("Request")
        while time.monotonic() - began < BUYER_SECONDS_MAX:
            attempts += 1
            sent = time.monotonic()
            try:
                answer = method(request, timeout=CALL_SECONDS_MAX, metadata=[("x-item-id", request.item_id)])
            except grpc.RpcError as error:
                failure = Failure(error)
                self.note(Attempt(buyer, sent, time.monotonic(), failure.code.name))
                delay = failure.retry.ToTimedelta().total_seconds() if failure.retry else 0
                time.sleep(delay + luck.uniform(0, PAUSE_SECONDS_MAX))
                continue
            ended = time.monotonic()
            self.note(Attempt(buyer, sent, ended, "REFUSED" if answer.HasField("refusal") else "OK"))
            with self.lock:
                self.waits.append(Wait(ended - began, began, name, attempts))
            return answer
        with self.lock:
            self.unanswered += 1
        return None

    def note(self, attempt):
        with self.lock:
            self.attempts.append(attempt)

    def until_bought(self, percent):
        """Waits until that share of the units is paid for."""
        with self.lock:
            happened = self.lock.wait_for(
                lambda: self.paid * 100 >= percent * self.units or self.wrong, BUYER_SECONDS_MAX)
        if self.wrong or not happened:
            raise TimeoutError(f"{percent} % are not paid for: {self.paid} of {self.units} units; {self.wrong[:3]}")

    def result(self):
        """The account of all buyers, in the words of `doorbuster crowd`."""
        for thread in self.threads:
            thread.join(BUYER_SECONDS_MAX * 2)
        if self.wrong or self.unanswered:
            raise TimeoutError(f"{self.unanswered} buyers got no answer; {self.wrong[:3]}")
        seconds = sorted(wait.seconds for wait in self.waits)
        return {
            "items": self.items_count, "units": self.units, "units_sold": self.paid,
            "orders_placed": len(self.orders), "orders_paid": self.paid, "orders_expired": 0,
            "oversold_units": max(0, self.paid - self.units), "duplicate_orders": self.doubled,
            "attempts": len(self.waits), "tried_again": len(self.attempts) - len(self.waits),
            "unanswered": self.unanswered, "sale_ids": [self.sale_id],
            "latency_ms": {"p99": round(seconds[len(seconds) * 99 // 100] * 1_000)},
        }

    def end(self):
        for channel in self.channels:
            channel.close()


class Window(typing.NamedTuple):
    """The time in which a fault or a restart was present."""

    name: str
    is_restart: bool
    began: float
    ended: float


class Windows:
    """The times in which a fault was present, each with its name."""

    # After a node is back, its callers return and it reads what the others wrote.
    GRACE_SECONDS = 2

    def __init__(self):
        self.known = []

    def begin(self, name, is_restart=False):
        self.known.append(Window(name, is_restart, time.monotonic(), float("inf")))

    def end(self):
        self.known[-1] = self.known[-1]._replace(ended=time.monotonic() + self.GRACE_SECONDS)

    def at(self, began, ended):
        """The fault that was present between these times, the last one of several; None if none was."""
        overlaps = (window for window in reversed(self.known) if began <= window.ended and ended >= window.began)
        return next(overlaps, None)


class Observed:
    """What the buyers met inside and outside of the faults."""

    def __init__(self, buyers, windows):
        self.attempts = [(attempt, windows.at(attempt.began, attempt.ended)) for attempt in buyers.attempts]
        self.waits = [(wait, windows.at(wait.began, wait.ended())) for wait in buyers.waits]

    def aborted_outside(self):
        """Calls that ended with ABORTED while no fault was present."""
        return sum(attempt.status == "ABORTED" for attempt, window in self.attempts if window is None)

    def aborted_of_one_buyer(self):
        """The most ABORTED that one buyer met in one fault."""
        met = collections.Counter((attempt.buyer, window) for attempt, window in self.attempts
                                  if window and attempt.status == "ABORTED")
        return max(met.values(), default=0)

    def failed_in_restarts(self):
        """Calls that failed while nodes were restarted one after another."""
        return sum(attempt.failed() for attempt, window in self.attempts if window and window.is_restart)

    def lines(self):
        longest, window = max(self.waits)
        yield (f"the longest wait of a buyer: {longest.seconds:.2f} s, {longest.attempts} attempts of "
               f"{longest.method}, during: {window.name if window else 'no fault'}")
        calm = [wait.seconds for wait, window in self.waits if window is None]
        if calm:
            yield f"without a fault: the longest wait {max(calm):.2f} s, of {len(calm)} waits"
        restarts = [wait.seconds for wait, window in self.waits if window and window.is_restart]
        if restarts:
            yield (f"all nodes restarted one after another: {self.failed_in_restarts()} failed commands, "
                   f"the longest wait {max(restarts):.2f} s, of {len(restarts)} waits")
        inside = sum(attempt.status == "ABORTED" for attempt, window in self.attempts if window)
        yield (f"ABORTED: {inside} inside of fault windows, at most {self.aborted_of_one_buyer()} of one buyer in "
               f"one fault, {self.aborted_outside()} outside, of {len(self.attempts)} attempts")
        failed = collections.Counter((attempt.status, window.name if window else "no fault")
                                     for attempt, window in self.attempts if attempt.failed())
        for (status, where), count in sorted(failed.items()):
            yield f"  {status} during {where}: {count}"
