"""The life of orders against a running server: placed, paid, refunded, found, exported."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import threading
import uuid
from collections.abc import Callable

import pytest
from server import Server, draft, now

from doorbuster import (
    HEAD,
    AsyncDoorbuster,
    Doorbuster,
    NotFound,
    Refused,
    RequestIdReused,
    read_sale,
    v1,
)

Sell = Callable[..., str]
PRICE = 199_900
REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def test_a_sale_is_planned_from_a_file_and_opens_at_its_time(shop: Doorbuster) -> None:
    planned = read_sale(REPOSITORY / "examples" / "sale.json")
    request_id = str(uuid.uuid4())
    created = shop.create_sale(planned, request_id=request_id)
    opens = datetime.datetime(2098, 11, 10, 16, tzinfo=datetime.timezone.utc)
    assert created.sale.open_time.ToDatetime(datetime.timezone.utc) == opens
    assert [item.draft.sku for item in created.sale.items] == ["PHONE-256-BLACK", "EARBUDS-WHITE"]
    assert shop.create_sale(planned, request_id=request_id).sale == created.sale
    assert shop.get_sale(created.sale.sale_id).sale == created.sale
    assert shop.get_item(f"{created.sale.sale_id}/PHONE-256-BLACK").item.reserve_units == 100
    with pytest.raises(Refused) as refused:
        shop.place_order(created.sale.items[0].item_id, buyer="ann")
    assert refused.value.reason == "NOT_OPEN_YET"


def test_a_sale_is_a_message_too_and_is_steered(shop: Doorbuster) -> None:
    sale = v1.SaleDraft(
        name="A message",
        currency_code="CNY",
        open_time=now(),
        close_time=now() + datetime.timedelta(hours=1),
        items=[
            v1.ItemDraft(
                sku="M",
                title="M",
                unit_price_minor=PRICE,
                time_to_pay=datetime.timedelta(minutes=15),
                units=[v1.WarehouseUnits(warehouse="north", units=1)],
            )
        ],
    )
    created = shop.create_sale(sale)
    sale_id, item = created.sale.sale_id, created.sale.items[0].item_id
    listed = shop.list_sales(min_position=created.position)
    assert sale_id in [line.sale_id for line in listed.sales]
    later = now().replace(microsecond=0) + datetime.timedelta(hours=2)
    longer = shop.reschedule_sale(sale_id, close_time=later, reason="units are left").sale
    assert longer.close_time.ToDatetime(datetime.timezone.utc) == later
    shop.pause_sale(sale_id, reason="the price is wrong")
    with pytest.raises(Refused, match="PAUSED"):
        shop.place_order(item, buyer="ann")
    shop.resume_sale(sale_id, reason="the price is right")
    shop.place_order(item, buyer="ann")
    shop.close_sale(sale_id, reason="over")
    assert shop.get_item(item).item.phase == v1.ITEM_PHASE_CLOSED


def test_an_order_is_placed_paid_refunded_and_settled(shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=3)
    quote = shop.quote_price(item, units=2).quote
    placed = shop.place_order(
        item,
        buyer="ann",
        units=2,
        max_total_minor=quote.total_minor,
        shop_order_id="2026-17",
        labels={"store": "pudong"},
    )
    order = placed.order
    assert (order.state, order.total.amount_minor) == (v1.ORDER_STATE_HELD, 2 * PRICE)
    assert shop.get_item(item).item.held_units == 2
    assert shop.get_order(item, order_id=order.order_id, buyer="ann").order == order
    with pytest.raises(Refused) as wrong:
        shop.record_payment(
            item,
            order_id=order.order_id,
            payment_reference="p",
            amount=v1.Money(currency_code="CNY", amount_minor=1),
        )
    assert wrong.value.reason == "WRONG_AMOUNT"
    failed = shop.record_payment_failure(
        item, order_id=order.order_id, payment_reference="p0", code="declined"
    )
    assert failed.order.failed_payments == 1
    paid = shop.record_payment(
        item, order_id=order.order_id, payment_reference="p1", amount=order.total
    )
    assert paid.order.state == v1.ORDER_STATE_PAID
    again = shop.record_payment(
        item, order_id=order.order_id, payment_reference="p1", amount=order.total
    )
    assert again.position == paid.position, "a callback that arrives twice changes nothing"

    refunded = shop.refund_order(order.order_id, units=1, restock=True, reason="broken")
    due = refunded.order.dues[-1]
    assert due.amount_minor == PRICE
    open_dues = shop.list_refunds_due(
        order_id=order.order_id, min_position=refunded.position
    ).refunds
    assert [one.due_id for one in open_dues] == [due.due_id]
    settled = shop.settle_refund(due.due_id, reference="transfer-1", reason="daily run")
    report = shop.get_refund_report(item_id=item, min_position=settled.position)
    assert report.totals[0].settled.amount.amount_minor == PRICE

    sale_id = item.split("/")[0]
    for found in (
        shop.find_order(order_id=order.order_id, min_position=HEAD),
        shop.find_order(shop_order_id="2026-17", sale_id=sale_id, min_position=HEAD),
        shop.find_order(label=("store", "pudong"), sale_id=sale_id, min_position=HEAD),
        shop.list_orders(buyer="ann", item_id=item, state=v1.ORDER_STATE_PAID, min_position=HEAD),
    ):
        assert [record.order.order_id for record in found.orders] == [order.order_id]
    total = shop.get_sales_summary(sale_id, min_position=HEAD).total
    assert (total.units_sold, total.revenue.amount_minor) == (1, PRICE)
    levels = shop.get_stock_levels(item_id=item, min_position=HEAD).levels
    assert (levels[0].available_units, levels[0].sold_units) == (2, 1)

    export = shop.export_orders(sale_id, reason="noon").export
    fetched = shop.fetch_export(sale_id, export.number, min_position=HEAD)
    assert [line.units_to_ship for line in fetched.lines] == [1]
    assert fetched.csv.count("\n") == 2
    assert fetched.export == export
    listed = shop.list_exports(sale_id, min_position=HEAD).exports
    assert [one.sha256 for one in listed] == [export.sha256]
    with pytest.raises(Refused, match="NOTHING_TO_EXPORT"):
        shop.export_orders(sale_id, reason="evening")


def test_holds_are_cancelled_and_extended(shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=2)
    one = shop.place_order(item, buyer="ann").order
    other = shop.place_order(item, buyer="bob").order
    with pytest.raises(NotFound) as foreign:
        shop.cancel_order(item, order_id=one.order_id, buyer="eve")
    assert foreign.value.field == "order_id"
    until = other.pay_by_time.ToDatetime(datetime.timezone.utc) + datetime.timedelta(minutes=5)
    extended = shop.extend_hold(other.order_id, pay_by_time=until, reason="the bank is slow")
    assert extended.order.pay_by_time.ToDatetime(datetime.timezone.utc) == until
    cancelled = shop.cancel_order(item, order_id=one.order_id, buyer="ann").order
    assert cancelled.state == v1.ORDER_STATE_CANCELLED
    shop.cancel_hold(other.order_id, reason="a bot")
    with pytest.raises(Refused, match="ORDER_CANCELLED"):
        shop.record_payment(item, order_id=one.order_id, payment_reference="late", amount=one.total)
    dues = shop.list_refunds_due(order_id=one.order_id, min_position=HEAD).refunds
    assert [due.amount.amount_minor for due in dues] == [PRICE], "a late payment is due back"


def test_a_refusal_tells_why_and_a_repeated_request_gets_the_first_answer(
    shop: Doorbuster, sell: Sell
) -> None:
    item = sell(units=2)
    request_id = str(uuid.uuid4())
    first = shop.place_order(item, buyer="ann", units=1, request_id=request_id)
    assert shop.place_order(item, buyer="ann", units=1, request_id=request_id) == first
    outcome = shop.get_outcome(item, request_id=request_id, buyer="ann")
    assert outcome.order == first.order
    with pytest.raises(RequestIdReused) as reused:
        shop.place_order(item, buyer="ann", units=2, request_id=request_id)
    assert reused.value.request_id == request_id
    with pytest.raises(Refused) as refused:
        shop.place_order(item, buyer="bob", units=2)
    assert refused.value.reason == "NOT_ENOUGH_UNITS"
    assert refused.value.available_units == 1
    assert refused.value.message and not refused.value.maybe_done
    with pytest.raises(Refused) as dearer:
        shop.place_order(item, buyer="bob", max_total_minor=1)
    assert dearer.value.reason == "PRICE_CHANGED"
    assert dearer.value.quote is not None and dearer.value.quote.total_minor == PRICE


def test_coupons_are_claimed_and_used(shop: Doorbuster) -> None:
    beyond_double = 2**53 + 1
    planned = draft("C", 5) | {
        "coupons": [
            {"name": "ten", "amountMinor": 1_000, "minSpendMinor": 2_000}
            | {"coupons": 5, "budgetMinor": beyond_double}
        ]
    }
    sale = shop.create_sale(planned).sale
    batch, item = sale.coupons[0].batch_id, sale.items[0].item_id
    coupon = shop.claim_coupon(batch, buyer="ann").coupon
    with pytest.raises(Refused, match="OVER_BUYER_LIMIT"):
        shop.claim_coupon(batch, buyer="ann")
    choice = v1.CouponChoice(batch=batch, coupon_id=coupon.coupon_id)
    order = shop.place_order(item, buyer="ann", coupon=choice).order
    assert (order.coupon_discount_minor, order.total.amount_minor) == (1_000, PRICE - 1_000)
    listed = shop.list_coupons(sale.sale_id, buyer="ann").coupons
    assert [one.order_id for one in listed] == [order.order_id]
    left = shop.get_batch(batch).coupon_batch
    assert (left.budget_minor, left.budget_left_minor) == (beyond_double, beyond_double - 1_000)
    with pytest.raises(Refused) as denied:
        shop.place_order(item, buyer="bob", coupon=choice)
    assert (denied.value.reason, denied.value.coupon_reason) == ("COUPON_REFUSED", "UNKNOWN")


def test_a_hundred_buyers_at_once_get_what_there_is(server: Server, sell: Sell) -> None:
    item = sell(units=10)

    async def buy() -> tuple[int, set[str]]:
        async with AsyncDoorbuster(server.http) as shop:

            async def one(number: int) -> str:
                try:
                    answer = await shop.place_order(item, buyer=f"buyer-{number}")
                except Refused as refused:
                    return refused.reason
                return str(answer.order.order_id)

            got = await asyncio.gather(*(one(number) for number in range(100)))
        refused = sum(answer == "SOLD_OUT" for answer in got)
        return refused, set(got) - {"SOLD_OUT"}

    refused, orders = asyncio.run(buy())
    assert (refused, len(orders)) == (90, 10)


def test_any_rpc_can_be_called_and_streams_are_followed(shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=1)
    placed = shop.place_order(item, buyer="ann")
    request = v1.GetStateAtRequest(item_id=item)
    assert shop.call("ReplayService/GetStateAt", request).DESCRIPTOR.name == "GetStateAtResponse"
    level = shop.call("DegradationService/GetLevel", v1.GetLevelRequest(), v1.GetLevelResponse)
    assert level.level == v1.SERVICE_LEVEL_FULL
    replay = v1.ReplayItemRequest(item_id=item, unpaced=True)
    events = list(shop.stream("ReplayService/ReplayItem", replay, v1.ReplayItemResponse))
    assert events[-1].position == placed.position
    with pytest.raises(NotFound) as missing:
        unknown = v1.ReplayItemRequest(item_id=str(uuid.uuid4()), unpaced=True)
        list(shop.stream("ReplayService/ReplayItem", unknown, v1.ReplayItemResponse))
    assert missing.value.field == "item_id"


def test_a_client_is_shared_by_threads(shop: Doorbuster, sell: Sell) -> None:
    item = sell(units=4)
    orders: list[str] = []

    def buy(number: int) -> None:
        orders.append(shop.place_order(item, buyer=f"buyer-{number}").order.order_id)

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(orders)) == 4
