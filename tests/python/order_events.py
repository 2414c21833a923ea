"""A shop that follows its orders while both sides are killed: no event is lost, and the order of each item is kept.

    tests/python/order_events.py [BINARY]

A consumer in a process of its own follows over HTTP/JSON and stores each event with its token in one transaction.
While buyers order, pay and give up, the server is killed (SIGKILL) three times and the consumer five times. In the end
what the consumer stored is compared with the log: all events of orders, each once, each with its order, those of an item
in the sequence of the log. Needs Python only.
"""

import contextlib
import http.client
import json
import pathlib
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from order_log import followed, told
from server import Server, at, call

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
PRICE = 199_900
# The last one sells out again and again: what is not paid within a second comes back.
UNITS = {"phone": 100_000, "case": 100_000, "cable": 40}
ROUNDS = 3
ROUND_SECONDS = 3
CATCH_UP_SECONDS_MAX = 30


def messages(address, request):
    """The messages of one call, until it ends."""
    body = json.dumps(request).encode()
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("POST", "/doorbuster.v1.OrderService/FollowOrders",
                           struct.pack(">BI", 0, len(body)) + body, {"content-type": "application/connect+json"})
        answer = connection.getresponse()
        while True:
            head = answer.read(5)
            if len(head) < 5:
                return
            flags, length = struct.unpack(">BI", head)
            message = json.loads(answer.read(length))
            if flags & 2:
                if "error" in message:
                    raise ConnectionError(message["error"])
                return
            yield message
    finally:
        connection.close()


def consume(where, store):
    """Follows for ever. An event that is stored already is a repetition, which is counted."""
    rows = sqlite3.connect(store)
    while True:
        (token,) = rows.execute("SELECT token FROM place").fetchone()
        request = {"resumeToken": token} if token else {"afterPosition": "0"}
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, ConnectionError):
            for message in messages(where.read_text(), request):
                with rows:
                    event = message.get("event")
                    if event:
                        order = event["order"]["order"]
                        row = (event["eventId"], int(event["position"]), event["itemId"], event["orderId"],
                               event["kind"].removeprefix("ORDER_EVENT_KIND_"), order["orderId"], order["state"])
                        stored = rows.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                        rows.execute("UPDATE place SET repeated = repeated + ?", [1 - stored.rowcount])
                    rows.execute("UPDATE place SET token = ?", [message["resumeToken"]])
        time.sleep(0.05)


class Consumer:
    def __init__(self, where, store):
        rows = sqlite3.connect(store)
        rows.executescript("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE events(id TEXT PRIMARY KEY, position, item, order_id, kind, record, state);
            CREATE TABLE place(token, repeated);
            INSERT INTO place VALUES ('', 0);
        """)
        rows.close()
        self.where, self.store = where, store
        self.child = None

    def start(self):
        self.child = subprocess.Popen([sys.executable, __file__, "consume", self.where, self.store])

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def rows(self, query):
        rows = sqlite3.connect(self.store)
        try:
            return rows.execute(query).fetchall()
        finally:
            rows.close()


def create_sale(server):
    items = [{"sku": sku, "title": sku, "unitPriceMinor": PRICE, "timeToPay": "1s",
              "units": [{"warehouse": "north", "units": units}]} for sku, units in UNITS.items()]
    sale = {"name": "Followed", "currencyCode": "CNY", "openTime": at(-60), "closeTime": at(3600), "items": items}
    message = {"requestId": str(uuid.uuid4()), "operator": "olga", "sale": sale}
    made = call(server, "SaleService/CreateSale", message)["sale"]
    return [item["itemId"] for item in made["items"]]


def buy(server, items, seed, over):
    """Orders one after the other; what fails because the server is gone is left."""
    luck = random.Random(seed)
    while not over.is_set():
        item = luck.choice(items)
        ids = [str(uuid.uuid4()) for _ in range(2)]
        buyer = str(uuid.uuid4())
        with contextlib.suppress(OSError, http.client.HTTPException):
            placed = call(server, "PurchaseService/PlaceOrder",
                          {"requestId": ids[0], "itemId": item, "buyer": buyer, "units": 1})
            if "refusal" in placed:
                continue
            order = placed["order"]
            about = {"requestId": ids[1], "itemId": item, "orderId": order["orderId"]}
            what = luck.random()
            if what < 0.5:
                call(server, "PurchaseService/RecordPayment",
                     {**about, "paymentReference": ids[1], "amount": order["total"]})
            elif what < 0.7:
                call(server, "PurchaseService/CancelOrder", {**about, "buyer": buyer})


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target/release/doorbuster"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        where, directory = scratch / "address", scratch / "data"
        server = Server(binary, directory, errors=scratch / "server.log")
        consumer = Consumer(where, scratch / "shop.db")
        over = threading.Event()
        try:
            server.start()
            where.write_text(server.http)
            items = create_sale(server)
            buyers = [threading.Thread(target=buy, args=(server, items, seed, over)) for seed in range(4)]
            consumer.start()
            for buyer in buyers:
                buyer.start()
            for number in range(ROUNDS):
                time.sleep(ROUND_SECONDS / 2)
                consumer.kill()
                consumer.start()
                time.sleep(ROUND_SECONDS / 2)
                if number == 1:
                    # Away while the server dies and comes back, with events pending.
                    consumer.kill()
                server.kill()
                server.start()
                where.write_text(server.http)
                if number == 1:
                    time.sleep(ROUND_SECONDS / 2)
                    consumer.start()
            consumer.kill()
            consumer.start()
            over.set()
            for buyer in buyers:
                buyer.join()
            # The last holds end.
            time.sleep(2)
            check(consumer, directory)
        finally:
            over.set()
            server.end()
            if consumer.child:
                consumer.kill()


def check(consumer, directory):
    expected = followed(directory)
    until = time.monotonic() + CATCH_UP_SECONDS_MAX
    query = "SELECT id, position, item, kind, order_id FROM events ORDER BY rowid"
    while len(consumer.rows(query)) < len(expected) and time.monotonic() < until:
        time.sleep(0.1)
    found = consumer.rows(query)
    assert sorted(found) == sorted(expected), (
        f"{len(expected)} events in the log, {len(found)} at the shop, "
        f"{len(set(expected) - set(found))} lost, {len(set(found) - set(expected))} that are not in the log")
    assert found == expected, "events are not in the sequence of the log"
    assert consumer.rows("SELECT count(*) FROM events WHERE record != order_id") == [(0,)]
    (repeated,) = consumer.rows("SELECT repeated FROM place")[0]
    assert {event[3] for event in expected} >= {"PLACED", "PAID", "CANCELLED", "EXPIRED", "SOLD_OUT"}, told(expected)
    print(f"  ok      {len(expected)} events ({told(expected)}), each stored once and in the sequence of the log, "
          f"{repeated} repeated, over 3 kills of the server and 5 of the consumer", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["consume"]:
        consume(pathlib.Path(sys.argv[2]), sys.argv[3])
    else:
        main()
