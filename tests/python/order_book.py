"""The example shop of a client library sells out, and its order book has each order event once.

    tests/python/order_book.py BINARY INTERPRETER SHOP ORDERS

SHOP sells over HTTP, and ORDERS keeps the book; both are examples of one client, run by INTERPRETER. Buyers order from
the shop, pay, let holds end and send units back, until all units are sold. Meanwhile the server is killed (SIGKILL)
twice with events pending that the book does not have, and restarted on the same data: once after the process with the
book was killed, too, and once while that process is stopped (SIGSTOP). In the end the book is compared with the log,
which SQLite reads from the data directory: the same events in the same sequence. Needs Python only.
"""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

from order_log import followed, told
from server import Server, call

UNITS = 300
BUYERS = 6
PRICE = 199_900
# Events after which the examples write their token.
TOKEN_EVENTS = 50
PENDING_EVENTS = 40
SECONDS_MAX = 60


class Book:
    """The process that keeps the order book."""

    def __init__(self, command, path, environment, errors):
        self.command, self.path, self.environment, self.errors = [*command, path], path, environment, errors
        self.said = path.with_suffix(".said")
        self.child = None

    def start(self):
        with open(self.said, "ab") as said, open(self.errors, "ab") as errors:
            self.child = subprocess.Popen(self.command, stdout=said, stderr=errors, env=self.environment)

    def send(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def size(self):
        return self.path.read_bytes().count(b"\n") if self.path.exists() else 0

    def lines(self):
        fields = ["event_id", "position", "item_id", "kind", "order_id"]
        events = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [tuple(event[field] for field in fields) for event in events]

    def repeated(self):
        return self.said.read_text().count("again ")


class Shop:
    """The process that sells."""

    def __init__(self, command, environment, errors):
        with open(errors, "ab") as stderr:
            self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        line = self.child.stdout.readline().split()
        assert line, "the shop did not start"
        self.url, self.item = line[0], line[-1]

    def post(self, path, body):
        """The answer, asked for again while the shop cannot reach its server."""
        data = json.dumps(body).encode()
        while True:
            try:
                with urllib.request.urlopen(self.url + path, data=data, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    return json.load(error)
            time.sleep(0.1)

    def end(self):
        self.child.kill()
        self.child.wait()


def buy(shop, seed, over):
    luck = random.Random(seed)
    while not over.is_set():
        order = shop.post("orders", {"buyer": f"buyer-{luck.getrandbits(60)}", "request_id": str(uuid.uuid4())})
        if "order" not in order:
            over.wait(0.1)
            continue
        if luck.random() < 0.1:
            # Another buyer gets the units when the hold ends.
            continue
        reference = f"bank-{uuid.uuid4()}"
        callback = {"order": order["order"], "reference": reference, "currency": "CNY", "amount_minor": PRICE}
        shop.post("payments", callback)
        if luck.random() < 0.1:
            shop.post("refunds", {"order": order["order"], "units": 1})
        over.wait(0.02)


def until(happened, what):
    end = time.monotonic() + SECONDS_MAX
    while not happened():
        assert time.monotonic() < end, f"{what}: not within {SECONDS_MAX} s"
        time.sleep(0.005)


def kill_twice(server, book):
    """The events that were pending at each kill of the server."""
    pending = []

    def waiting():
        return len(followed(server.directory)) - book.size()

    # Some way behind the last token, so that events come again.
    until(lambda: book.size() > TOKEN_EVENTS and 10 <= book.size() % TOKEN_EVENTS < 30, "the first events")
    book.kill()
    until(lambda: waiting() >= PENDING_EVENTS, "events without a book")
    server.kill()
    pending.append(waiting())
    # It begins while there is no server.
    book.start()
    time.sleep(0.5)
    server.start()
    until(lambda: waiting() < PENDING_EVENTS / 4, "the pending events reach the book")
    book.send(signal.SIGSTOP)
    until(lambda: waiting() >= PENDING_EVENTS, "events while the book is stopped")
    server.kill()
    pending.append(waiting())
    book.send(signal.SIGCONT)
    time.sleep(0.5)
    server.start()
    return pending


def sold_out(server, item):
    units = call(server, "ItemService/GetItem", {"itemId": item})["item"]
    return int(units["soldUnits"]) == UNITS


def check(server, book, pending):
    expected = followed(server.directory)
    end = time.monotonic() + 30
    while book.size() < len(expected) and time.monotonic() < end:
        time.sleep(0.05)
    found = book.lines()
    assert len(found) == len(set(found)), f"{len(found) - len(set(found))} events stand in the book twice"
    assert set(found) == set(expected), (
        f"{len(expected)} events in the log, {len(found)} in the book, {len(set(expected) - set(found))} lost, "
        f"{len(set(found) - set(expected))} that are not in the log")
    assert found == expected, "events are not in the sequence of the log"
    assert {event[3] for event in found} >= {"PLACED", "PAID", "EXPIRED", "REFUNDED", "REFUND_SETTLED"}, told(found)
    # Those since the token that the killed process had written.
    assert 0 < book.repeated() < TOKEN_EVENTS, f"{book.repeated()} events came again"
    print(f"  ok      {UNITS} units sold; {len(expected)} events ({told(expected)}), each in the book once and in the "
          f"sequence of the log; {' and '.join(map(str, pending))} pending at the 2 kills of the server, "
          f"{book.repeated()} came again and were left out", flush=True)


def main():
    binary, interpreter, shop_program, orders_program = sys.argv[1:]
    with contextlib.ExitStack() as ending, tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        server = Server(binary, scratch / "data", errors=scratch / "server.log")
        ending.callback(server.end)
        server.start()
        # Its clients find it there after each restart.
        server.listen_http = server.http
        address = {"DOORBUSTER_URL": f"http://{server.http}", "SHOP_PORT": "0"}
        environment = os.environ | address | {"SHOP_UNITS": str(UNITS)}
        errors = scratch / "examples.log"
        shop = Shop([interpreter, shop_program], environment, errors)
        ending.callback(shop.end)
        book = Book([interpreter, orders_program], scratch / "orders.jsonl", environment, errors)
        ending.callback(book.kill)
        book.start()
        over = threading.Event()
        ending.callback(over.set)
        buyers = [threading.Thread(target=buy, args=(shop, seed, over), daemon=True) for seed in range(BUYERS)]
        for buyer in buyers:
            buyer.start()
        try:
            pending = kill_twice(server, book)
            until(lambda: sold_out(server, shop.item), "all units are sold")
            over.set()
            for buyer in buyers:
                buyer.join()
            check(server, book, pending)
        except AssertionError:
            sys.stderr.write(errors.read_text()[-4_000:])
            raise
        assert server.stop() == 0


if __name__ == "__main__":
    main()
