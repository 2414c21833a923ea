"""What becomes of orders after they were placed, from the answers alone: money that goes back, late payments,
failed payments, holds that are extended, and what is due until it is settled.

Amounts are computed anew here: what came back of a total for k of n units is total * k // n.
"""

import time

from google.protobuf import duration_pb2, timestamp_pb2

from report import equal, refused

PRICE = 1999
DAY = 86_400
SECONDS_MAX = 20
UNKNOWN = "5f0c1a2e-0000-4000-8000-00000000beef"


class Life:
    """A sale of its own: a plain item, one whose holds are short, and one that brings orders back."""

    def __init__(self, shop):
        self.shop, self.pb = shop, shop.pb
        self.orders = shop.orders
        plain, late, back = (shop.item_draft(sku, 100) for sku in ["LIFE", "LATE", "BACK"])
        for draft in [late, back]:
            draft.time_to_pay.CopyFrom(duration_pb2.Duration(seconds=1))
        back.reinstate_within.CopyFrom(duration_pb2.Duration(seconds=600))
        request = shop.sale_request()
        request.sale.ClearField("items")
        request.sale.items.extend([plain, late, back])
        sale = shop.sale.CreateSale(request, timeout=10).sale
        self.sale_id = sale.sale_id
        self.plain, self.late, self.back = (item.item_id for item in sale.items)

    def place(self, item_id, buyer, units):
        request = self.shop.order_request(item_id=item_id, buyer=buyer, units=units)
        return self.shop.purchase.PlaceOrder(request, timeout=10).order

    def pay(self, order, **fields):
        request = self.shop.payment_request(order.order_id, order.units, item_id=order.item_id, **fields)
        return self.shop.purchase.RecordPayment(request, timeout=10)

    def paid(self, buyer, units):
        order = self.place(self.plain, buyer, units)
        equal(self.pay(order).order.state, self.shop.state("PAID"))
        return order

    def act(self, kind, **fields):
        return self.shop.steer_request(kind, item_id=self.plain, **fields)

    def refund(self, order, units, **fields):
        kind = self.pb.RefundOrderRequest
        return self.act(kind, order_id=order.order_id, units=units, restock=True, **fields)

    def settle(self, due_id, reference, **fields):
        return self.act(self.pb.SettleRefundRequest, due_id=due_id, reference=reference, **fields)

    def extend(self, order, seconds_from_now):
        until = timestamp_pb2.Timestamp(seconds=int(time.time()) + seconds_from_now)
        return self.act(self.pb.ExtendHoldRequest, order_id=order.order_id, pay_by_time=until)

    def due(self, state="OPEN", **fields):
        request = self.pb.ListRefundsDueRequest(
            sale_id=self.sale_id,
            state=self.pb.RefundState.Value("REFUND_STATE_" + state),
            min_position=2**64 - 1,
            **fields,
        )
        return list(self.shop.reports.ListRefundsDue(request, timeout=10).refunds)

    def shown(self, order):
        request = self.pb.GetOrderRequest(
            item_id=order.item_id, order_id=order.order_id, buyer=order.buyer
        )
        return self.shop.purchase.GetOrder(request, timeout=10).order

    def expired(self, item_id, buyer):
        """An order whose hold has ended."""
        order = self.place(item_id, buyer, 1)
        until = time.monotonic() + SECONDS_MAX
        while self.shown(order).state != self.shop.state("EXPIRED"):
            assert time.monotonic() < until, "it does not expire"
            time.sleep(0.1)
        return order


def check(cases, shop):
    """Everything that can become of an order, and each act that cannot be."""
    life = Life(shop)
    check_refund(cases, life)
    check_amounts(cases, life)
    check_late(cases, life)
    check_holds(cases, life)
    check_refused(cases, life)


def check_refund(cases, life):
    pb, cause = life.pb, life.pb.RefundCause.Value("REFUND_CAUSE_REFUNDED")
    with cases.case("a unit comes back, its money is due, and it is settled once"):
        order = life.paid("ann", 3)
        equal(life.due(), [])
        request = life.refund(order, 1)
        answer = life.orders.RefundOrder(request, timeout=10)
        back = answer.order
        equal((back.state, back.refunded_units), (life.shop.state("PAID"), 1))
        equal(back.refunded_minor, PRICE)
        equal(life.orders.RefundOrder(request, timeout=10).position, answer.position)
        (due,) = life.due()
        equal((due.order_id, due.buyer, due.sku, due.units), (order.order_id, "ann", "LIFE", 1))
        equal((due.cause, due.amount.amount_minor), (cause, PRICE))
        equal((due.due_id, due.payment_reference), (back.dues[0].due_id, "pay-" + order.order_id))
        assert 0 <= due.age_ms < 60_000, due.age_ms
        settle = life.settle(due.due_id, "transfer-1")
        settled = life.orders.SettleRefund(settle, timeout=10)
        equal(settled.order.dues[0].reference, "transfer-1")
        equal(life.due(), [])
        (closed,) = life.due("SETTLED")
        equal((closed.due_id, closed.settle_reference), (due.due_id, "transfer-1"))
        equal(closed.settle_operator, "python")
        again = life.settle(due.due_id, "transfer-1")
        equal(life.orders.SettleRefund(again, timeout=10).position, settled.position)
        other = life.orders.SettleRefund(life.settle(due.due_id, "transfer-2"), timeout=10)
        equal(other.refusal.reason, life.shop.reason("ALREADY_SETTLED"))
    with cases.case("what is due and settled adds up, and revenue is net"):
        request = pb.GetRefundReportRequest(sale_id=life.sale_id, min_position=2**64 - 1)
        (total,) = life.shop.reports.GetRefundReport(request, timeout=10).totals
        sums = [(of.dues, of.amount.amount_minor) for of in (total.due, total.settled, total.open)]
        equal(sums, [(1, PRICE), (1, PRICE), (0, 0)])
        request = pb.GetSalesSummaryRequest(sale_id=life.sale_id, min_position=2**64 - 1)
        sold = life.shop.reports.GetSalesSummary(request, timeout=10).total
        equal((sold.units_sold, sold.units_refunded), (2, 1))
        equal((sold.revenue.amount_minor, sold.refunded.amount_minor), (2 * PRICE, PRICE))


def check_amounts(cases, life):
    with cases.case("units that come back one by one add up to what was paid"):
        order = life.paid("bob", 7)
        total, given = order.total.amount_minor, 0
        for count in range(1, 8):
            answer = life.orders.RefundOrder(life.refund(order, 1), timeout=10)
            equal(answer.order.refunded_minor, total * count // 7)
            due = answer.order.dues[-1].amount_minor
            equal(due, total * count // 7 - given)
            given += due
        equal((given, answer.order.state), (total, life.shop.state("REFUNDED")))
        gone = life.orders.RefundOrder(life.refund(order, 1), timeout=10)
        equal(gone.refusal.reason, life.shop.reason("ORDER_REFUNDED"))
        twice = life.pay(order, payment_reference="again")
        equal(twice.refusal.reason, life.shop.reason("ALREADY_PAID"))
        equal([due.payment_reference for due in life.due(order_id=order.order_id)][-1], "again")


def check_late(cases, life):
    with cases.case("a late payment is due back, with its reference"):
        order = life.expired(life.late, "cat")
        equal(life.pay(order).refusal.reason, life.shop.reason("ORDER_EXPIRED"))
        (due,) = life.due(item_id=life.late)
        equal(due.cause, life.pb.RefundCause.Value("REFUND_CAUSE_ORDER_EXPIRED"))
        equal((due.buyer, due.units), ("cat", 0))
        equal((due.payment_reference, due.amount.amount_minor), ("pay-" + order.order_id, PRICE))
    with cases.case("a late payment brings an order back where its item says so"):
        order = life.expired(life.back, "dan")
        equal(life.pay(order).order.state, life.shop.state("PAID"))
        equal(life.due(item_id=life.back), [])
        request = life.pb.ListOrdersRequest(item_id=life.back, min_position=2**64 - 1)
        (record,) = life.shop.reports.ListOrders(request, timeout=10).orders
        assert record.HasField("reinstate_time"), record


def check_holds(cases, life):
    shop, pb = life.shop, life.pb
    with cases.case("a failed payment is noted and leaves the hold as it is"):
        order = life.place(life.plain, "eve", 1)
        failure = pb.RecordPaymentFailureRequest(
            request_id=shop.order_request().request_id,
            item_id=life.plain,
            order_id=order.order_id,
            payment_reference="pay-1",
            code="insufficient_funds",
        )
        noted = shop.purchase.RecordPaymentFailure(failure, timeout=10).order
        equal((noted.failed_payments, noted.state), (1, shop.state("HELD")))
    with cases.case("a hold is extended, and an operator cancels any buyer's order"):
        request = life.extend(order, 2 * DAY)
        longer = life.orders.ExtendHold(request, timeout=10).order
        equal(longer.pay_by_time, request.pay_by_time)
        kind = pb.CancelHoldRequest
        gone = life.orders.CancelHold(life.act(kind, order_id=order.order_id), timeout=10)
        equal(gone.order.state, shop.state("CANCELLED"))


def check_refused(cases, life):
    paid, held = life.paid("fay", 3), life.place(life.plain, "gus", 1)
    before = [due.due_id for due in life.due("ALL")]
    orders, silent = life.orders, {"reason": ""}
    for name, call, request, code, field in [
        ("a refund of no units", orders.RefundOrder, life.refund(paid, 0), "INVALID_ARGUMENT", "units"),
        ("a refund of too many", orders.RefundOrder, life.refund(paid, 4), "INVALID_ARGUMENT", "units"),
        ("a refund without a reason", orders.RefundOrder, life.refund(paid, 1, **silent), "INVALID_ARGUMENT", "reason"),
        ("a settlement of nothing", orders.SettleRefund, life.settle(UNKNOWN, "t"), "NOT_FOUND", "due_id"),
        ("no reference", orders.SettleRefund, life.settle(UNKNOWN, ""), "INVALID_ARGUMENT", "reference"),
        ("an extension before the deadline", orders.ExtendHold, life.extend(held, 60), "INVALID_ARGUMENT", "pay_by_time"),
        ("one of 31 days", orders.ExtendHold, life.extend(held, 31 * DAY), "INVALID_ARGUMENT", "pay_by_time"),
    ]:
        with cases.case(f"refused: {name}"):
            error = refused(call, request)
            equal(error.code.name, code)
            assert field in error.message, error
            if code == "INVALID_ARGUMENT":
                equal(error.fields, [field])
    with cases.case("units of a held order cannot come back"):
        answer = orders.RefundOrder(life.refund(held, 1), timeout=10)
        equal(answer.refusal.reason, life.shop.reason("NOT_PAID"))
    with cases.case("nothing of that became due"):
        equal([due.due_id for due in life.due("ALL")], before)
