"""Tests the shipped checker of certificates: it accepts the output of `doorbuster verify --certificate` and
`doorbuster order proof`, and rejects it with any byte changed.

    tests/python/run.sh certificate.py [BINARY]

The logs come from `doorbuster bench sale`, and one from a served sale with prices, an offer and gifts; the other
certificates of version 2 are those of tests/golden/certificates. Every byte of a small certificate and of a proof is
changed once in three ways, and random bytes of a larger one.
"""

import contextlib
import io
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CHECKER = HERE / "../../examples/check_certificate.py"
PRICED = HERE / "../golden/certificates/priced.certificate"
REFUNDED = HERE / "../golden/certificates/refunded.certificate"
sys.path.insert(0, str(CHECKER.parent))

import check_certificate  # noqa: E402
import client  # noqa: E402
import http_json  # noqa: E402
from server import Server  # noqa: E402

CHANGES = (1, 32, 255)
RANDOM_CHANGES = 60


def run(*command):
    """Runs a command that must succeed, and returns its output."""
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def checks(*arguments):
    """Whether the checker, run in this process, accepts the arguments: the exit code of its `main`."""
    sys.argv = ["check_certificate.py", *(str(argument) for argument in arguments)]
    with contextlib.redirect_stdout(io.StringIO()):
        said = check_certificate.main()
    assert said is None or said.startswith("WRONG: "), said
    return said is None


def sale(binary, directory, orders):
    """Writes a sale and its certificate; returns the certificate's path, its root, and the data directory."""
    data, file = directory / f"sale-{orders}", directory / f"{orders}.certificate"
    run(binary, "bench", "sale", "--quiet", "--data", data, "--orders", orders, "--items", 3, "--minutes", 2)
    return file, certified(binary, data, file), data


def certified(binary, data, file):
    """Writes the certificate of a log and returns its root."""
    answer = json.loads(run(binary, "verify", "--json", "--data", data, "--certificate", file))
    return answer["certificate"]["root"]


def changed_everywhere(file, arguments, scratch):
    """Changes every byte of a file and asserts that each change is rejected."""
    whole = file.read_bytes()
    for at in range(len(whole)):
        for change in CHANGES:
            changed = bytearray(whole)
            changed[at] ^= change
            scratch.write_bytes(changed)
            assert not checks(*arguments), f"byte {at} of {file.name} was changed by {change} and taken"
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        scratch.write_bytes(whole[:cut])
        assert not checks(*arguments), f"{file.name} was cut at {cut} and taken"
    return len(whole)


def check_small(binary, directory):
    file, root, data = sale(binary, directory, 10)
    # A certificate of a few orders only, so that each of its bytes can be changed.
    lines = file.read_bytes().splitlines(keepends=True)
    assert checks(file) and checks(file, "--root", root) and checks(file, "--root", root.upper())
    assert checks(file, "--log", data / "log.db")
    assert not checks(file, "--root", "0" * 64)
    scratch = directory / "changed"
    scratch.write_bytes(b"".join(lines[:-1]))
    assert not checks(scratch), "a certificate without a seal was taken"
    scratch.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert not checks(scratch), "a certificate without one order was taken"
    scratch.write_bytes(b"".join(lines + lines[-1:]))
    assert not checks(scratch), "a certificate with two seals was taken"
    count = changed_everywhere(file, (scratch,), scratch)
    print(f"small certificate: {count} bytes, each changed in {len(CHANGES)} ways: none taken")

    orders = [json.loads(line) for line in lines if b'"line":"order"' in line]
    for nth, order in enumerate(orders[:8]):
        proof = directory / f"{nth}.proof"
        source = ("--certificate", file) if nth % 2 else ("--data", data)
        run(binary, "order", "proof", order["order_id"], *source, "--out", proof)
        assert checks("--proof", proof, "--root", root)
        assert not checks("--proof", proof, "--root", "0" * 64)
    proof = directory / "0.proof"
    assert "opening" in json.loads(proof.read_text()), "the log knows who placed the order"
    other = json.loads((directory / "1.proof").read_text())
    for name in ("order", "item", "order_index", "order_path"):
        mixed = {**json.loads(proof.read_text()), name: other[name]}
        scratch.write_text(json.dumps(mixed))
        fits = mixed == json.loads(proof.read_text())
        assert fits or not checks("--proof", scratch, "--root", root), f"{name} of another proof was taken"
    # White space between the parts of the proof is insignificant; every other byte is significant.
    compact = directory / "compact.proof"
    compact.write_text(json.dumps(json.loads(proof.read_text()), separators=(",", ":"), ensure_ascii=False))
    count = changed_everywhere(compact, ("--proof", scratch, "--root", root), scratch)
    print(f"proof: {count} bytes, each changed in {len(CHANGES)} ways: none taken")

    tampered = directory / "tampered.db"
    shutil.copy(data / "log.db", tampered)
    with contextlib.closing(sqlite3.connect(tampered)) as log, log:
        log.execute("UPDATE events SET recorded_at_ms = recorded_at_ms + 1 WHERE kind = 'OrderPaid'")
    assert not checks(file, "--log", tampered), "a log that was changed was taken"


def resealed(lines):
    """A certificate forged from other lines, with correct roots and a correct seal."""
    top, orders, out = check_certificate.Tree(), check_certificate.Tree(), []
    for line in reversed(lines[:-1]):
        out.append(line)
    whole, group = [], []
    for line in out:
        parsed = json.loads(line)
        if parsed["line"] == "order":
            group.append(line)
        elif parsed["line"] == "item":
            orders = check_certificate.Tree()
            for order in reversed(group):
                orders.add(check_certificate.leaf(order[:-1]))
            parsed["root"] = orders.root().hex()
            line = json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            whole += group + [line]
            group = []
        else:
            whole.append(line)
    whole.reverse()
    for line in whole:
        if b'"line":"order"' not in line:
            top.add(check_certificate.leaf(line[:-1]))
    body = b"".join(whole)
    seal = {"line": "seal", "root": top.root().hex(), "sha256": check_certificate.hashlib.sha256(body).hexdigest()}
    return body + json.dumps(seal, separators=(",", ":")).encode() + b"\n"


def forge(lines, changes, scratch):
    """Writes the certificate to `scratch` with these changes to its lines, and with correct roots and a correct seal.

    A change is a kind of line, the condition that a line must meet, and what is done to it.
    """
    forged = []
    for line in lines:
        parsed = json.loads(line)
        for kind, matches, change in changes:
            if parsed["line"] == kind and matches(parsed):
                change(parsed)
        forged.append(json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
    scratch.write_bytes(resealed(forged))


def check_lies(directory):
    """Forged certificates with a valid seal are rejected because their figures do not add up."""
    lines = (directory / "10.certificate").read_bytes().splitlines(keepends=True)
    scratch = directory / "changed"
    scratch.write_bytes(resealed(lines))
    assert checks(scratch), "the seal that this test makes is right"

    def lie(name, kind, change):
        changed = list(lines)
        for at, line in enumerate(changed):
            parsed = json.loads(line)
            if parsed["line"] == kind and change(parsed) is not False:
                changed[at] = json.dumps(parsed, separators=(",", ":")).encode() + b"\n"
                break
        scratch.write_bytes(resealed(changed))
        assert not checks(scratch), f"{name} was taken"

    def add(name, number):
        return lambda line: line.update({name: line[name] + number})

    def pay(order):
        return False if order["state"] == "paid" else order.update(state="paid")

    def oversell(item):
        for part in (item, item["warehouses"][0]):
            part["allocated"] -= 1

    def below_zero(item):
        for part in (item, item["warehouses"][0]):
            part["allocated"] -= part["available"] + 1
            part["available"] = -1

    lie("one unit sold more", "item", add("sold", 1))
    lie("one unit fewer allocated", "item", oversell)
    lie("an item with fewer units than none", "item", below_zero)
    lie("an order with one unit more", "order", add("units", 1))
    lie("an order paid that was not", "order", pay)
    lie("one order fewer", "header", add("orders", -1))
    lie("an item that ends before its orders", "item", lambda item: item.update(revision=3))
    order = next(at for at, line in enumerate(lines) if b'"line":"order"' in line)
    scratch.write_bytes(resealed(lines[: order + 1] + lines[order:]))
    assert not checks(scratch), "an order listed twice was taken"
    print("9 lies with a right seal: none taken")


def check_kept(file, scratch):
    """A certificate of version 2 is accepted, and no change of a byte is. Returns its root and a function that says
    whether it is accepted after changes to its lines, with all hashes made anew."""
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    root = json.loads(lines[-1])["root"]
    assert checks(file) and checks(file, "--root", root)
    scratch.write_bytes(resealed(lines))
    assert scratch.read_bytes() == whole, "the seal that this test makes is right"
    count = changed_everywhere(file, (scratch,), scratch)
    print(f"{file.name}: {count} bytes, each changed in {len(CHANGES)} ways: none taken")

    def told(changes):
        forge(lines, changes, scratch)
        return checks(scratch)

    return root, told


def check_priced(directory):
    """No changed price, total or refund of a certificate of version 2 is accepted, whatever hashes are made anew."""
    _, told = check_kept(PRICED, directory / "changed")

    def paid(order):
        return order["total_minor"] == 3861

    def held(order):
        return order["total_minor"] == 8500

    def of(item):
        return item["sku"] == "A"

    def on(matches, **members):
        return [("order", matches, lambda order: order.update(members))]

    def sums(**more):
        return [("item", of, lambda item: item.update({name: item[name] + number for name, number in more.items()}))]

    def back(units, state=None):
        """Units of the paid order that are given back and on offer again."""
        def stock(item):
            for part in (item, item["warehouses"][0]):
                part["sold"] -= units
                part["available"] += units
            if state:
                item["orders"]["paid"] -= 1
                item["orders"][state] += 1
        return [("item", of, stock)]

    def refund(units, minor, state="paid", warehouse="east"):
        return on(paid, refunded=[[warehouse, units]], refunded_minor=minor, state=state)

    # What a log with refunds says. 1, 3 and 4 of 4 units that cost 3861 together.
    assert told(refund(1, 965) + back(1) + sums(refunded_minor=965)), "a refund of one unit was not taken"
    assert told(refund(3, 2895) + back(3) + sums(refunded_minor=2895)), "a refund of three units was not taken"
    assert told(refund(4, 3861, "refunded") + back(4, "refunded") + sums(refunded_minor=3861)), "nor of all"
    lies = {
        "one price": on(paid, parts=[[1, 991], [3, 1100]]),
        "one price and its total": on(paid, parts=[[1, 991], [3, 1100]], total_minor=3862),
        "one price and its discount, which pays for it": on(held, parts=[[6, 0]], discount_minor=0, total_minor=0),
        "units moved from a price to another": on(paid, parts=[[2, 990], [2, 1100]]),
        "a part of nothing": on(held, parts=[[6, 1500], [0, 1]]),
        "fewer units in parts": on(held, parts=[[5, 1500]], total_minor=7000),
        "a larger discount": on(held, discount_minor=501),
        "a larger discount and its total": on(paid, discount_minor=430, total_minor=3860),
        "a discount below nothing": on(held, discount_minor=-1, total_minor=9001),
        "a total": on(held, total_minor=8501),
        "a total of nothing": on(held, discount_minor=9000, total_minor=0),
        "more paid than the orders": sums(paid_minor=1),
        "more refunded than the orders": sums(refunded_minor=1),
        "a refund of a minor unit too much": refund(1, 966) + back(1) + sums(refunded_minor=966),
        "a refund that left no money": refund(1, 0) + back(1),
        "a refund whose units are still sold": refund(1, 965) + sums(refunded_minor=965),
        "a refund of more units than bought": refund(5, 4826) + back(5) + sums(refunded_minor=4826),
        "a refund of no units": refund(0, 0),
        "a refund elsewhere": refund(1, 965, warehouse="west") + back(1) + sums(refunded_minor=965),
        "all refunded but called paid": refund(4, 3861) + back(4) + sums(refunded_minor=3861),
        "refunded in part but called refunded": refund(1, 965, "refunded") + back(1, "refunded")
                                                + sums(refunded_minor=965),
        "a refund of an order that was not paid": on(held, refunded=[["east", 1]], refunded_minor=1416)
                                                  + sums(refunded_minor=1416),
        "version 1 for what is version 2": [("header", lambda _: True, lambda header: header.update(version=1))],
        "version 3": [("header", lambda _: True, lambda header: header.update(version=3))],
    }
    for name, changes in lies.items():
        assert not told(changes), f"{name} was taken"
    for name in ("parts", "discount_minor", "total_minor", "refunded", "refunded_minor"):
        assert not told([("order", held, lambda order, name=name: order.pop(name))]), f"an order without {name} was taken"
    print(f"{len(lies) + 5} lies in a certificate of version 2 with a right seal: none taken")


def check_refunded(binary, directory):
    """A certificate of a log with refunds: no refund of it can be changed, left out or moved, and its orders are proved."""
    root, told = check_kept(REFUNDED, directory / "changed")
    lines = [json.loads(line) for line in REFUNDED.read_bytes().splitlines()]
    orders = {line["total_minor"]: line for line in lines if line["line"] == "order" and line["state"] != "cancelled"}
    assert [orders[total]["state"] for total in (1235, 1000, 1200, 2280)] == ["paid", "refunded", "paid", "refunded"]

    def of(total, **members):
        known = orders[total]["order_id"]
        return [("order", lambda order: order["order_id"] == known, lambda order: order.update(members))]

    def item(change):
        return [("item", lambda _: True, change)]

    def sums(**more):
        return item(lambda line: line.update({name: line[name] + number for name, number in more.items()}))

    def moved(units):
        """So many units of the first warehouse are on offer that were sold before."""
        def change(line):
            for part in (line, line["warehouses"][0]):
                part["sold"] -= units
                part["available"] += units
        return item(change)

    def counted(**more):
        return item(lambda line: line["orders"].update({name: line["orders"][name] + n for name, n in more.items()}))

    # One unit more of the first order came back: 1235 over 3 units are 411, 412 and 412.
    assert told(of(1235, state="refunded", refunded=[["east", 3]], refunded_minor=1235) + moved(1)
                + sums(refunded_minor=412) + counted(paid=-1, refunded=1)), "another refund that adds up was not taken"
    lies = {
        "a refund left out": of(1235, refunded=[], refunded_minor=0) + sums(refunded_minor=-823),
        "a refund left out, its units sold again": of(1235, refunded=[], refunded_minor=0) + moved(-2),
        "a minor unit less": of(1235, refunded_minor=822) + sums(refunded_minor=-1),
        "a minor unit moved to another refund": of(1235, refunded_minor=822) + of(1200, refunded_minor=601),
        "a unit less for the same money": of(1235, refunded=[["east", 1]]) + moved(-1),
        "a unit of another warehouse": of(1200, refunded=[["east", 1]]),
        "warehouses out of order": of(2280, refunded=[["west", 3], ["east", 1]]),
        "a warehouse twice": of(2280, refunded=[["east", 1], ["west", 2], ["west", 1]]),
        "refunded whole, but called paid": of(1000, state="paid") + counted(paid=1, refunded=-1),
        "refunded in part, but called refunded": of(1200, state="refunded") + counted(paid=-1, refunded=1),
        "refunded, but called expired": of(1000, state="expired") + counted(expired=1, refunded=-1)
                                        + sums(paid_minor=-1000),
        "one refunded order less": counted(refunded=-1),
        "less paid": sums(paid_minor=-1000),
    }
    for name, changes in lies.items():
        assert not told(changes), f"{name} was taken"
    print(f"{len(lies)} lies about refunds with a right seal: none taken")
    for order in orders.values():
        proof = directory / "refunded.proof"
        run(binary, "order", "proof", order["order_id"], "--certificate", REFUNDED, "--out", proof)
        said = run(sys.executable, CHECKER, "--proof", proof, "--root", root)
        back = sum(units for _, units in order["refunded"])
        told_back = f", {back} of them given back for {order['refunded_minor']}" if back else ""
        assert f", units: {order['units']}, {order['state']}{told_back}\n" in said, said
        forged = json.loads(proof.read_text())
        forged["order"] = forged["order"].replace('"refunded_minor":', '"refunded_minor":1')
        proof.write_text(json.dumps(forged))
        assert not checks("--proof", proof, "--root", root), "a proof with another refund was taken"
    print(f"proofs of {len(orders)} orders, refunded and not: right")


def priced_draft(pb, shop):
    """3 units at 990, 4 at 1290, then 1590; at most 1100 for now. 10 % off from 3 units, at most 300; 2 straps."""
    item = shop.item_draft("PHONE", 20)
    item.unit_price_minor = 1590
    for units, minor in [(3, 990), (4, 1290)]:
        item.steps.add(units=units, unit_price_minor=minor)
    item.time_prices.add(from_time=client.moment(-30), until_time=client.moment(1800), unit_price_minor=1100)
    item.offers.add(name="ten", from_units=3, percent_ppm=100_000, at_most_minor=300)
    item.offers.add(name="strap", from_units=2, gift_sku="STRAP", gift_units=2)
    return pb.SaleDraft(
        name="Priced", currency_code="CNY", open_time=client.moment(-60), close_time=client.moment(3600), items=[item]
    )


def sell_priced(server, directory):
    """Sells over gRPC and over HTTP/JSON, and returns what buyers were told: (parts, discount, total) by order.

    The figures were counted by hand.
    """
    stubs = directory / "stubs"
    stubs.mkdir()
    pb, modules = client.make_stubs(str(stubs))
    shop = client.Shop(pb, modules)
    shop.connect(server.start())
    http = http_json.Shop(server.http)
    sale = shop.sale.CreateSale(shop.sale_request(sale=priced_draft(pb, shop)), timeout=10).sale
    shop.item_id = sale.items[0].item_id
    told = {}

    def post(method, **message):
        request = {"requestId": client.new_id(), "itemId": shop.item_id, **message}
        status, answer = http.call(method, request)
        assert status == 200 and "refusal" not in answer, answer
        return answer

    def over_grpc(buyer, units, **more):
        answer = shop.purchase.PlaceOrder(shop.order_request(buyer=buyer, units=units, **more), timeout=10)
        order = answer.order
        parts = [[part.units, part.unit_price_minor] for part in order.parts]
        told[order.order_id] = (parts, order.discount_minor, order.total.amount_minor)
        return order.order_id, order.gift.sku, order.gift_gone

    def over_http(buyer, units, **more):
        order = post("PurchaseService/PlaceOrder", buyer=buyer, units=units, **more)["order"]
        parts = [[int(part["units"]), int(part["unitPriceMinor"])] for part in order["parts"]]
        total = int(order["total"]["amountMinor"])
        told[order["orderId"]] = (parts, int(order.get("discountMinor", 0)), total)
        return order["orderId"], order.get("gift", {}).get("sku", ""), order.get("giftGone", False)

    def pay(order):
        amount = {"currencyCode": "CNY", "amountMinor": told[order][2]}
        post("PurchaseService/RecordPayment", orderId=order, paymentReference="pay-" + order, amount=amount)

    ann, *with_gift = over_grpc("ann", 2)
    assert (told[ann], with_gift) == (([[2, 990]], 0, 1980), ["STRAP", False])
    bob, *with_gift = over_http("bob", 3, maxTotalMinor=2890)
    assert (told[bob], with_gift) == (([[1, 990], [2, 1100]], 300, 2890), ["STRAP", False])
    cyd, *with_gift = over_http("cyd", 2)
    assert (told[cyd], with_gift) == (([[2, 1100]], 0, 2200), ["", True])
    steps = [{"units": 2, "unitPriceMinor": 1000}]
    post("ItemService/SetPrices", unitPriceMinor=1500, steps=steps, operator="olga", reason="the hour is over")
    dan, *with_gift = over_grpc("dan", 3, max_total_minor=3200)
    assert (told[dan], with_gift) == (([[2, 1000], [1, 1500]], 300, 3200), ["", True])
    eve, *with_gift = over_http("eve", 1)
    assert (told[eve], with_gift) == (([[1, 1500]], 0, 1500), ["", False])
    for order in (ann, bob, dan):
        pay(order)
    post("PurchaseService/CancelOrder", orderId=cyd, buyer="cyd")
    return told, {ann: "paid", bob: "paid", cyd: "cancelled", dan: "paid", eve: "held"}


def check_served(binary, directory):
    """The certificate of a served sale says what its buyers were told, and no changed price is accepted."""
    server = Server(binary, directory / "served")
    try:
        told, states = sell_priced(server, directory)
        assert server.stop() == 0
    finally:
        server.end()
    file, scratch = directory / "served.certificate", directory / "changed"
    root = certified(binary, server.directory, file)
    assert checks(file, "--root", root) and checks(file, "--log", server.directory / "log.db")
    lines = file.read_bytes().splitlines(keepends=True)
    header, item, *orders, _ = (json.loads(line) for line in lines)
    assert (header["version"], len(orders)) == (2, len(told)), header
    for order in orders:
        certified_order = (order["parts"], order["discount_minor"], order["total_minor"])
        assert (certified_order, order["state"]) == (told[order["order_id"]], states[order["order_id"]]), order
    assert item["paid_minor"] == 1980 + 2890 + 3200, item

    forge(lines, [], scratch)
    assert scratch.read_bytes() == file.read_bytes(), "the seal that this test makes is right"
    lies = 0
    for order in orders:
        for at, (units, _) in enumerate(order["parts"]):
            for minor in (-1, 1):

                def dearer(line, at=at, minor=minor):
                    line["parts"][at][1] += minor

                def dearer_in_all(line, dearer=dearer, more=units * minor):
                    dearer(line)
                    line["total_minor"] += more

                def this(line, order=order):
                    return line["order_id"] == order["order_id"]

                forge(lines, [("order", this, dearer)], scratch)
                assert not checks(scratch), f"a changed price of {order} was taken"
                forge(lines, [("order", this, dearer_in_all)], scratch)
                # The amount of an unpaid order is in no sum of its item: there only the published root tells.
                assert order["state"] != "paid" or not checks(scratch), f"a changed price of {order} was taken"
                assert not checks(scratch, "--root", root), f"a changed price of {order} has the published root"
                lies += 2
    print(f"certificate of a served sale: as {len(told)} buyers were told; {lies} changed prices: none taken")


def check_large(binary, directory):
    file, root, _ = sale(binary, directory, 20_000)
    assert checks(file, "--root", root)
    whole, scratch = file.read_bytes(), directory / "changed"
    for _ in range(RANDOM_CHANGES):
        changed, at = bytearray(whole), random.randrange(len(whole))
        changed[at] ^= random.randrange(1, 256)
        scratch.write_bytes(changed)
        assert not checks(scratch), f"byte {at} was changed and taken"
    print(f"large certificate: {len(whole)} bytes, {RANDOM_CHANGES} of them changed: none taken")


def main():
    binary = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "../../target/release/doorbuster"
    binary, sys.argv = binary.resolve(), sys.argv[:1]
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        check_priced(directory)
        check_refunded(binary, directory)
        check_small(binary, directory)
        check_lies(directory)
        check_served(binary, directory)
        check_large(binary, directory)
        script = subprocess.run([sys.executable, str(CHECKER), "/nowhere"], capture_output=True, text=True)
        assert script.returncode == 1 and "WRONG" in script.stderr, script
    print("certificates: all as they should be")


if __name__ == "__main__":
    main()
