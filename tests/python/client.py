"""Tests the real binary with a client in another language, generated from the proto files alone.

It orders, pays, refunds, cancels, queries and is refused, and 100 buyers order at once over a step of the
price; then it kills the server under load and checks that every acknowledged order still exists. Run
it with `tests/python/run.sh`.
"""

import argparse
import importlib
import pathlib
import sys
import tempfile
import threading
import time
import types
import uuid

import grpc
import grpc_tools
from google.protobuf import duration_pb2, timestamp_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc

import bad_inputs
import beacons
import orders
import prices
import references
import report
from report import equal, refused
from server import Server

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PROTOS = REPOSITORY / "crates" / "wire" / "proto"
SERVICES = [
    "sale_service",
    "item_service",
    "purchase_service",
    "order_service",
    "report_service",
    "traffic_service",
]
PRICE = 1999
WAIT_SECONDS_MAX = 20
LOAD_SECONDS = 2.0
LOAD_THREADS = 8


def make_stubs(directory):
    """Compiles the proto files into `directory`: all messages in one namespace, and the modules of stubs."""
    protos = sorted(PROTOS.glob("doorbuster/v1/*.proto"))
    include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    code = protoc.main(
        ["protoc", f"-I{PROTOS}", f"-I{include}"]
        + [f"--python_out={directory}", f"--grpc_python_out={directory}"]
        + [str(proto) for proto in protos]
    )
    assert code == 0, f"{PROTOS} does not compile"
    sys.path.insert(0, directory)
    pb = types.SimpleNamespace()
    for name in ["types", "figures", "fulfilment", "refunds", *SERVICES]:
        vars(pb).update(vars(importlib.import_module(f"doorbuster.v1.{name}_pb2")))
    stubs = {name: importlib.import_module(f"doorbuster.v1.{name}_pb2_grpc") for name in SERVICES}
    return pb, stubs


def new_id():
    return str(uuid.uuid4())


def moment(seconds_from_now):
    return timestamp_pb2.Timestamp(seconds=int(time.time()) + seconds_from_now)


class Shop:
    """The stubs, one open sale, and valid requests."""

    def __init__(self, pb, stubs):
        self.pb, self.stubs = pb, stubs
        self.sale_id = self.item_id = self.load_id = None

    def connect(self, address):
        self.channel = grpc.insecure_channel(address)
        self.sale = self.stubs["sale_service"].SaleServiceStub(self.channel)
        self.item = self.stubs["item_service"].ItemServiceStub(self.channel)
        self.purchase = self.stubs["purchase_service"].PurchaseServiceStub(self.channel)
        self.orders = self.stubs["order_service"].OrderServiceStub(self.channel)
        self.reports = self.stubs["report_service"].ReportServiceStub(self.channel)

    def item_draft(self, sku, units, limit=None):
        return self.pb.ItemDraft(
            sku=sku,
            title="Thing " + sku,
            unit_price_minor=PRICE,
            limit_per_buyer=limit,
            limit_per_order=limit,
            time_to_pay=duration_pb2.Duration(seconds=86_400),
            units=[self.pb.WarehouseUnits(warehouse="east", units=units)],
        )

    def sale_request(self, **fields):
        items = [self.item_draft("SMALL", 10, 3), self.item_draft("LOAD", 1_000_000)]
        sale = self.pb.SaleDraft(
            name="Python's sale",
            currency_code="CNY",
            open_time=moment(-60),
            close_time=moment(3600),
            items=items,
        )
        defaults = {"request_id": new_id(), "sale": sale, "operator": "python"}
        return self.pb.CreateSaleRequest(**defaults | fields)

    def close_sale_request(self):
        return self.pb.CloseSaleRequest(
            request_id=new_id(), sale_id=self.sale_id, operator="python", reason="over"
        )

    def order_request(self, **fields):
        defaults = {"request_id": new_id(), "item_id": self.item_id, "buyer": "ann"}
        return self.pb.PlaceOrderRequest(**defaults | {"units": 1, "channel": "app"} | fields)

    def payment_request(self, order_id, units, **fields):
        amount = self.pb.Money(currency_code="CNY", amount_minor=units * PRICE)
        defaults = {"request_id": new_id(), "item_id": self.item_id, "order_id": order_id}
        defaults |= {"payment_reference": "pay-" + order_id, "amount": amount}
        return self.pb.RecordPaymentRequest(**defaults | fields)

    def cancel_request(self, order_id, buyer="ann"):
        return self.pb.CancelOrderRequest(
            request_id=new_id(), item_id=self.item_id, order_id=order_id, buyer=buyer
        )

    def steer_request(self, kind, **fields):
        defaults = {"request_id": new_id(), "item_id": self.item_id}
        return kind(**defaults | {"operator": "python", "reason": "a test"} | fields)

    def reason(self, name):
        return self.pb.RefusalReason.Value("REFUSAL_REASON_" + name)

    def state(self, name):
        return self.pb.OrderState.Value("ORDER_STATE_" + name)


def check_surroundings(cases, shop):
    with cases.case("the server says that it serves"):
        health = health_pb2_grpc.HealthStub(shop.channel)
        for service in ["", "doorbuster.v1.PurchaseService"]:
            request = health_pb2.HealthCheckRequest(service=service)
            serving = health_pb2.HealthCheckResponse.SERVING
            equal(wait_for(lambda: health.Check(request, timeout=10).status, serving), serving)
    with cases.case("reflection lists the services"):
        found = set(ProtoReflectionDescriptorDatabase(shop.channel).get_services())
        expected = {"Sale", "Item", "Purchase", "Report"}
        missing = {f"doorbuster.v1.{name}Service" for name in expected} - found
        assert not missing, f"{missing} are not in {found}"


def check_sale(cases, shop):
    request = shop.sale_request()
    with cases.case("a sale is created with its items"):
        first = shop.sale.CreateSale(request, timeout=10)
        sale = first.sale
        equal([item.draft.sku for item in sale.items], ["SMALL", "LOAD"])
        assert first.position > 0
        shop.sale_id = sale.sale_id
        shop.item_id, shop.load_id = (item.item_id for item in sale.items)
    if not shop.sale_id:
        sys.exit("without a sale there is nothing more to check")
    with cases.case("creating it again with the same request returns the first answer"):
        again = shop.sale.CreateSale(request, timeout=10)
        equal((again.sale.sale_id, again.position), (shop.sale_id, first.position))
    with cases.case("the same request id with another sale is refused"):
        other = shop.sale_request(request_id=request.request_id)
        other.sale.name = "Another sale"
        expect_reused(refused(shop.sale.CreateSale, other))
    with cases.case("the sale and its items are shown and listed"):
        shown = shop.sale.GetSale(shop.pb.GetSaleRequest(sale_id=shop.sale_id), timeout=10)
        equal(shown.sale, first.sale)
        listed = shop.sale.ListSales(
            shop.pb.ListSalesRequest(min_position=first.position), timeout=10
        )
        equal([line.sale_id for line in listed.sales], [shop.sale_id])
        item = shown_item(shop)
        equal((item.allocated_units, item.available_units), (10, 10))
        equal(item.phase, shop.pb.ItemPhase.Value("ITEM_PHASE_OPEN"))


def shown_item(shop, item_id=None):
    request = shop.pb.GetItemRequest(item_id=item_id or shop.item_id)
    return shop.item.GetItem(request, timeout=10).item


def expect_reused(error):
    assert error.code == grpc.StatusCode.ALREADY_EXISTS, error
    equal((error.reason, error.domain), ("REQUEST_ID_REUSED", "doorbuster"))


def check_orders(cases, shop):
    request = shop.order_request(units=2)
    with cases.case("an order is placed"):
        placed = shop.purchase.PlaceOrder(request, timeout=10)
        order = placed.order
        equal((order.buyer, order.units, order.state), ("ann", 2, shop.state("HELD")))
        equal((order.unit_price.amount_minor, order.total.amount_minor), (PRICE, 2 * PRICE))
        assert placed.position > 0
    with cases.case("the same request again returns the same order"):
        equal(shop.purchase.PlaceOrder(request, timeout=10), placed)
        equal(shown_item(shop).held_units, 2)
    with cases.case("the same request id with other fields is refused"):
        other = shop.order_request(units=1, request_id=request.request_id)
        expect_reused(refused(shop.purchase.PlaceOrder, other))
    with cases.case("what became of a request can be asked by its buyer only"):
        ask = shop.pb.GetOutcomeRequest(
            request_id=request.request_id, item_id=shop.item_id, buyer="ann"
        )
        equal(shop.purchase.GetOutcome(ask, timeout=10).order, order)
        ask.buyer = "eve"
        equal(refused(shop.purchase.GetOutcome, ask).code, grpc.StatusCode.NOT_FOUND)
    check_refusals(cases, shop)
    check_ends(cases, shop, order)


def check_refusals(cases, shop):
    rows = [
        ("more than one order may have", {"units": 4, "buyer": "bob"}, "OVER_ORDER_LIMIT", 8),
        ("more than one buyer may have", {"units": 2}, "OVER_BUYER_LIMIT", 8),
    ]
    for name, fields, reason, available in rows:
        with cases.case(f"refused: {name}"):
            answer = shop.purchase.PlaceOrder(shop.order_request(**fields), timeout=10)
            equal(answer.WhichOneof("outcome"), "refusal")
            equal(answer.refusal.reason, shop.reason(reason))
            equal(answer.refusal.available_units, available)
            assert answer.refusal.message, "a refusal says why"
    with cases.case("a paused item refuses, a resumed one sells"):
        paused = shop.item.PauseItem(shop.steer_request(shop.pb.PauseItemRequest), timeout=10)
        equal(paused.item.phase, shop.pb.ItemPhase.Value("ITEM_PHASE_PAUSED"))
        answer = shop.purchase.PlaceOrder(shop.order_request(buyer="pat"), timeout=10)
        equal(answer.refusal.reason, shop.reason("PAUSED"))
        resumed = shop.item.ResumeItem(shop.steer_request(shop.pb.ResumeItemRequest), timeout=10)
        equal(resumed.item.phase, shop.pb.ItemPhase.Value("ITEM_PHASE_OPEN"))
    with cases.case("an item that is not paused cannot be resumed"):
        answer = shop.item.ResumeItem(shop.steer_request(shop.pb.ResumeItemRequest), timeout=10)
        equal(answer.refusal.reason, shop.reason("NOT_PAUSED"))


def check_ends(cases, shop, order):
    pay = shop.payment_request(order.order_id, 2)
    with cases.case("a payment of another amount is refused"):
        wrong = shop.payment_request(order.order_id, 1)
        answer = shop.purchase.RecordPayment(wrong, timeout=10)
        equal(answer.refusal.reason, shop.reason("WRONG_AMOUNT"))
    with cases.case("a payment is recorded once"):
        paid = shop.purchase.RecordPayment(pay, timeout=10)
        equal(paid.order.state, shop.state("PAID"))
        equal(shop.purchase.RecordPayment(pay, timeout=10), paid)
        item = shown_item(shop)
        equal((item.available_units, item.held_units, item.sold_units), (8, 0, 2))
    with cases.case("a second payment is due back"):
        second = shop.payment_request(order.order_id, 2, payment_reference="another")
        answer = shop.purchase.RecordPayment(second, timeout=10)
        equal(answer.refusal.reason, shop.reason("ALREADY_PAID"))
    with cases.case("a held order is given up by its buyer only"):
        placed = shop.purchase.PlaceOrder(shop.order_request(buyer="bob", units=3), timeout=10)
        stranger = shop.cancel_request(placed.order.order_id, "eve")
        equal(refused(shop.purchase.CancelOrder, stranger).code, grpc.StatusCode.NOT_FOUND)
        own = shop.cancel_request(placed.order.order_id, "bob")
        equal(shop.purchase.CancelOrder(own, timeout=10).order.state, shop.state("CANCELLED"))
        equal(shown_item(shop).available_units, 8)
    with cases.case("an order is shown to its buyer only"):
        ask = shop.pb.GetOrderRequest(item_id=shop.item_id, order_id=order.order_id, buyer="ann")
        equal(shop.purchase.GetOrder(ask, timeout=10).order.state, shop.state("PAID"))
        ask.buyer = "eve"
        equal(refused(shop.purchase.GetOrder, ask).code, grpc.StatusCode.NOT_FOUND)


def check_stream(cases, shop):
    with cases.case("pipelined orders are answered by tag, in order, and sell out exactly"):
        # 8 units are left and 12 buyers want one each. One invalid command fails alone.
        commands = [shop.order_request(buyer=f"stream-{n}") for n in range(12)]
        requests = [
            shop.pb.PlaceOrdersRequest(tag=n, command=command) for n, command in enumerate(commands)
        ]
        bad = shop.order_request(units=-1)
        requests.append(shop.pb.PlaceOrdersRequest(tag=99, command=bad))
        answers = list(shop.purchase.PlaceOrders(iter(requests), timeout=20))
        faults = [answer for answer in answers if answer.WhichOneof("result") == "fault"]
        equal([fault.tag for fault in faults], [99])
        equal(faults[0].fault.code, "INVALID_ARGUMENT")
        assert "units" in faults[0].fault.field, faults[0]
        told = [answer for answer in answers if answer.WhichOneof("result") == "answer"]
        equal([answer.tag for answer in told], list(range(12)))
        outcomes = [answer.answer.WhichOneof("outcome") for answer in told]
        equal(outcomes, ["order"] * 8 + ["refusal"] * 4)
        reasons = {answer.answer.refusal.reason for answer in told[8:]}
        equal(reasons, {shop.reason("SOLD_OUT")})
        item = shown_item(shop)
        equal((item.available_units, item.held_units, item.sold_units), (0, 8, 2))
        return told[7].answer.position
    return 0


def check_reports(cases, shop, position):
    pb = shop.pb
    with cases.case("orders are listed, paged, as soon as they are asked for by position"):
        request = pb.ListOrdersRequest(
            item_id=shop.item_id, page_size=4, min_position=position
        )
        orders, pages = [], 0
        while True:
            page = shop.reports.ListOrders(request, timeout=10)
            assert page.freshness.position >= position, page.freshness
            orders += page.orders
            pages += 1
            request.page_token = page.next_page_token
            if not request.page_token:
                break
        equal((len(orders), pages), (10, 3))
        equal(len({record.order.order_id for record in orders}), 10)
        states = [record.order.state for record in orders]
        equal([states.count(shop.state(s)) for s in ["PAID", "CANCELLED", "HELD"]], [1, 1, 8])
        equal({record.sale_id for record in orders}, {shop.sale_id})
    with cases.case("orders are listed by buyer and state"):
        request = pb.ListOrdersRequest(
            sale_id=shop.sale_id, buyer="ann", state=shop.state("PAID"), min_position=position
        )
        found = shop.reports.ListOrders(request, timeout=10).orders
        equal([(record.order.buyer, record.order.units) for record in found], [("ann", 2)])
    with cases.case("stock levels add up"):
        request = pb.GetStockLevelsRequest(item_id=shop.item_id, min_position=position)
        (level,) = shop.reports.GetStockLevels(request, timeout=10).levels
        figures = (level.available_units, level.held_units, level.sold_units)
        equal((level.allocated_units, *figures), (10, 0, 8, 2))
        equal([place.warehouse for place in level.warehouses], ["east"])
    with cases.case("the sales summary tells what was sold"):
        request = pb.GetSalesSummaryRequest(sale_id=shop.sale_id, min_position=position)
        summary = shop.reports.GetSalesSummary(request, timeout=10)
        (small,) = [figures for figures in summary.items if figures.sku == "SMALL"]
        equal((small.orders_placed, small.orders_paid, small.orders_cancelled), (10, 1, 1))
        equal((small.units_sold, small.revenue.amount_minor), (2, 2 * PRICE))
        equal(small.refunds_due.amount_minor, 2 * PRICE)
        equal(summary.total.units_sold, 2)
        assert small.HasField("sold_out_time")
    with cases.case("the timeline counts every attempt, also the refused ones"):
        # 10 placed, 1 repeated; refused: 2 over a limit, 1 paused, 4 sold out.
        attempts = wait_for(lambda: attempts_counted(shop, position), 18)
        equal(attempts, 18)


def attempts_counted(shop, position):
    request = shop.pb.GetTimelineRequest(item_id=shop.item_id, min_position=position)
    timeline = shop.reports.GetTimeline(request, timeout=10)
    return sum(second.attempts for second in timeline.seconds)


def wait_for(ask, expected):
    """Repeats a query until the answer is as expected or time is up; returns the last answer."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while (answer := ask()) != expected and time.monotonic() < until:
        time.sleep(0.1)
    return answer


class Load:
    """Threads that place orders as fast as they are answered, and keep their own journal."""

    def __init__(self, shop):
        self.shop = shop
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged = []
        self.unanswered = []
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(LOAD_THREADS)]

    def _run(self, number):
        count = 0
        while not self.stopping.is_set():
            count += 1
            buyer = f"load-{number}-{count}"
            request = self.shop.order_request(item_id=self.shop.load_id, buyer=buyer)
            try:
                answer = self.shop.purchase.PlaceOrder(request, timeout=10)
            except grpc.RpcError:
                with self.lock:
                    self.unanswered.append(request)
                return
            with self.lock:
                self.acknowledged.append((request, answer))

    def run_until_killed(self, server):
        for thread in self.threads:
            thread.start()
        time.sleep(LOAD_SECONDS)
        server.kill()
        self.stopping.set()
        for thread in self.threads:
            thread.join(WAIT_SECONDS_MAX)


def check_kill(cases, server, shop):
    load = Load(shop)
    with cases.case("the server is killed while eight threads order"):
        load.run_until_killed(server)
        assert len(load.acknowledged) > 100, f"only {len(load.acknowledged)} orders were placed"
        print(f"        {len(load.acknowledged)} orders acknowledged, {len(load.unanswered)} not")
    with cases.case("the log of the killed server is sound"):
        code, said = server.verify()
        assert code == 0, said
    with cases.case("it starts again from its log"):
        shop.channel.close()
        shop.connect(server.start())
        grpc.channel_ready_future(shop.channel).result(WAIT_SECONDS_MAX)
    with cases.case("every acknowledged order is there, unchanged"):
        for request, answer in load.acknowledged:
            ask = shop.pb.GetOrderRequest(
                item_id=shop.load_id, order_id=answer.order.order_id, buyer=request.buyer
            )
            equal(shop.purchase.GetOrder(ask, timeout=10).order, answer.order)
    with cases.case("an acknowledged request sent again gets its first answer"):
        for request, answer in load.acknowledged[-50:]:
            equal(shop.purchase.PlaceOrder(request, timeout=10), answer)
    with cases.case("an unanswered request sent again makes one order, not two"):
        for request in load.unanswered:
            first = shop.purchase.PlaceOrder(request, timeout=10)
            equal(shop.purchase.PlaceOrder(request, timeout=10), first)
            load.acknowledged.append((request, first))
        item = shown_item(shop, shop.load_id)
        equal(item.held_units, len(load.acknowledged))
        equal(item.available_units + item.held_units, item.allocated_units)
    with cases.case("the read models come to the same orders"):
        position = max(answer.position for _, answer in load.acknowledged)
        request = shop.pb.ListOrdersRequest(
            item_id=shop.load_id, page_size=1000, min_position=position
        )
        listed = set()
        while True:
            page = shop.reports.ListOrders(request, timeout=10)
            listed |= {record.order.order_id for record in page.orders}
            request.page_token = page.next_page_token
            if not request.page_token:
                break
        equal(listed, {answer.order.order_id for _, answer in load.acknowledged})


def check_end(cases, server, shop):
    with cases.case("a closed sale takes no more orders"):
        closed = shop.sale.CloseSale(shop.close_sale_request(), timeout=10)
        assert closed.sale.HasField("closed_time")
        request = shop.order_request(item_id=shop.load_id, buyer="late")
        answer = shop.purchase.PlaceOrder(request, timeout=10)
        equal(answer.refusal.reason, shop.reason("CLOSED"))
    with cases.case("the log is sound beside the running server"):
        code, said = server.verify()
        assert code == 0, said
    with cases.case("the server stops when it is asked to"):
        shop.channel.close()
        equal(server.stop(), 0)
    with cases.case("the log is sound in the end"):
        code, said = server.verify()
        assert code == 0, said


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    parser.add_argument("--binary", type=pathlib.Path, default=binary)
    binary = parser.parse_args().binary
    if not binary.is_file():
        sys.exit(f"{binary} is missing: cargo build --release")
    cases = report.Cases()
    with tempfile.TemporaryDirectory(prefix="doorbuster-python-") as directory:
        stubs = pathlib.Path(directory) / "stubs"
        stubs.mkdir()
        shop = Shop(*make_stubs(str(stubs)))
        server = Server(binary, pathlib.Path(directory) / "log")
        try:
            shop.connect(server.start())
            check_surroundings(cases, shop)
            check_sale(cases, shop)
            # Before the first order: afterwards demand is written once a second and moves the head.
            bad_inputs.check(cases, server, shop)
            check_orders(cases, shop)
            position = check_stream(cases, shop)
            check_reports(cases, shop, position)
            prices.check(cases, shop)
            orders.check(cases, shop)
            references.check(cases, shop)
            beacons.check(cases, server, shop)
            check_kill(cases, server, shop)
            check_end(cases, server, shop)
        finally:
            server.end()
    sys.exit(0 if cases.finish() else 1)


if __name__ == "__main__":
    main()
