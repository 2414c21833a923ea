"""Measures how long an item is away when the node that owns it is killed, and when that node is back.

    tests/python/run.sh measure_takeover.py BINARY DATA [ROUNDS]

DATA holds a sale with one item: `doorbuster bench sale --data DATA --items 1 --no-traffic`. Serves it with
`doorbuster devstore` to two nodes that pass commands on, asks for the item on one node after the other without a
pause, kills its owner with kill -9, starts it again, and prints the longest wait of each phase. Asserts nothing.
"""

import contextlib
import os
import pathlib
import secrets
import socket
import sys
import tempfile
import threading
import time
import urllib.error

from devstore import Devstore
from server import Server, call

# For this long the item is asked for before its owner is killed, and after it is back.
CALM_SECONDS = 5
CATCH_UP_SECONDS_MAX = 600


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def node(binary, directory, number, store, secret):
    settings = {"DOORBUSTER_PEERS_LISTEN": f"127.0.0.1:{free_port()}", "DOORBUSTER_PEERS_SECRET_FILE": str(secret)}
    return Server(binary, directory / f"node-{number}", store=store, environment=settings,
                  errors=directory / f"node-{number}.log")


class Asker(threading.Thread):
    """Asks a node for an item again and again; keeps when each question began and how long its answer took."""

    def __init__(self, server, item):
        super().__init__(daemon=True)
        self.server, self.item = server, item
        self.waits, self.ends = [], False
        self.start()

    def run(self):
        began = time.monotonic()
        while not self.ends:
            with contextlib.suppress(urllib.error.URLError, OSError):
                call(self.server, "ItemService/GetItem", {"itemId": self.item}, timeout=60)
                self.waits.append((began, time.monotonic() - began))
                began = time.monotonic()

    def longest(self, since):
        return max(wait for began, wait in self.waits if began + wait >= since)

    def end(self):
        self.ends = True
        self.join()


def forwarded(server):
    others = call(server, "NodeService/ListNodes", {})["others"]
    return sum(int(other.get("forwarded", 0)) for other in others)


def until(what, holds):
    end = time.monotonic() + CATCH_UP_SECONDS_MAX
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.1)


def met(server):
    others = call(server, "NodeService/ListNodes", {}).get("others", [])
    return [other["standing"] for other in others].count("NODE_STANDING_ANSWERS") == 1


def is_caught_up(server):
    """Whether the read models answer, from all of the log."""
    try:
        sales = call(server, "SaleService/ListSales", {})["sales"]
        told = call(server, "ReportService/GetSalesSummary", {"saleId": sales[0]["saleId"]})["freshness"]
    except urllib.error.HTTPError:
        return False
    return told["headPosition"] == told["position"]


def measure(nodes, item, rounds):
    for turn in range(rounds):
        before = forwarded(nodes[0])
        call(nodes[0], "ItemService/GetItem", {"itemId": item}, timeout=60)
        owner, heir = reversed(nodes) if forwarded(nodes[0]) > before else nodes
        asker = Asker(heir, item)
        time.sleep(CALM_SECONDS)
        calm = asker.longest(0)
        killed = time.monotonic()
        owner.kill()
        until("an answer of the heir", lambda: any(began > killed for began, _ in asker.waits))
        time.sleep(CALM_SECONDS)
        taken_over = asker.longest(killed)
        back = time.monotonic()
        owner.start()
        until("the nodes meet", lambda: met(heir) and met(owner))
        time.sleep(CALM_SECONDS)
        print(f"round {turn + 1}: longest wait {calm * 1000:.0f} ms before, {taken_over * 1000:.0f} ms after the kill, "
              f"{asker.longest(back) * 1000:.0f} ms after the start", flush=True)
        asker.end()


def main():
    binary, data = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-takeover-"))
    secret = directory / "peers-secret"
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    store, nodes = Devstore(binary, data), []
    try:
        connection = store.start()
        nodes = [node(binary, directory, number, connection, secret) for number in (1, 2)]
        for each in nodes:
            each.start()
        until("the read models", lambda: all(is_caught_up(each) for each in nodes))
        sale = call(nodes[0], "SaleService/ListSales", {})["sales"][0]["saleId"]
        item = call(nodes[0], "SaleService/GetSale", {"saleId": sale})["sale"]["items"][0]["itemId"]
        until("the nodes meet", lambda: all(met(each) for each in nodes))
        measure(nodes, item, rounds)
    finally:
        for part in [*nodes, store]:
            part.end()
    print(f"logs are in {directory}")


if __name__ == "__main__":
    main()
