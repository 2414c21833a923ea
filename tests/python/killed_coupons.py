"""kill -9 while an order waits for its coupon: after a restart it is settled, and its coupon is bound once.

    tests/python/killed_coupons.py [BINARY]

DOORBUSTER_FAILPOINT makes a server stand still at a place of the protocol between item and batch, so that the kill
hits exactly there: `order_placed` (the order waits, no coupon is bound) and `coupon_redeemed` (the coupon is bound, the
order does not have it). In both cases the restarted server, without a failpoint, has to settle the order within 5
seconds after it answers. Needs Python only.
"""

import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

from server import Server, at, call

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 5
PRICE, OFF = 199_900, 2_000
BUYERS = 8


def create_sale(server):
    item = {"sku": "phone", "title": "The phone", "unitPriceMinor": PRICE, "timeToPay": "900s",
            "units": [{"warehouse": "north", "units": 100}]}
    coupons = {"name": "save20", "amountMinor": OFF, "minSpendMinor": 10_000, "coupons": 100,
               "budgetMinor": 100 * OFF, "code": "SAVE20"}
    sale = {"name": "Killed", "currencyCode": "CNY", "openTime": at(-60), "closeTime": at(3600),
            "items": [item], "coupons": [coupons]}
    message = {"requestId": str(uuid.uuid4()), "operator": "olga", "sale": sale}
    made = call(server, "SaleService/CreateSale", message)["sale"]
    return made["items"][0]["itemId"], made["coupons"][0]["batchId"]


def place(server, item_id, buyer):
    """Places an order with the code; gives its request id and the answer."""
    request_id = str(uuid.uuid4())
    message = {"requestId": request_id, "itemId": item_id, "buyer": buyer, "units": 1,
               "coupon": {"code": "SAVE20"}}
    request = urllib.request.Request(
        f"http://{server.http}/doorbuster.v1.PurchaseService/PlaceOrder",
        data=json.dumps(message).encode(),
        headers={"content-type": "application/json", "connect-timeout-ms": "500"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return request_id, json.load(answer)


def outcome(server, item_id, buyer, request_id):
    message = {"itemId": item_id, "buyer": buyer, "requestId": request_id}
    return call(server, "PurchaseService/GetOutcome", message)["order"]


def settled(server, item_id, orders):
    """Seconds until no order waits any more."""
    began = time.monotonic()
    while True:
        found = [outcome(server, item_id, buyer, request_id) for buyer, request_id in orders]
        took = time.monotonic() - began
        if not any(order.get("awaiting") for order in found):
            return took, found
        assert took < SECONDS_MAX, f"an order waits after {took:.1f} s: {found}"
        time.sleep(0.05)


def killed_at(failpoint, binary, directory):
    server = Server(binary, directory)
    os.environ["DOORBUSTER_FAILPOINT"] = failpoint
    server.start()
    del os.environ["DOORBUSTER_FAILPOINT"]
    restarted = Server(binary, directory)
    try:
        item_id, batch_id = create_sale(server)
        orders = []
        for number in range(BUYERS):
            buyer = f"buyer-{number}"
            request_id, answer = place(server, item_id, buyer)
            assert answer["order"]["awaiting"] == ["ORDER_AWAITS_COUPON"], answer
            orders.append((buyer, request_id))
        server.kill()
        before = kinds(directory)
        expected = BUYERS if failpoint == "coupon_redeemed" else 0
        assert before.get("OrderPlaced") == BUYERS, before
        assert before.get("CouponRedeemed", 0) == expected, before
        assert "CouponApplied" not in before, before

        restarted.start()
        took, found = settled(restarted, item_id, orders)
        ids = {order["couponId"] for order in found}
        assert len(ids) == BUYERS, "each order has a coupon of its own"
        assert {order["total"]["amountMinor"] for order in found} == {str(PRICE - OFF)}, found
        batch = call(restarted, "CouponService/GetBatch", {"batchId": batch_id})["couponBatch"]
        assert batch["boundCoupons"] == str(BUYERS), batch
        restarted.stop()
        after = kinds(directory)
        counts = [after[kind] for kind in ["OrderPlaced", "CouponRedeemed", "CouponApplied"]]
        assert counts == [BUYERS] * 3, after
        code, said = restarted.verify()
        assert code == 0, said
        print(f"  ok      killed at {failpoint}: {BUYERS} orders settled in {took:.2f} s, "
              f"each coupon bound once; the log verifies", flush=True)
    finally:
        server.end()
        restarted.end()


def kinds(directory):
    """How many events of each kind the log holds."""
    log = sqlite3.connect(f"file:{pathlib.Path(directory) / 'log.db'}?mode=ro", uri=True)
    try:
        return dict(log.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall())
    finally:
        log.close()


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target/release/doorbuster"
    print(subprocess.run([str(binary), "--version"], check=True, capture_output=True, text=True)
          .stdout.strip())
    for failpoint in ["order_placed", "coupon_redeemed"]:
        with tempfile.TemporaryDirectory() as directory:
            killed_at(failpoint, binary, directory)


if __name__ == "__main__":
    main()
