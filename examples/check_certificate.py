"""Checks a no-oversell certificate, or the proof of one order, with nothing but Python.

    python3 check_certificate.py CERTIFICATE [--root HEX] [--log LOG.DB]
    python3 check_certificate.py --proof PROOF --root HEX

It shares no code with the program that wrote them; docs/certificate.md describes both formats.
--root is the root that the seller published: without it a completely forged document can still add up.
--log recomputes the hash chain of each item from the log itself. Exits with 0 if the document is valid,
otherwise with 1 and the problem.
"""

import argparse
import hashlib
import json
import sqlite3
import sys
import uuid

STATES = {1: ("held", "paid", "cancelled", "expired"), 2: ("held", "paid", "cancelled", "expired", "refunded")}
UNITS = ("allocated", "available", "held", "sold")
PROOF = {"format", "version", "order_id", "root", "header", "item", "order", "order_index",
         "order_path", "item_index", "item_path", "header_path", "opening"}


class Wrong(Exception):
    """A problem of the document."""


def demand(holds, problem):
    if not holds:
        raise Wrong(problem)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(line):  # Trees are those of RFC 6962, section 2.1.
    return sha256(b"\0", line)


def node(left, right):
    return sha256(b"\1", left, right)


class Tree:
    """The root of a tree, computed incrementally: roots of complete subtrees, from left to right."""

    def __init__(self):
        self.leaves, self.whole = 0, []

    def add(self, root):
        leaves, self.leaves = self.leaves, self.leaves + 1
        while leaves & 1:
            root, leaves = node(self.whole.pop(), root), leaves >> 1
        self.whole.append(root)

    def root(self):
        root = self.whole[-1] if self.whole else sha256()
        for left in reversed(self.whole[:-1]):
            root = node(left, root)
        return root


def walk(root, index, leaves, path):
    """The root computed from a leaf and its audit path."""
    demand(0 <= index < leaves and (leaves > 1) == bool(path), "a path does not fit its tree")
    if leaves == 1:
        return root
    split = 1 << (leaves - 1).bit_length() - 1
    if index < split:
        return node(walk(root, index, split, path[:-1]), path[-1])
    return node(path[-1], walk(root, index - split, leaves - split, path[:-1]))


def parse(text):
    def unique(pairs):
        demand(len(dict(pairs)) == len(pairs), "a name stands twice in one line")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unique)


def count(value):
    demand(type(value) is int and value >= 0, f"{value!r} is not a count")
    return value


def check_header(header):
    demand((header["line"], header["format"]) == ("header", "doorbuster certificate"),
           "it is not a certificate of doorbuster")
    demand(header["version"] in STATES, f"version {header['version']} is unknown to this checker")
    demand(header["chain"] in ("sha-256", "none"), "its chain is of an unknown kind")


def check_units(order):
    units = sum(count(units) for _, units in order["warehouses"])
    demand(units == count(order["units"]) > 0, "the units of an order do not add up")


def check_money(order):
    """The relations between the prices, the total and the refunds of an order of version 2."""
    parts = order["parts"]
    demand(all(count(units) > 0 and count(price) > 0 for units, price in parts), "a part has no units or no price")
    demand(sum(units for units, _ in parts) == order["units"], "the parts of an order do not have its units")
    total = sum(units * price for units, price in parts) - count(order["discount_minor"])
    demand(total == count(order["total_minor"]) > 0, "the total of an order is not that of its parts and its discount")
    bought, refunded = dict(order["warehouses"]), dict(order["refunded"])
    demand(len(bought) == len(order["warehouses"]) and len(refunded) == len(order["refunded"]),
           "a warehouse of an order is listed twice")
    demand([name for name in bought if name in refunded] == list(refunded), "refunded units are out of order")
    demand(all(0 < count(units) <= bought[name] for name, units in refunded.items()),
           "more units of an order are refunded than it has")
    back = sum(refunded.values())
    demand(back == 0 or order["state"] in ("paid", "refunded"), "units of an order are refunded that was not paid")
    demand((back == order["units"]) == (order["state"] == "refunded"), "the state of an order is not that of its units")
    demand(count(order["refunded_minor"]) == total * back // order["units"],
           "the refund of an order is not its share of the total")


class Item:
    """An item's line, and the running state over its orders."""

    def __init__(self, line, version):
        self.line, self.version, self.tree, self.revision = line, version, Tree(), -1
        self.place, self.orders = (line["sale_id"], line["item_id"]), dict.fromkeys(STATES[version], 0)
        self.paid_minor = self.refunded_minor = 0
        self.units = {part["warehouse"]: {"held": 0, "sold": 0} for part in line["warehouses"]}
        demand(len(self.units) == len(line["warehouses"]), "a warehouse is listed twice")

    def add(self, text, order):
        demand(count(order["revision"]) > self.revision, "orders are out of order")
        self.revision = order["revision"]
        self.tree.add(leaf(text))
        self.orders[order["state"]] += 1
        check_units(order)
        place = {"held": "held", "paid": "sold", "refunded": "sold"}.get(order["state"])
        for warehouse, units in order["warehouses"] if place else ():
            self.units[warehouse][place] += units
        if self.version > 1:
            check_money(order)
            self.paid_minor += order["total_minor"] if place == "sold" else 0
            self.refunded_minor += order["refunded_minor"]
            for warehouse, units in order["refunded"]:
                self.units[warehouse]["sold"] -= units

    def end(self):
        line, who = self.line, f"item {self.line['item_id']}: "
        demand(self.tree.root().hex() == line["root"], who + "its orders do not have its root")
        demand(self.orders == line["orders"], who + "it has other orders than it says")
        demand(self.revision <= count(line["revision"]), who + "an order follows its last event")
        for part in line["warehouses"]:
            ours = self.units[part["warehouse"]]
            demand((ours["held"], ours["sold"]) == (part["held"], part["sold"]),
                   who + "held or sold are not what its orders hold or have paid for")
        if self.version > 1:
            demand((self.paid_minor, self.refunded_minor) == (count(line["paid_minor"]), count(line["refunded_minor"])),
                   who + "paid or refunded amounts are not those of its orders")
        for part in line["warehouses"] + [line]:
            allocated, *others = (count(part[name]) for name in UNITS)
            demand(allocated == sum(others), who + "allocated is not available + held + sold")
        for name in UNITS:
            total = sum(part[name] for part in line["warehouses"])
            demand(total == line[name], f"{who}{name} is not the sum of its warehouses")


def check_chain(log, line):
    """Recomputes the chain of one item up to the last event of the certificate."""
    name = f"item-{line['item_id']}"
    last = sha256(b"doorbuster chain 1\n", name.encode())
    query = """SELECT revision, id, recorded_at_ms, CAST(kind AS BLOB), CAST(data AS BLOB),
        CAST(metadata AS BLOB), typeof(data) = 'blob' FROM events WHERE stream =
        (SELECT stream FROM streams WHERE name = ?) AND revision <= ? ORDER BY revision"""
    events = 0
    for revision, event, at_ms, *texts, binary in log.execute(query, (name, line["revision"])):
        texts = [len(text).to_bytes(4, "big") + text for text in texts]
        last = sha256(last, revision.to_bytes(8, "big"), event, at_ms.to_bytes(8, "big", signed=True),
                      *texts, b"\1" if binary else b"")
        events += 1
    demand(events == line["revision"] + 1, f"the log does not have all events of {name}")
    demand(last.hex() == line["head"], f"the log has another chain of {name}")


class Certificate:
    """A certificate, line by line."""

    def __init__(self, log):
        self.log, self.everything, self.top = log, hashlib.sha256(), Tree()
        self.header, self.item, self.items, self.orders, self.root = None, None, 0, set(), None

    def take(self, raw):
        demand(self.root is None, "it stands after the seal")
        text, line = raw[:-1], parse(raw)
        kind, first = line["line"], self.header is None
        if kind != "order" and self.item:
            self.item.end()
        if first:
            check_header(line)
            self.header = line
        elif kind == "item":
            before, self.item, self.items = self.item, Item(line, self.header["version"]), self.items + 1
            demand(before is None or before.place < self.item.place, "items are out of order")
            if self.log:
                check_chain(self.log, line)
        elif kind == "order":
            known, _ = len(self.orders), self.orders.add(uuid.UUID(line["order_id"]).bytes)
            demand(len(self.orders) > known, f"order {line['order_id']} is listed twice")
            self.item.add(text, line)
        else:
            self.root = self.top.root().hex()
            seal = {"line": "seal", "root": self.root, "sha256": self.everything.hexdigest()}
            demand(raw == json.dumps(seal, separators=(",", ":")).encode() + b"\n",
                   "the seal is not that of what stands before it")
        if first or kind == "item":
            self.top.add(leaf(text))
        self.everything.update(raw)

    def end(self, root):
        demand(self.root, "it ends without a seal")
        counts = self.items, len(self.orders)
        demand(counts == (self.header["items"], self.header["orders"]), "items or orders are missing")
        demand(root in (None, self.root), "it is not the certificate with the published root")
        print(f"right: {counts[1]} orders of {counts[0]} items, none oversold; root {self.root}")


def check_certificate(path, root=None, log=None):
    certificate = Certificate(log)
    with open(path, "rb") as lines:
        for number, raw in enumerate(lines, 1):
            try:
                certificate.take(raw)
            except Wrong as wrong:
                raise Wrong(f"line {number}: {wrong}") from None
    certificate.end(root)


def check_proof(path, root):
    with open(path, "rb") as file:
        proof = parse(file.read())
    demand(set(proof) | {"opening"} == PROOF, "it has other parts than a proof")
    demand((proof["format"], proof["version"]) == ("doorbuster order proof", 1), "it is no proof")
    header, item, order = (parse(proof[name]) for name in ("header", "item", "order"))
    check_header(header)
    demand((item["line"], order["line"]) == ("item", "order"), "its lines are of other kinds")
    demand(order["order_id"] == proof["order_id"], "it is of another order than it says")
    check_units(order)
    if header["version"] > 1:
        check_money(order)
    orders = sum(count(item["orders"][state]) for state in STATES[header["version"]])
    lines = count(header["items"]) + 1
    for name, index, leaves, goal in (("order", proof["order_index"], orders, item["root"]),
                                      ("item", proof["item_index"], lines, root),
                                      ("header", 0, lines, root)):
        path = [bytes.fromhex(beside) for beside in proof[name + "_path"]]
        demand([beside.hex() for beside in path] == proof[name + "_path"], "a hash is misspelt")
        reached = walk(leaf(proof[name].encode()), count(index), leaves, path).hex()
        demand(reached == goal, f"the way of the {name} does not lead to the root")
    demand(proof["root"] == root, "it says that it leads to another root")
    who = "somebody"
    if "opening" in proof:
        demand(set(proof["opening"]) == {"request_id", "buyer"}, "its opening has other parts")
        request, who = uuid.UUID(proof["opening"]["request_id"]), proof["opening"]["buyer"]
        demand(str(request) == proof["opening"]["request_id"], "the request is misspelt")
        made = hashlib.sha1(uuid.UUID(item["item_id"]).bytes + request.bytes + b"\0").digest()[:16]
        demand(str(uuid.UUID(bytes=made, version=5)) == order["order_id"],
               "the request is not the one that made the order")
        opened = sha256(b"doorbuster buyer 1\n", request.bytes, who.encode()).hex()
        demand(opened == order["buyer"], "the buyer is not the one of the order")
    back = sum(units for _, units in order.get("refunded", ()))
    refunded = f", {back} of them given back for {order['refunded_minor']}" if back else ""
    print(f"right: order {order['order_id']} of {who!r}, units: {order['units']}, {order['state']}{refunded}")


def main():
    options = argparse.ArgumentParser(description="Checks a no-oversell certificate or a proof.")
    for name in ("--proof", "--root", "--log"):
        options.add_argument(name)
    options.add_argument("certificate", nargs="?")
    given = options.parse_args()
    if (given.certificate is None) == (given.proof is None) or (given.proof and not given.root):
        options.error("name a certificate, or a proof and the root it must lead to")
    try:
        if given.proof:
            return check_proof(given.proof, given.root.lower())
        log = given.log and sqlite3.connect(f"file:{given.log}?mode=ro", uri=True)
        return check_certificate(given.certificate, given.root and given.root.lower(), log)
    except (Wrong, OSError, sqlite3.Error) as wrong:
        return f"WRONG: {wrong}"
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError) as error:
        return f"WRONG: it is not of the form it should be: {error!r}"


if __name__ == "__main__":
    sys.exit(main())
