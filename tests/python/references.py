"""What a shop calls its orders: placed, repeated, found and exported; items by sale and SKU, orders without
their item."""

import csv
import io
import uuid

from report import equal, refused

HEAD = 2**64 - 1


def check(cases, shop):
    pb = shop.pb
    request = shop.sale_request()
    request.sale.ClearField("items")
    request.sale.items.extend([shop.item_draft("CALLED", 100)])
    sale = shop.sale.CreateSale(request, timeout=10).sale
    named = f"{sale.sale_id}/CALLED"

    def labels(**given):
        return [pb.OrderLabel(name=name, value=value) for name, value in given.items()]

    def place(**fields):
        return shop.order_request(item_id=named, **fields)

    def find(**fields):
        request = pb.FindOrderRequest(min_position=HEAD, **fields)
        return [found.order for found in shop.orders.FindOrder(request, timeout=10).orders]

    with cases.case("an order has the shop's own id and labels, in every answer"):
        request = place(shop_order_id="S-17", labels=labels(store="浦东", campaign="1111"))
        order = shop.purchase.PlaceOrder(request, timeout=10).order
        equal(order.item_id, sale.items[0].item_id)
        equal((order.shop_order_id, list(order.labels)), ("S-17", labels(campaign="1111", store="浦东")))
        equal(shop.purchase.PlaceOrder(request, timeout=10).order, order)
        del request.labels[1]
        equal(refused(shop.purchase.PlaceOrder, request).reason, "REQUEST_ID_REUSED")

    with cases.case("an order is found by its id, by the shop's id and by a label"):
        for known in [
            {"order_id": order.order_id},
            {"shop_order_id": "S-17"},
            {"label": labels(store="浦东")[0]},
            {"label": labels(campaign="1111")[0], "sale_id": sale.sale_id},
        ]:
            equal(find(**known), [order])
        equal(find(shop_order_id="s-17"), [])

    with cases.case("an operator refunds an order that is known by its id alone; an export names it"):
        payment = shop.payment_request(order.order_id, 1, item_id=named)
        shop.purchase.RecordPayment(payment, timeout=10)
        asked = pb.ExportOrdersRequest(
            request_id=str(uuid.uuid4()), sale_id=sale.sale_id, operator="python", reason="noon"
        )
        export = shop.orders.ExportOrders(asked, timeout=10).export
        asked = pb.FetchExportRequest(sale_id=sale.sale_id, number=export.number, min_position=HEAD)
        parts = list(shop.orders.FetchExport(asked, timeout=10))
        line = parts[0].lines[0]
        equal((line.shop_order_id, list(line.labels)), ("S-17", list(order.labels)))
        row = next(csv.DictReader(io.StringIO("".join(part.csv for part in parts))))
        equal((row["shop_order_id"], row["labels"]), ("S-17", "campaign=1111; store=浦东"))
        refund = shop.steer_request(
            pb.RefundOrderRequest, item_id="", order_id=order.order_id, units=1, restock=True
        )
        back = shop.orders.RefundOrder(refund, timeout=10).order
        equal((back.item_id, back.refunded_units), (order.item_id, 1))
