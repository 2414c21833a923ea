"""Exports of one sale: every paid order is in exactly one, refunds of earlier orders are named, and an export that
is read again has the digest in the log, also on copies of the log in other stores.

    tests/python/run.sh exports.py [BINARY]

A served sale is exported twice, with payments and a refund between. Then the log is copied to a server with
EventStoreDB's protocol and from there back into a directory; both exports are read again on each, and the
copy goes on with the next number. Digests are computed here.
"""

import csv
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import uuid

from devstore import Devstore
from http_json import REPOSITORY, Shop, at
from report import Cases, equal
from server import Server

PRICE = 1990
HEAD = str(2**64 - 1)


class Warehouse:
    """A shop that also exports."""

    def __init__(self, server):
        self.shop = Shop(server.http)

    def call(self, method, **fields):
        status, said = self.shop.call(method, fields)
        assert status == 200, (method, said)
        return said

    def act(self, method, reason, **fields):
        request_id = str(uuid.uuid4())
        return self.call(method, requestId=request_id, operator="wang", reason=reason, **fields)

    def open_sale(self):
        drafts = [
            {"sku": sku, "title": sku, "unitPriceMinor": PRICE, "timeToPay": "900s",
             "units": [{"warehouse": "north", "units": 60}, {"warehouse": "south", "units": 60}]}
            for sku in ("phone", "lamp")
        ]
        sale = {"name": "exports", "currencyCode": "CNY", "openTime": at(-1),
                "closeTime": at(3600), "items": drafts}
        sale = self.call("SaleService/CreateSale", requestId=str(uuid.uuid4()), operator="wang",
                         sale=sale)["sale"]
        return sale["saleId"], [item["itemId"] for item in sale["items"]]

    def buy(self, item, buyer, units):
        """A paid order."""
        order = self.call("PurchaseService/PlaceOrder", requestId=str(uuid.uuid4()), itemId=item,
                          buyer=buyer, units=units)["order"]
        self.call("PurchaseService/RecordPayment", requestId=str(uuid.uuid4()), itemId=item,
                  orderId=order["orderId"], paymentReference=f"pay, \"{buyer}\"",
                  amount={"currencyCode": "CNY", "amountMinor": str(PRICE * units)})
        return order["orderId"]

    def export(self, sale, reason):
        return self.act("OrderService/ExportOrders", reason, saleId=sale)["export"]

    def exports(self, sale):
        return self.call("OrderService/ListExports", saleId=sale, minPosition=HEAD)["exports"]


class Read:
    """An export as the command line reads it."""

    def __init__(self, binary, address, sale, number, scratch):
        file = pathlib.Path(scratch) / f"{uuid.uuid4()}.csv"
        command = [str(binary), "order", "export", sale, "--again", str(number), "--file", str(file),
                   "--quiet", "--server", f"http://{address}"]
        subprocess.run(command, check=True, capture_output=True)
        self.bytes = file.read_bytes()
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.rows = list(csv.DictReader(io.StringIO(self.bytes.decode("utf-8"))))

    def orders(self):
        return [row["order_id"] for row in self.rows if row["line"] == "order"]

    def refunds(self):
        return [(row["order_id"], row["units_refunded"], row["restocked"])
                for row in self.rows if row["line"] == "refund"]


def events(binary, kind, *where):
    """Bodies of events of a kind, from the log itself."""
    command = [str(binary), "log", "read", "--json", "--quiet", *map(str, where)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [event["data"] for event in map(json.loads, lines) if event["kind"] == kind]


def copied(binary, source, target):
    command = [str(binary), "copy", "--json", "--quiet", "--from", str(source), "--to", str(target)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def check_two_exports(cases, binary, server, scratch):
    """Puts up the sale; returns it, its items and both exports as they were read."""
    warehouse = Warehouse(server)
    sale, (phone, lamp) = warehouse.open_sale()
    paid = [warehouse.buy((phone, lamp)[nth % 2], f"first {nth}", nth % 3 + 1) for nth in range(23)]
    warehouse.export(sale, "noon")
    early = paid[0]
    later = [warehouse.buy((phone, lamp)[nth % 2], f"later {nth}", nth % 3 + 1) for nth in range(17)]
    for order, item, units, restock in [(early, phone, 1, True), (later[2], phone, 2, False)]:
        warehouse.act("OrderService/RefundOrder", "broken", itemId=item, orderId=order,
                      units=units, restock=restock)
    warehouse.export(sale, "evening")
    both = [Read(binary, server.address, sale, number, scratch) for number in (1, 2)]
    one, two = both
    with cases.case("two exports have every paid order, and none twice"):
        equal(one.orders(), paid)
        equal(two.orders(), later)
        logged = {body["order_id"] for body in events(binary, "OrderPaid", "--data", server.directory)}
        equal(set(one.orders()) | set(two.orders()), logged)
        equal(set(one.orders()) & set(two.orders()), set())
    with cases.case("the refund of an order in the first export is named in the second"):
        equal((one.refunds(), two.refunds()), ([], [(early, "1", "yes")]))
        (row,) = [row for row in two.rows if row["order_id"] == later[2]]
        equal((row["units_paid"], row["units_refunded"], row["units_to_ship"]), ("3", "2", "1"))
    with cases.case("the digests are those of the log, and of the list"):
        logged = [body["sha256"] for body in events(binary, "OrdersExported", "--data", server.directory)]
        equal([read.sha256 for read in both], logged)
        equal([export["sha256"] for export in warehouse.exports(sale)], logged)
        print(f"  paid {len(paid) + len(later)} = {len(paid)} + {len(later)} exported, 0 in both")
        print(f"  sha256 {logged[0]}\n         {logged[1]}")
    return sale, phone, both


def check_copy(cases, binary, scratch, where, server, sale, both):
    """The same exports where the log is a copy."""
    with cases.case(f"{where}: both exports have the same bytes"):
        again = [Read(binary, server.address, sale, number, scratch) for number in (1, 2)]
        equal([read.bytes for read in again], [read.bytes for read in both])
        print(f"  {where}: {sum(len(read.bytes) for read in again)} bytes equal, "
              f"{again[0].sha256[:16]}…, {again[1].sha256[:16]}…")


def check(cases, binary, scratch):
    errors = scratch / "stderr"
    first = Server(binary, scratch / "first", errors=errors)
    store = Devstore(binary, scratch / "store")
    there = back = None
    try:
        first.start()
        sale, phone, both = check_two_exports(cases, binary, first, scratch)
        equal(first.stop(), 0)
        connection = store.start()
        with cases.case("the log is copied to a server with EventStoreDB's protocol and back"):
            equal(copied(binary, scratch / "first", connection)["equal"], True)
            equal(copied(binary, connection, scratch / "back")["equal"], True)
        there = Server(binary, scratch / "views", errors=errors, store=connection)
        there.start()
        check_copy(cases, binary, scratch, "on the store", there, sale, both)
        equal(there.stop(), 0)
        back = Server(binary, scratch / "back", errors=errors)
        back.start()
        check_copy(cases, binary, scratch, "copied back", back, sale, both)
        with cases.case("the copy goes on with the next number"):
            warehouse = Warehouse(back)
            order = warehouse.buy(phone, "after the copy", 1)
            made = warehouse.export(sale, "next day")
            equal((made["number"], made["orders"]), ("3", "1"))
            equal(Read(binary, back.address, sale, 3, scratch).orders(), [order])
    finally:
        for child in (first, store, there, back):
            if child:
                child.end()


def main():
    default = REPOSITORY / "target/release/doorbuster"
    binary = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else default)
    cases = Cases()
    with tempfile.TemporaryDirectory() as scratch:
        check(cases, binary, pathlib.Path(scratch))
    return cases.finish()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
