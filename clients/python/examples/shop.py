"""A shop's backend on doorbuster: a product page with live stock, orders, payments, refunds.

python shop.py                        # sells a new item on http://127.0.0.1:8080
DOORBUSTER_URL=http://127.0.0.1:7423  # the server's HTTP/JSON port
SHOP_PORT=8080
SHOP_UNITS=5                          # how many there are to sell
"""

import datetime
import http.server
import json
import os
from typing import Any

from doorbuster import Doorbuster, DoorbusterError, InvalidRequest, NotFound, Refused, v1

PAGE = """<!doctype html><meta charset="utf-8"><title>TITLE</title><link rel="icon" href="data:,">
<h1>TITLE</h1><p id="price"></p><p><b id="stock"></b> left</p>
<input id="buyer" value="ann"> <button id="buy">Buy one</button><pre id="said"></pre>
<script>
const show = async () => {
  const item = await (await fetch("stock")).json();
  stock.textContent = item.available;
  price.textContent = (item.price_minor / 100).toFixed(2) + " " + item.currency;
  buy.disabled = item.available === 0;
};
buy.onclick = async () => {
  const body = JSON.stringify({ buyer: buyer.value });
  const answer = await fetch("orders", { method: "POST", body });
  said.textContent = JSON.stringify(await answer.json(), null, 2);
  await show();
};
show();
setInterval(show, 1000);
</script>"""

UNITS = int(os.environ.get("SHOP_UNITS", "5"))
shop = Doorbuster(os.environ.get("DOORBUSTER_URL", "http://127.0.0.1:7423"), operator="shop")


def new_item() -> v1.Item:
    """Puts phones on sale for an hour; a buyer has three seconds to pay."""
    now = datetime.datetime.now(datetime.timezone.utc)
    phone = v1.ItemDraft(
        sku="PHONE",
        title="Phone, 256 GB",
        unit_price_minor=199_900,
        time_to_pay=datetime.timedelta(seconds=3),
        units=[v1.WarehouseUnits(warehouse="hangzhou", units=UNITS)],
    )
    sale = v1.SaleDraft(
        name="Double Eleven",
        currency_code="CNY",
        open_time=now,
        close_time=now + datetime.timedelta(hours=1),
        items=[phone],
    )
    return shop.get_item(shop.create_sale(sale).sale.items[0].item_id).item


ITEM = new_item()


def stock(_: dict[str, Any]) -> dict[str, Any]:
    item = shop.get_item(ITEM.item_id).item
    price = item.unit_price
    return {
        "available": item.available_units,
        "price_minor": price.amount_minor,
        "currency": price.currency_code,
    }


def place(form: dict[str, Any]) -> dict[str, Any]:
    """The browser may send the id of its form, so that a second click is the same order."""
    order = shop.place_order(
        ITEM.item_id, buyer=form["buyer"], request_id=form.get("request_id"), channel="web"
    ).order
    pay_by = order.pay_by_time.ToDatetime(datetime.timezone.utc).isoformat()
    return {"order": order.order_id, "total_minor": order.total.amount_minor, "pay_by": pay_by}


def payment(form: dict[str, Any]) -> dict[str, Any]:
    """The payment provider's callback; it may come twice, and too late."""
    try:
        paid = shop.record_payment(
            ITEM.item_id,
            order_id=form["order"],
            payment_reference=form["reference"],
            amount=v1.Money(currency_code=form["currency"], amount_minor=form["amount_minor"]),
        )
    except Refused as late:
        if late.reason not in {"ORDER_EXPIRED", "ORDER_CANCELLED", "ALREADY_PAID"}:
            raise
        dues = shop.list_refunds_due(order_id=form["order"], min_position=late.position).refunds
        return {"refused": late.reason, "sent_back": [send_back(due) for due in dues]}
    return {"state": v1.OrderState.Name(paid.order.state)}


def refund(form: dict[str, Any]) -> dict[str, Any]:
    answer = shop.refund_order(
        form["order"], units=form["units"], restock=True, reason="the buyer sent it back"
    )
    dues = shop.list_refunds_due(order_id=form["order"], min_position=answer.position).refunds
    return {"sent_back": [send_back(due) for due in dues]}


def send_back(due: v1.RefundDue) -> dict[str, Any]:
    """Here the shop would ask its payment provider for the transfer."""
    reference = f"transfer-{due.due_id}"
    shop.settle_refund(due.due_id, reference=reference, reason="sent back")
    return {"amount_minor": due.amount.amount_minor, "reference": reference}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/stock":
            return self.answer_with(stock)
        if self.path != "/":
            return self.send(404, "text/plain", "there is no such page")
        self.send(200, "text/html; charset=utf-8", PAGE.replace("TITLE", ITEM.title))

    def do_POST(self) -> None:
        calls = {"/orders": place, "/payments": payment, "/refunds": refund}
        if self.path not in calls:
            return self.send(404, "text/plain", "there is no such page")
        self.answer_with(calls[self.path])

    def answer_with(self, call: Any) -> None:
        try:
            status, said = 200, call(dict(json.loads(self.body() or "{}")))
        except Refused as refused:
            status, said = 409, {"refused": refused.reason, "message": refused.message}
        except KeyError as missing:
            status, said = 400, {"field": missing.args[0], "message": "this field is missing"}
        except (InvalidRequest, NotFound) as wrong:
            status, said = 400, {"field": wrong.field, "message": wrong.message}
        except (ValueError, TypeError):
            status, said = 400, {"field": "", "message": "the body must be a JSON object"}
        except DoorbusterError as error:
            status, said = 503, {"message": error.message, "request_id": error.request_id}
        self.send(status, "application/json", json.dumps(said))

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    address = ("127.0.0.1", int(os.environ.get("SHOP_PORT", "8080")))
    with http.server.ThreadingHTTPServer(address, Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/ sells {ITEM.item_id}", flush=True)
        server.serve_forever()
