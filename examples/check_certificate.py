"""Checks a no-oversell certificate, or the proof of one order, with nothing but Python.

    python3 check_certificate.py CERTIFICATE [--root HEX] [--log LOG.DB]
    python3 check_certificate.py --proof PROOF --root HEX

It shares no code with the program that wrote them; docs/certificate.md describes both formats.
--root is the root that the seller published: without it a document that was made up as a whole still
adds up. --log recomputes the hash chain of each item from the log itself. Exits with 0 if all is
right, else with 1 and what is wrong.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
import uuid

STATES = ("held", "paid", "cancelled", "expired")
HOLDING = {"held": "held", "paid": "sold"}


class Wrong(Exception):
    """What is wrong with the document."""


def demand(holds, problem):
    if not holds:
        raise Wrong(problem)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(line):  # RFC 6962, section 2.1
    return sha256(b"\0", line)


def node(left, right):
    return sha256(b"\1", left, right)


class Tree:
    """Root of a Merkle tree as in RFC 6962, while its leaves go by."""

    def __init__(self):
        self.leaves, self.whole = 0, []

    def add(self, root):
        leaves = self.leaves
        while leaves & 1:
            root, leaves = node(self.whole.pop(), root), leaves >> 1
        self.whole.append(root)
        self.leaves += 1

    def root(self):
        if not self.whole:
            return sha256()
        root = self.whole[-1]
        for left in reversed(self.whole[:-1]):
            root = node(left, root)
        return root


def walk(root, index, leaves, path):
    """The root that a leaf's path leads to: RFC 9162, section 2.1.3.2."""
    demand(0 <= index < leaves, "a path starts at a leaf that is not in its tree")
    last = leaves - 1
    for beside in path:
        demand(last > 0, "a path is too long")
        if index & 1 or index == last:
            root = node(beside, root)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            root = node(root, beside)
        index, last = index >> 1, last >> 1
    demand(last == 0, "a path is too short")
    return root


def parse(text):
    def unique(pairs):
        demand(len(dict(pairs)) == len(pairs), "a name stands twice in one line")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise Wrong(f"it is not JSON: {error}") from None


def count(value):
    demand(type(value) is int and value >= 0, f"{value!r} is not a count")
    return value


def check_header(header):
    demand(header["line"] == "header", "the first line is not a header")
    demand(header["format"] == "doorbuster certificate", "it is not a certificate of doorbuster")
    demand(header["version"] == 1, f"version {header['version']} is unknown to this checker")


class Item:
    """An item's line, and its orders as they go by."""

    def __init__(self, line):
        self.line, self.tree, self.revision = line, Tree(), -1
        self.states = dict.fromkeys(STATES, 0)
        self.units = {part["warehouse"]: {"held": 0, "sold": 0} for part in line["warehouses"]}
        demand(len(self.units) == len(line["warehouses"]), "a warehouse is listed twice")

    def order(self, raw, order):
        demand(count(order["revision"]) > self.revision, "orders are out of order")
        self.revision = order["revision"]
        self.tree.add(leaf(raw))
        self.states[order["state"]] += 1
        demand(sum(count(units) for _, units in order["warehouses"]) == order["units"] > 0,
               f"the units of order {order['order_id']} do not add up")
        if order["state"] in HOLDING:
            for warehouse, units in order["warehouses"]:
                self.units[warehouse][HOLDING[order["state"]]] += units

    def end(self):
        line, who = self.line, f"item {self.line['item_id']}"
        demand(self.tree.root().hex() == line["root"], f"{who}: its orders do not have its root")
        demand(self.states == line["orders"], f"{who} has other numbers of orders than it says")
        demand(self.revision <= count(line["revision"]), f"{who}: an order follows its last event")
        for part in line["warehouses"]:
            ours = self.units[part["warehouse"]]
            for name in ("held", "sold"):
                demand(ours[name] == part[name], f"{who}: {name} is not the sum of its orders")
        for name in ("allocated", "available", "held", "sold"):
            total = sum(count(part[name]) for part in line["warehouses"])
            demand(total == line[name], f"{who}: {name} is not the sum of its warehouses")
        for part in line["warehouses"] + [line]:
            demand(part["allocated"] == part["available"] + part["held"] + part["sold"],
                   f"{who}: allocated is not available + held + sold")


def check_chain(log, line):
    """Recomputes the chain of one item up to the event that the certificate ends with."""
    name = f"item-{line['item_id']}"
    last = sha256(b"doorbuster chain 1\n", name.encode())
    query = """SELECT revision, id, recorded_at_ms, CAST(kind AS BLOB), CAST(data AS BLOB),
        CAST(metadata AS BLOB), typeof(data) = 'blob' FROM events WHERE stream =
        (SELECT stream FROM streams WHERE name = ?) AND revision <= ? ORDER BY revision"""
    events = 0
    for revision, event, at_ms, *texts, binary in log.execute(query, (name, line["revision"])):
        lengths = (len(text).to_bytes(4, "big") + text for text in texts)
        last = sha256(last, revision.to_bytes(8, "big"), event, at_ms.to_bytes(8, "big", signed=True),
                      *lengths, b"\1" if binary else b"")
        events += 1
    demand(events == line["revision"] + 1, f"the log does not have all events of {name}")
    demand(last.hex() == line["head"], f"the log has another chain of {name}")


def check_certificate(path, root, log):
    everything, top, item, header, seal = hashlib.sha256(), Tree(), None, None, None
    items, orders, seen = 0, 0, set()
    with open(path, "rb") as lines:
        for number, raw in enumerate(lines, 1):
            try:
                demand(raw.endswith(b"\n") and seal is None, "it stands after the end")
                line = parse(raw)
                kind, text = line["line"], raw[:-1]
                if kind != "order" and item:
                    item.end()
                if number == 1:
                    header = line
                    check_header(header)
                    top.add(leaf(text))
                elif kind == "item":
                    item, items = Item(line), items + 1
                    top.add(leaf(text))
                    if log:
                        check_chain(log, line)
                elif kind == "order":
                    demand(item, "an order stands before all items")
                    item.order(text, line)
                    seen.add(uuid.UUID(line["order_id"]).bytes)
                    orders += 1
                    demand(len(seen) == orders, f"order {line['order_id']} is listed twice")
                else:
                    seal = {"line": "seal", "root": top.root().hex(), "sha256": everything.hexdigest()}
                    expected = json.dumps(seal, separators=(",", ":")).encode()
                    demand(text == expected, "the seal is not that of what stands before it")
                everything.update(raw)
            except Wrong as wrong:
                raise Wrong(f"line {number}: {wrong}") from None
    demand(seal, "it ends without a seal")
    demand((items, orders) == (header["items"], header["orders"]), "items or orders are missing")
    demand(root in (None, seal["root"]), "it is not the certificate with the published root")
    print(f"right: {orders} orders of {items} items, nothing oversold; root {seal['root']}")


def check_proof(path, root):
    with open(path, "rb") as file:
        proof = parse(file.read())
    demand(proof["format"] == "doorbuster order proof" and proof["version"] == 1, "it is no proof")
    header, item, order = (parse(proof[name]) for name in ("header", "item", "order"))
    check_header(header)
    demand((item["line"], order["line"]) == ("item", "order"), "its lines are of other kinds")
    demand(order["order_id"] == proof["order_id"], "it is of another order than it says")
    paths = [[bytes.fromhex(beside) for beside in proof[name]] for name in ("order_path", "item_path")]
    leaves = sum(count(item["orders"][state]) for state in STATES)
    reached = walk(leaf(proof["order"].encode()), proof["order_index"], leaves, paths[0]).hex()
    demand(reached == item["root"], "its path does not lead to the item's root")
    demand(proof["item_index"] > 0, "the place of the header is no item's")
    leaves = header["items"] + 1
    reached = walk(leaf(proof["item"].encode()), proof["item_index"], leaves, paths[1]).hex()
    demand(reached == proof["root"] == root, "it does not lead to the published root")
    who = ""
    if "opening" in proof:
        request, buyer = uuid.UUID(proof["opening"]["request_id"]), proof["opening"]["buyer"]
        made = hashlib.sha1(uuid.UUID(item["item_id"]).bytes + request.bytes + b"\0").digest()[:16]
        demand(str(uuid.UUID(bytes=made, version=5)) == order["order_id"],
               "the request is not the one that made the order")
        opened = sha256(b"doorbuster buyer 1\n", request.bytes, buyer.encode()).hex()
        demand(opened == order["buyer"], "the buyer is not the one of the order")
        who = f" of {buyer!r}"
    print(f"right: order {order['order_id']}{who}, {order['units']} units, {order['state']}")


def main():
    options = argparse.ArgumentParser(description="Checks a no-oversell certificate or a proof.")
    options.add_argument("certificate", nargs="?")
    options.add_argument("--proof", metavar="FILE")
    options.add_argument("--root", metavar="HEX")
    options.add_argument("--log", metavar="LOG.DB")
    given = options.parse_args()
    if (given.certificate is None) == (given.proof is None) or (given.proof and not given.root):
        options.error("name a certificate, or a proof and the root it must lead to")
    try:
        if given.proof:
            check_proof(given.proof, given.root)
        else:
            log = given.log and sqlite3.connect(f"file:{given.log}?mode=ro", uri=True)
            check_certificate(given.certificate, given.root, log)
    except (Wrong, OSError, sqlite3.Error) as wrong:
        sys.exit(f"WRONG: {wrong}")
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        sys.exit(f"WRONG: it is not of the form it should be: {error!r}")


if __name__ == "__main__":
    main()
