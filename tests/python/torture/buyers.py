"""The load: buyers that order, pay, cancel, repeat requests and pay too late, and an operator.

They do not check answers. They behave like buyers and retrying shops, and every call is entered into the
journal.
"""

import collections
import random
import threading
import time
import uuid

from .journal import Cancel, Call, Look, Pay, Place, Steer, clock
from .wire import Stream, Wire

UNDER_WAY_MAX = 48
# A buyer whose call failed waits this long, as the server asks of clients.
PAUSE_SECONDS = 0.05


class Load:
    """All threads of the load, and their shared queues."""

    def __init__(self, wire_of, items, seed, calls_per_second, impatient=None):
        """`wire_of()` opens a connection of its own. Impatient buyers repeat what failed at once, and give a
        stream up that was silent for `impatient` seconds."""
        self.wire_of, self.items, self.impatient = wire_of, items, impatient
        self.over = threading.Event()
        # Requests whose answer was lost, and held orders that are paid too late.
        self.unanswered = collections.deque(maxlen=4_000)
        self.late = collections.deque(maxlen=1_000)
        self.crashed = []
        pace = calls_per_second / 2
        self.threads = [Buyer(self, f"{seed}-{nth}", pace / 8) for nth in range(8)]
        self.threads += [Streamer(self, f"{seed}-s{nth}", pace / 2) for nth in range(2)]
        self.threads.append(Operator(self, f"{seed}-o", 4))

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                self.crashed.append(f"{thread.name} did not end")


class Worker(threading.Thread):
    """A thread with a connection and a pace of its own."""

    def __init__(self, load, seed, calls_per_second):
        super().__init__(daemon=True, name=f"{type(self).__name__} {seed}")
        self.load, self.random = load, random.Random(seed)
        self.pause = 1 / calls_per_second

    def run(self):
        self.wire: Wire = self.load.wire_of()
        try:
            while not self.load.over.is_set():
                started = time.monotonic()
                self.act()
                self.load.over.wait(max(0, self.pause - (time.monotonic() - started)))
        except Exception as error:  # A crashed buyer would weaken the run unnoticed.
            self.load.crashed.append(f"{self.name}: {type(error).__name__}: {error}")

    def new_id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def new_order(self, item):
        # Some buyers come often enough to meet their limit.
        buyer = f"buyer-{min(self.random.randrange(400), 320)}-{int(time.monotonic()) // 10}"
        units = self.random.choice((1, 1, 1, 2, 3))
        return Call(item, self.new_id(), Place(buyer, units, self.random.choice(("app", ""))))

    def ask(self, call):
        self.wire.ask(call)
        self.after(call)
        return call

    def after(self, call):
        if call.error and call.error.code not in ("NOT_FOUND", "ALREADY_EXISTS"):
            if self.load.impatient is not None and isinstance(call.body, (Place, Pay, Cancel)):
                time.sleep(PAUSE_SECONDS)
                call = call.again()
                self.wire.ask(call)
            if call.error:
                self.load.unanswered.append(call)
                time.sleep(PAUSE_SECONDS)


class Buyer(Worker):
    def act(self):
        roll = self.random.random()
        if roll < 0.3 and self.load.unanswered:
            self.ask_again(self.load.unanswered.popleft())
        elif roll < 0.38 and self.load.late and time.time() * 1_000 > self.load.late[0].pay_by_ms + 200:
            self.pay(self.load.late.popleft())
        else:
            self.buy()

    def ask_again(self, call):
        if isinstance(call.body, Place) and self.random.random() < 0.3:
            self.ask(Call(call.item, call.request_id, Look(call.body.buyer)))
        if not isinstance(call.body, Look):
            self.ask(call.again())

    def buy(self):
        items = self.load.items
        item = self.random.choice((items["HOT"], items["HOT"], items["DEEP"], items["DOOR"]))
        call = self.new_order(item)
        roll = self.random.random()
        if roll < 0.08:
            self.both(call, call.again())
        else:
            self.ask(call)
        if roll > 0.97:
            other = call.again()
            other.body = call.body._replace(units=call.body.units + 1)
            self.ask(other)
        elif roll > 0.9:
            self.ask(call.again())
        if call.answer is not None and call.answer.order is not None:
            self.go_on(call.answer.order)

    def go_on(self, order):
        roll = self.random.random()
        if roll < 0.55:
            self.pay(order)
        elif roll < 0.67:
            self.ask(self.cancelling(order))
        elif roll < 0.8:
            self.both(self.payment(order), self.cancelling(order))
        elif roll < 0.9:
            self.load.late.append(order)

    def pay(self, order):
        if self.random.random() < 0.05:
            wrong = self.payment(order)
            wrong.body = wrong.body._replace(amount=order.total + 1)
            self.ask(wrong)
        paid = self.ask(self.payment(order))
        roll = self.random.random()
        if roll < 0.1:
            self.ask(paid.again())
        elif roll < 0.15:
            # The provider reports it twice, with a new request id each time.
            self.ask(Call(order.item, self.new_id(), paid.body))
        elif roll < 0.2:
            self.ask(self.payment(order))
        elif roll < 0.25:
            self.ask(self.cancelling(order))

    def payment(self, order):
        body = Pay(order.order_id, f"bank-{self.new_id()}", order.total, order.currency)
        return Call(order.item, self.new_id(), body)

    def cancelling(self, order):
        return Call(order.item, self.new_id(), Cancel(order.order_id, order.buyer))

    def both(self, one, other):
        """Two calls at the same time."""
        futures = [(call, self.wire.start(call)) for call in (one, other)]
        for call, future in futures:
            self.wire.finish(call, future)
            self.after(call)


class Streamer(Worker):
    """Keeps a PlaceOrders stream open and full; opens another when it breaks."""

    def act(self):
        stream = Stream(self.wire.pick(), UNDER_WAY_MAX)
        answers = threading.Thread(target=self.read, args=(stream,), daemon=True)
        answers.start()
        while answers.is_alive() and not self.load.over.is_set():
            items = self.load.items
            item = self.random.choice((items["DEEP"], items["DEEP"], items["HOT"], items["DOOR"]))
            if self.random.random() < 0.1 and self.load.unanswered:
                call = self.load.unanswered.popleft()
                if not isinstance(call.body, Place):
                    self.load.unanswered.append(call)
                    continue
                call = call.again()
            else:
                call = self.new_order(item)
            if stream.send(call):
                time.sleep(self.pause)
            elif self.load.impatient is not None:
                stream.give_up(self.load.impatient)
        stream.close()
        answers.join(15)
        self.load.unanswered.extend(stream.under_way.values())
        if not answers.is_alive():
            for call in stream.under_way.values():
                call.gave_up = clock()
        time.sleep(PAUSE_SECONDS)

    def read(self, stream):
        for call in stream.answers():
            if call.error is not None:
                self.load.unanswered.append(call)


class Operator(Worker):
    """Adds units where they run out, and pauses an item again and again."""

    def act(self):
        items, roll = self.load.items, self.random.random()
        if roll < 0.5:
            steer = Steer("allocate", self.random.choice(("east", "west")), self.random.randrange(1, 8))
            self.wire.steer(Call(items["HOT"], self.new_id(), steer))
        elif roll < 0.7:
            self.wire.steer(Call(items["DOOR"], self.new_id(), Steer("pause")))
        else:
            self.wire.steer(Call(items["DOOR"], self.new_id(), Steer("resume")))
