"""Mistakes of the caller: each is an InvalidRequest that names its field."""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Callable
from typing import Any, cast

import pytest
from server import draft, now

from doorbuster import Doorbuster, DoorbusterError, InvalidRequest, NotFound, read_sale, v1

#: What only a caller without a type checker can do.
wrong = cast(Any, object())
Call = Callable[[Doorbuster, str], object]

MISTAKES: list[tuple[str, Call]] = [
    ("units", lambda shop, item: shop.place_order(item, buyer="ann", units=0)),
    ("units", lambda shop, item: shop.place_order(item, buyer="ann", units=2**64)),
    ("units", lambda shop, item: shop.place_order(item, buyer="ann", units=cast(Any, "2"))),
    ("units", lambda shop, item: shop.place_order(item, buyer="ann", units=cast(Any, 1.5))),
    ("buyer", lambda shop, item: shop.place_order(item, buyer="")),
    ("buyer", lambda shop, item: shop.place_order(item, buyer=wrong)),
    ("item_id", lambda shop, _: shop.place_order("nothing", buyer="ann")),
    ("request_id", lambda shop, item: shop.place_order(item, buyer="ann", request_id="7")),
    ("max_total_minor", lambda shop, item: shop.place_order(item, buyer="a", max_total_minor=0)),
    ("labels", lambda shop, item: shop.place_order(item, buyer="ann", labels=wrong)),
    ("labels.value", lambda shop, item: shop.place_order(item, buyer="ann", labels={"a": wrong})),
    ("label", lambda shop, _: shop.find_order(label=wrong)),
    ("timeout", lambda shop, item: shop.get_item(item, timeout=0)),
    ("reason", lambda shop, item: shop.pause_sale(item.split("/")[0], reason="")),
    (
        "pay_by_time",
        lambda shop, _: shop.extend_hold(
            "x", pay_by_time=datetime.datetime(2099, 1, 1), reason="r"
        ),
    ),
    (
        "amount",
        lambda shop, item: shop.record_payment(
            item, order_id="x", payment_reference="p", amount=wrong
        ),
    ),
    ("method", lambda shop, _: shop.call("PurchaseService/Buy", v1.GetItemRequest())),
    ("method", lambda shop, _: shop.call("AlertService/FollowAlerts", v1.FollowAlertsRequest())),
    ("method", lambda shop, _: shop.call("PurchaseService/PlaceOrders", v1.PlaceOrdersRequest())),
    ("request", lambda shop, _: shop.call("ItemService/GetItem", v1.GetSaleRequest())),
    ("sale", lambda shop, _: shop.create_sale(wrong)),
    ("sale.nme", lambda shop, _: shop.create_sale({"nme": "x"})),
    ("sale.openTime", lambda shop, _: shop.create_sale({"openTime": "tomorrow"})),
    ("sale.items.unitPrice", lambda shop, _: shop.create_sale(draft("A", 1, unitPrice=3))),
    (
        "sale.items.unitPriceMinor",
        lambda shop, _: shop.create_sale(draft("A", 1, unitPriceMinor=1.5)),
    ),
    (
        "sale.items[0].unit_price_minor",
        lambda shop, _: shop.create_sale(draft("A", 1, unitPriceMinor=0)),
    ),
    (
        "sale.close_time",
        lambda shop, _: shop.create_sale(
            draft("A", 1) | {"closeTime": now() - datetime.timedelta(days=1)}
        ),
    ),
    ("path", lambda _shop, _item: read_sale("nothing.json")),
    ("url", lambda _shop, _item: Doorbuster("127.0.0.1:7423")),
    ("url", lambda _shop, _item: Doorbuster("ftp://127.0.0.1")),
    ("token", lambda _shop, _item: Doorbuster(token="0123456789abcdef\n")),
    ("headers", lambda _shop, _item: Doorbuster(headers={"traceparent": "ä"})),
    ("connections", lambda _shop, _item: Doorbuster(connections=0)),
    ("attempts", lambda _shop, _item: Doorbuster(attempts=0)),
]


@pytest.mark.parametrize(("field", "mistake"), MISTAKES, ids=[field for field, _ in MISTAKES])
def test_a_mistake_names_its_field(
    shop: Doorbuster, sell: Callable[..., str], field: str, mistake: Call
) -> None:
    with pytest.raises(InvalidRequest) as said:
        mistake(shop, sell())
    assert said.value.field == field, said.value
    assert field.split(".")[-1] in said.value.message
    assert not said.value.maybe_done


def test_what_is_not_there_names_its_field(shop: Doorbuster, sell: Callable[..., str]) -> None:
    item = sell()
    with pytest.raises(NotFound) as order:
        shop.get_order(item, order_id="00000000-0000-4000-8000-000000000000", buyer="ann")
    assert order.value.field == "order_id"
    assert isinstance(order.value, DoorbusterError)


def test_a_file_that_is_no_json_is_told(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text("name = 'a sale file of the command line'")
    with pytest.raises(InvalidRequest, match="sale"):
        read_sale(file)
