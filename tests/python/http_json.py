"""A shop without gRPC: HTTP/JSON with `requests`, and a client generated from /openapi.json.

    tests/python/run.sh http_json.py [BINARY]

The document is checked by openapi-spec-validator, and openapi-python-client makes a client of it that
places an order. Requests that are wrong get the failures that docs/http.md promises.
"""

import contextlib
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import uuid

import openapi_spec_validator
import requests

from server import Server

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS_MAX = 30


class Cases:
    def __init__(self):
        self.count, self.failed = 0, []

    @contextlib.contextmanager
    def case(self, name):
        self.count += 1
        try:
            yield
            print(f"  ok      {name}", flush=True)
        except Exception as error:  # Every case is run; the failures are counted at the end.
            self.failed.append(name)
            print(f"  FAILED  {name}: {type(error).__name__}: {error}", flush=True)


class Shop:
    """Calls methods over HTTP/JSON."""

    def __init__(self, address):
        self.url = f"http://{address}"
        self.session = requests.Session()

    def send(self, method, body, kind="application/json", **headers):
        return self.session.post(
            f"{self.url}/doorbuster.v1.{method}", data=body, timeout=SECONDS_MAX,
            headers={"content-type": kind, **headers},
        )

    def call(self, method, message, **headers):
        answer = self.send(method, json.dumps(message), **headers)
        return answer.status_code, answer.json()


def at(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def create_sale(shop):
    draft = {
        "sku": "phone", "title": "The phone", "unitPriceMinor": 199900, "timeToPay": "900s",
        "units": [{"warehouse": "north", "units": 5}],
    }
    sale = {
        "name": "双十一", "currencyCode": "CNY", "openTime": at(-1), "closeTime": at(3600),
        "items": [draft],
    }
    request = {"requestId": str(uuid.uuid4()), "operator": "olga", "sale": sale}
    status, said = shop.call("SaleService/CreateSale", request)
    assert status == 200, said
    return said["sale"]["items"][0]["itemId"]


def order(item, units="1", **more):
    return {"requestId": str(uuid.uuid4()), "itemId": item, "buyer": "ming", "units": units, **more}


def detail(said, kind):
    return next(one["debug"] for one in said["details"] if one["type"] == f"google.rpc.{kind}")


def check_orders(cases, shop, item):
    with cases.case("an order is placed, and repeated it is the same"):
        request = order(item)
        status, first = shop.call("PurchaseService/PlaceOrder", request)
        assert status == 200 and first["order"]["units"] == "1", first
        assert shop.call("PurchaseService/PlaceOrder", request) == (200, first)
    with cases.case("a wrong number of units names its field"):
        status, said = shop.call("PurchaseService/PlaceOrder", order(item, "0"))
        assert (status, said["code"]) == (400, "invalid_argument"), said
        assert detail(said, "BadRequest")["fieldViolations"][0]["field"] == "units", said
        assert detail(said, "ErrorInfo")["domain"] == "doorbuster", said
    with cases.case("a business no is an answer"):
        status, said = shop.call("PurchaseService/PlaceOrder", order(item, 99))
        assert status == 200, said
        assert said["refusal"]["reason"] == "REFUSAL_REASON_NOT_ENOUGH_UNITS", said


def check_references(cases, shop, item):
    sale = shop.call("ItemService/GetItem", {"itemId": item})[1]["item"]["saleId"]
    known = {"shopOrderId": "2026-000017", "labels": [{"name": "store", "value": "浦东"}]}
    with cases.case("an order of SALE_ID/SKU has the shop's own id and labels, and is found by each"):
        status, said = shop.call("PurchaseService/PlaceOrder", order(f"{sale}/phone", **known))
        placed = said["order"]
        assert status == 200 and placed["itemId"] == item, said
        assert {name: placed[name] for name in known} == known, said
        for by in [
            {"orderId": placed["orderId"]}, {"shopOrderId": "2026-000017"}, {"label": known["labels"][0]},
        ]:
            status, said = shop.call("OrderService/FindOrder", {"minPosition": str(2**64 - 1), **by})
            assert status == 200, said
            assert [found["order"] for found in said["orders"]] == [placed], said
    with cases.case("a label that stands there twice names its field"):
        twice = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
        status, said = shop.call("PurchaseService/PlaceOrder", order(item, labels=twice))
        assert (status, said["code"]) == (400, "invalid_argument"), said
        assert detail(said, "BadRequest")["fieldViolations"][0]["field"] == "labels[1].name", said


def check_refusals(cases, shop, item):
    before = shop.call("ItemService/GetItem", {"itemId": item})
    place = "PurchaseService/PlaceOrder"
    for name, status, code, answer in (
        ("malformed JSON", 400, "invalid_argument", shop.send(place, '{"units": ')),
        ("an unknown field", 400, "invalid_argument", shop.send(place, json.dumps(order(item, unit=1)))),
        ("a number beyond 64 bits", 400, "invalid_argument", shop.send(place, json.dumps(order(item, 2**64)))),
        ("another content type", 415, "unimplemented", shop.send(place, "{}", kind="text/plain")),
        ("a body that is too large", 429, "resource_exhausted", shop.send(place, " " * 70000 + "{}")),
        ("an unknown method", 404, "unimplemented", shop.send("PurchaseService/Steal", "{}")),
        ("a page elsewhere", 403, "permission_denied", shop.send(place, "{}", origin="http://evil.example")),
        ("another name", 421, "permission_denied", shop.send(place, "{}", host="evil.example")),
    ):
        with cases.case(f"{name} is refused"):
            said = answer.json()
            assert (answer.status_code, said["code"]) == (status, code), (answer.status_code, said)
    with cases.case("a GET is refused"):
        answer = shop.session.get(f"{shop.url}/doorbuster.v1.{place}", timeout=SECONDS_MAX)
        assert answer.status_code == 405 and answer.headers["allow"] == "POST", answer.headers
    with cases.case("nothing of that changed the item"):
        assert shop.call("ItemService/GetItem", {"itemId": item}) == before


def act(item, **more):
    return {"requestId": str(uuid.uuid4()), "itemId": item, "operator": "olga", "reason": "a test", **more}


def check_refunds(cases, shop, item):
    def due():
        question = {"itemId": item, "minPosition": str(2**64 - 1)}
        status, said = shop.call("ReportService/ListRefundsDue", question)
        assert status == 200, said
        return said.get("refunds", [])

    with cases.case("a unit of a paid order comes back, and its money is due until it is settled"):
        _, placed = shop.call("PurchaseService/PlaceOrder", order(item, "2", buyer="hong"))
        id_ = placed["order"]["orderId"]
        payment = {"requestId": str(uuid.uuid4()), "itemId": item, "orderId": id_}
        payment |= {"paymentReference": "pay-1", "amount": placed["order"]["total"]}
        status, paid = shop.call("PurchaseService/RecordPayment", payment)
        assert status == 200 and paid["order"]["state"] == "ORDER_STATE_PAID", paid
        refund = act(item, orderId=id_, units="1", restock=True)
        status, said = shop.call("OrderService/RefundOrder", refund)
        assert status == 200 and said["order"]["refundedMinor"] == "199900", said
        (one,) = due()
        assert (one["cause"], one["buyer"]) == ("REFUND_CAUSE_REFUNDED", "hong"), one
        assert one["amount"] == {"currencyCode": "CNY", "amountMinor": "199900"}, one
        settle = act(item, dueId=one["dueId"], reference="transfer-1")
        status, said = shop.call("OrderService/SettleRefund", settle)
        assert status == 200 and said["order"]["dues"][0]["reference"] == "transfer-1", said
        assert due() == []
    for name, method, request, status, field in (
        ("no units", "RefundOrder", act(item, orderId=id_, units="0"), 400, "units"),
        ("more units than are left", "RefundOrder", act(item, orderId=id_, units="2"), 400, "units"),
        ("no reason", "CancelHold", act(item, orderId=id_) | {"reason": ""}, 400, "reason"),
        ("no reference", "SettleRefund", act(item, dueId=str(uuid.uuid4())), 400, "reference"),
        ("nothing due", "SettleRefund", act(item, dueId=str(uuid.uuid4()), reference="t"), 404, "due_id"),
    ):
        with cases.case(f"{name} is refused by name"):
            code, said = shop.call(f"OrderService/{method}", request)
            assert code == status and field in said["message"], (code, said)


def check_document(cases, shop, item):
    document = shop.session.get(f"{shop.url}/openapi.json", timeout=SECONDS_MAX).json()
    with cases.case("the document is OpenAPI 3.1"):
        openapi_spec_validator.validate(document)
        assert document["openapi"].startswith("3.1"), document["openapi"]
    with cases.case("the document lists every method"):
        protos = (REPOSITORY / "crates/wire/proto/doorbuster").glob("**/*_service.proto")
        lines = [line.split() for proto in protos for line in proto.read_text().splitlines()]
        methods = {words[1].split("(")[0] for words in lines if words[:1] == ["rpc"]}
        assert {path.rsplit("/", 1)[1] for path in document["paths"]} == methods
    with cases.case("a generated client places an order and repeats it"), tempfile.TemporaryDirectory() as made:
        client, place, request = generated(document, pathlib.Path(made), shop.url, item)
        first = place.sync(client=client, body=request)
        again = place.sync(client=client, body=request)
        assert first.order.state.value == "ORDER_STATE_HELD", first
        assert again.to_dict() == first.to_dict()


def generated(document, directory, url, item):
    """The client that openapi-python-client makes, its PlaceOrder and a request of it."""
    (directory / "openapi.json").write_text(json.dumps(document))
    # The generator would format its code, which nothing here reads.
    (directory / "settings.yaml").write_text("post_hooks: []\npackage_name_override: made\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", "openapi.json", "--config", "settings.yaml", "--output-path", "made"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 or "Warning" in done.stdout + done.stderr:
        raise RuntimeError(done.stdout + done.stderr)
    sys.path.insert(0, str(directory))
    client = importlib.import_module("made").Client(base_url=url)
    models = importlib.import_module("made.models")
    api = "made.api.doorbuster_v_1_purchase_service.purchase_service_place_order"
    return client, importlib.import_module(api), models.PlaceOrderRequest.from_dict(order(item))


def main():
    default = REPOSITORY / "target" / "release" / "doorbuster"
    binary = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="doorbuster-http-") as directory:
        server = Server(binary.resolve(), pathlib.Path(directory) / "log")
        server.start()
        try:
            shop = Shop(server.http)
            item = create_sale(shop)
            check_orders(cases, shop, item)
            check_references(cases, shop, item)
            check_refunds(cases, shop, item)
            check_refusals(cases, shop, item)
            check_document(cases, shop, item)
            with cases.case("the server stops when it is asked to"):
                assert server.stop() == 0
        finally:
            server.end()
    print(f"{cases.count} cases, {len(cases.failed)} failed", flush=True)
    sys.exit(1 if cases.failed else 0)


if __name__ == "__main__":
    main()
