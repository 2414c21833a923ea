"""Order events as webhooks while both sides are killed: no event is lost, and each order's are in its order.

    tests/python/order_webhook.py [BINARY]

A receiver in a process of its own verifies each request and stores the event before it answers; now and then it fails. While
buyers order, pay and give up, the server is killed (SIGKILL) twice and the receiver twice, once for longer. In the end what
was stored is compared with the log, which SQLite reads: all events of orders and sold-outs, and those of one order in the
sequence of the log. Needs Python only.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from order_events import buy, create_sale
from order_log import followed, told
from server import Server, call

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
KEYS = [os.urandom(32), os.urandom(32)]
CATCH_UP_SECONDS_MAX = 90


def receive(port, store, keys):
    """Takes events for ever."""
    lock, luck = threading.Lock(), random.Random(port)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            id = self.headers["webhook-id"]
            signed = f"{id}.{self.headers['webhook-timestamp']}.".encode() + body
            wanted = {"v1," + base64.b64encode(hmac.digest(bytes.fromhex(key), signed, hashlib.sha256)).decode()
                      for key in keys}
            status = 204 if wanted == set(self.headers["webhook-signature"].split()) else 401
            if status == 204 and luck.random() < 0.1:
                status = 500
            if status == 204:
                event = json.loads(body)["data"]
                row = (event["eventId"], int(event["position"]), event["itemId"],
                       event["kind"].removeprefix("ORDER_EVENT_KIND_"), event["orderId"])
                with lock, sqlite3.connect(store) as rows:
                    new = rows.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)", row).rowcount
                    rows.execute("UPDATE place SET repeated = repeated + ?", [1 - new])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


class Receiver:
    """The process that takes events."""

    def __init__(self, store):
        self.store, self.child = store, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with sqlite3.connect(store) as rows:
            rows.execute("PRAGMA journal_mode = WAL")
            rows.execute("CREATE TABLE events (id PRIMARY KEY, position, item, kind, order_id)")
            rows.execute("CREATE TABLE place (repeated)")
            rows.execute("INSERT INTO place VALUES (0)")

    def start(self):
        command = [sys.executable, __file__, "receive", str(self.port), self.store, *(key.hex() for key in KEYS)]
        self.child = subprocess.Popen(command)

    def kill(self):
        if self.child:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()
            self.child = None

    def rows(self, query):
        rows = sqlite3.connect(self.store)
        try:
            return rows.execute(query).fetchall()
        finally:
            rows.close()


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target/release/doorbuster"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        secrets = scratch / "secrets"
        secrets.write_text("\n".join(base64.b64encode(key).decode() for key in KEYS))
        secrets.chmod(0o600)
        receiver = Receiver(scratch / "received.db")
        server = Server(binary, scratch / "data", errors=scratch / "server.log", environment={
            "DOORBUSTER_ORDER_WEBHOOK_URL": f"http://127.0.0.1:{receiver.port}/",
            "DOORBUSTER_ORDER_WEBHOOK_SECRET_FILE": str(secrets),
            "DOORBUSTER_ORDER_WEBHOOK_PRIVATE": "allowed",
        })
        over = threading.Event()
        try:
            receiver.start()
            server.start()
            begun = server.directory / "order-webhook.json"
            while not begun.exists():
                time.sleep(0.05)
            items = create_sale(server)
            buyers = [threading.Thread(target=buy, args=(server, items, seed, over)) for seed in range(2)]
            for buyer in buyers:
                buyer.start()
            for away in (0.5, 3):
                time.sleep(1.5)
                receiver.kill()
                time.sleep(away)
                # Events are pending.
                server.kill()
                server.start()
                receiver.start()
            over.set()
            for buyer in buyers:
                buyer.join()
            # The last holds end.
            time.sleep(2)
            check(receiver, server)
        finally:
            over.set()
            server.end()
            receiver.kill()


def check(receiver, server):
    expected = followed(server.directory)
    until = time.monotonic() + CATCH_UP_SECONDS_MAX
    query = "SELECT id, position, item, kind, order_id FROM events ORDER BY rowid"
    while len(receiver.rows(query)) < len(expected) and time.monotonic() < until:
        time.sleep(0.1)
    found = receiver.rows(query)
    aside = call(server, "WebhookService/ListFailedDeliveries", {})
    assert sorted(found) == sorted(expected), (
        f"{len(expected)} events in the log, {len(found)} received, {len(set(expected) - set(found))} lost, "
        f"{len(set(found) - set(expected))} that are not in the log, set aside: {aside}")

    def by_order(events):
        orders = {}
        for event in events:
            if event[3] != "SOLD_OUT":
                orders.setdefault(event[4], []).append(event[0])
        return orders

    assert by_order(found) == by_order(expected), "events of an order are not in its order"
    (repeated,) = receiver.rows("SELECT repeated FROM place")[0]
    print(f"  ok      {len(expected)} events ({told(expected)}), each received and those of one order in its order, "
          f"{repeated} repeated, over 2 kills of the server and 2 of the receiver", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        receive(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        main()
