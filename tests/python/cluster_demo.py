"""Runs the demonstration on a store with EventStoreDB's protocol, and copies the log in both directions.

A whole sale runs through `doorbuster devstore`. Then the Python client of EventStoreDB, which
is independent of doorbuster, lists the items' streams and finds every order; and `doorbuster copy` takes the
log to a directory and from there to another server, where it must be equal.

Run it with `tests/python/run.sh cluster_demo.py`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from kurrentdbclient import KurrentDBClient

from demo_figures import wrong_figures
from devstore import Devstore

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 300


def run(binary, *arguments):
    """Runs a verb with --json and returns its answer."""
    command = [str(binary), *map(str, arguments), "--json", "--quiet"]
    print("$", " ".join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{arguments[0]} ended with {done.returncode}: {done.stdout.decode()}")
    return json.loads(done.stdout)


def orders_by_item(connection):
    """Orders in the items' streams, as any EventStoreDB client can count them."""
    client = KurrentDBClient(connection.replace("esdb://", "kurrentdb://").replace("tls", "Tls"))
    streams = {}
    for event in client.read_all(filter_include=[r"item-.*"], filter_by_stream_name=True):
        streams.setdefault(event.stream_name, 0)
    for stream in streams:
        kinds = [event.type for event in client.get_stream(stream)]
        streams[stream] = kinds.count("OrderPlaced")
    client.close()
    return streams


def expect(what, found, expected):
    print(f"{what}: {found}", flush=True)
    if found != expected:
        raise SystemExit(f"WRONG {what}: found {found!r}, expected {expected!r}")


def rehearse(binary, scratch):
    first = Devstore(binary, scratch / "first")
    second = Devstore(binary, scratch / "second")
    try:
        connection = first.start()
        figures = run(binary, "demo", "--store", connection, "--data", scratch / "views")
        expect("wrong figures of the demonstration", wrong_figures("simulated", figures), 0)
        orders = orders_by_item(connection)
        expect("streams of items", len(orders), 2)
        expect("orders that the Python client found", sum(orders.values()), figures["orders_placed"])
        expect("verify on the store", run(binary, "verify", "--store", connection)["ok"], True)

        there = run(binary, "copy", "--from", connection, "--to", scratch / "log", "--read-models")
        expect("events copied into a directory", there["copied"], figures["log_events"])
        expect("both sides equal", (there["equal"], there["read_models_equal"]), (True, True))
        proof = run(binary, "verify", "--data", scratch / "log")
        expect("verify of the copy", proof["ok"], True)

        target = second.start()
        back = run(binary, "copy", "--from", scratch / "log", "--to", target, "--read-models")
        expect("events copied to another server", back["copied"], figures["log_events"])
        expect("both sides equal", (back["equal"], back["read_models_equal"]), (True, True))
        expect("orders found there", orders_by_item(target), orders)
        again = run(binary, "copy", "--from", connection, "--to", target)
        expect("copied once more", (again["copied"], again["equal"]), (0, True))
    finally:
        first.end()
        second.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", nargs="?", default=REPOSITORY / "target/release/doorbuster")
    binary = pathlib.Path(parser.parse_args().binary)
    if not binary.exists():
        sys.exit(f"there is no {binary}: run `cargo build --release` first")
    with tempfile.TemporaryDirectory() as scratch:
        rehearse(binary, pathlib.Path(scratch))


if __name__ == "__main__":
    main()
