"""Every RPC with one invalid field at a time: the status and the field named by the error.

Each row starts from a valid request and invalidates one field. No case may append to the log.
"""

import grpc

import report

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
UNKNOWN = "5f0c1a2e-0000-4000-8000-00000000beef"

BAD_IDS = [
    ("empty", ""),
    ("a word", "abc"),
    ("too short", "5f0c1a2e-0000-4000-8000-00000000bee"),
    ("over-long", "5" * 5000),
    ("without hyphens", "5f0c1a2e000040008000000000000beef"),
    ("no hexadecimal digit", "5f0c1a2e-0000-4000-8000-00000000beeg"),
    ("nil", "00000000-0000-0000-0000-000000000000"),
    ("in braces", "{5f0c1a2e-0000-4000-8000-00000000beef}"),
]


def bad_text(chars_max):
    return [
        ("empty", ""),
        ("over-long", "x" * (chars_max + 1)),
        ("with a control character", "a\x07b"),
        ("with a line break", "a\nb"),
        ("with a direction mark", "a\u202eb"),
        ("with spaces around", " a "),
    ]


def bad_number(number_max):
    rows = [("zero", 0), ("negative", -1), ("lowest", INT64_MIN)]
    if number_max < INT64_MAX:
        rows += [("too high", number_max + 1), ("highest", INT64_MAX)]
    return rows


BAD_PAGE_SIZES = [("negative", -1), ("lowest", -(2**31))]


def put(request, path, value):
    """Sets a field by its path, for example `sale.items[0].sku`."""
    *outer, last = path.replace("[", ".").replace("]", "").split(".")
    for step in outer:
        request = request[int(step)] if step.isdigit() else getattr(request, step)
    setattr(request, last, value)


def rows(shop):
    """(name, call, request, status, field) for each bad input."""
    for rpc, call, good, fields, ids in tables(shop):
        for path, wrong in fields:
            for what, value in wrong:
                request = type(good)()
                request.CopyFrom(good)
                put(request, path, value)
                yield f"{rpc}, {path} {what}", call, request, INVALID, path
        for path in ids:
            request = type(good)()
            request.CopyFrom(good)
            put(request, path, UNKNOWN)
            yield f"{rpc}, {path} unknown", call, request, NOT_FOUND, None
    yield from shapes(shop)


def tables(shop):
    """(rpc, call, valid request, invalid values by field, ids to make unknown)."""
    purchase, item, sale = shop.purchase, shop.item, shop.sale
    request_id, operator, reason = (
        ("request_id", BAD_IDS),
        ("operator", bad_text(64)),
        ("reason", bad_text(500)),
    )
    item_id, buyer = ("item_id", BAD_IDS), ("buyer", bad_text(128))
    order_id = ("order_id", BAD_IDS)
    channel = ("channel", [row for row in bad_text(32) if row[0] != "empty"])
    yield (
        "PlaceOrder",
        purchase.PlaceOrder,
        shop.order_request(),
        [request_id, item_id, buyer, ("units", bad_number(1_000_000)), channel],
        ["item_id"],
    )
    yield (
        "RecordPayment",
        purchase.RecordPayment,
        shop.payment_request(UNKNOWN, 1),
        [
            request_id,
            item_id,
            order_id,
            ("payment_reference", bad_text(128)),
            ("amount.amount_minor", bad_number(INT64_MAX)),
            ("amount.currency_code", [("empty", ""), ("unknown", "XYZ"), ("lower case", "cny")]),
        ],
        ["item_id", "order_id"],
    )
    yield (
        "CancelOrder",
        purchase.CancelOrder,
        shop.cancel_request(UNKNOWN),
        [request_id, item_id, order_id, buyer],
        ["item_id", "order_id"],
    )
    yield (
        "GetOrder",
        purchase.GetOrder,
        shop.pb.GetOrderRequest(item_id=shop.item_id, order_id=UNKNOWN, buyer="ann"),
        [item_id, order_id, buyer],
        ["item_id", "order_id"],
    )
    yield (
        "GetOutcome",
        purchase.GetOutcome,
        shop.pb.GetOutcomeRequest(item_id=shop.item_id, request_id=UNKNOWN, buyer="ann"),
        [item_id, request_id, buyer],
        ["item_id", "request_id"],
    )
    yield ("GetItem", item.GetItem, shop.pb.GetItemRequest(item_id=shop.item_id), [item_id], ["item_id"])
    allocate = shop.steer_request(shop.pb.AllocateStockRequest, warehouse="east", units=1)
    more = [("warehouse", bad_text(64)), ("units", bad_number(1_000_000_000))]
    steering = [request_id, item_id, operator, reason]
    yield "AllocateStock", item.AllocateStock, allocate, steering + more, ["item_id"]
    for rpc in ["PauseItem", "ResumeItem", "CloseItem"]:
        request = shop.steer_request(getattr(shop.pb, rpc + "Request"))
        yield rpc, getattr(item, rpc), request, steering, ["item_id"]
    yield from order_acts(shop, steering)
    yield (
        "CloseSale",
        sale.CloseSale,
        shop.close_sale_request(),
        [request_id, ("sale_id", BAD_IDS), operator, reason],
        ["sale_id"],
    )
    yield (
        "GetSale",
        sale.GetSale,
        shop.pb.GetSaleRequest(sale_id=shop.sale_id),
        [("sale_id", BAD_IDS)],
        ["sale_id"],
    )
    yield "CreateSale", sale.CreateSale, shop.sale_request(), sale_fields(), []
    yield from questions(shop)


def order_acts(shop, steering):
    """What operators do to single orders, and failed payments."""
    pb, orders = shop.pb, shop.orders
    # The server finds the item of an order that is named alone.
    found = ("item_id", [row for row in BAD_IDS if row[0] != "empty"])
    steering = [found if field[0] == "item_id" else field for field in steering]
    order_id = ("order_id", BAD_IDS)
    act = lambda kind, **fields: shop.steer_request(kind, order_id=UNKNOWN, **fields)
    ids = ["item_id", "order_id"]
    yield "CancelHold", orders.CancelHold, act(pb.CancelHoldRequest), [*steering, order_id], ids
    request = act(pb.RefundOrderRequest, units=1)
    fields = [*steering, order_id, ("units", bad_number(1_000_000))]
    yield "RefundOrder", orders.RefundOrder, request, fields, ids
    request = act(pb.ExtendHoldRequest)
    request.pay_by_time.GetCurrentTime()
    yield "ExtendHold", orders.ExtendHold, request, [*steering, order_id], ids
    request = shop.steer_request(pb.SettleRefundRequest, due_id=UNKNOWN, reference="transfer")
    fields = [*steering, ("due_id", BAD_IDS), ("reference", bad_text(128))]
    yield "SettleRefund", orders.SettleRefund, request, fields, ["item_id", "due_id"]
    request = pb.RecordPaymentFailureRequest(
        request_id=UNKNOWN, item_id=shop.item_id, order_id=UNKNOWN, payment_reference="pay", code="no"
    )
    fields = [("request_id", BAD_IDS), ("item_id", BAD_IDS), order_id]
    fields += [("payment_reference", bad_text(128)), ("code", bad_text(64))]
    yield "RecordPaymentFailure", shop.purchase.RecordPaymentFailure, request, fields, ids


def sale_fields():
    """Invalid values of each field of CreateSale."""
    first = "sale.items[0]."
    return [
        ("request_id", BAD_IDS),
        ("operator", bad_text(64)),
        ("sale.name", bad_text(200)),
        ("sale.currency_code", [("empty", ""), ("unknown", "XYZ"), ("lower case", "cny")]),
        (first + "sku", bad_text(64)),
        (first + "title", bad_text(200)),
        (first + "unit_price_minor", bad_number(1_000_000_000_000)),
        (first + "limit_per_buyer", bad_number(INT64_MAX)),
        (first + "limit_per_order", bad_number(INT64_MAX)),
        (first + "units[0].warehouse", bad_text(64)),
        (first + "units[0].units", bad_number(1_000_000_000)),
    ]


def questions(shop):
    """The reports: their ids are optional, so an empty one is valid."""
    ids = [row for row in BAD_IDS if row[0] != "empty"]
    pages = ("page_size", BAD_PAGE_SIZES)
    token = ("page_token", [("none of ours", "zzz"), ("over-long", "z" * 5000)])
    pb, reports = shop.pb, shop.reports
    stock = pb.GetStockLevelsRequest(sale_id=shop.sale_id)
    yield (
        "GetStockLevels",
        reports.GetStockLevels,
        stock,
        [("sale_id", ids), ("item_id", ids), pages, token],
        [],
    )
    orders = pb.ListOrdersRequest(item_id=shop.item_id)
    yield (
        "ListOrders",
        reports.ListOrders,
        orders,
        [("sale_id", ids), ("item_id", ids), pages, token, ("state", [("unknown", 99)])],
        [],
    )
    yield (
        "GetSalesSummary",
        reports.GetSalesSummary,
        pb.GetSalesSummaryRequest(sale_id=shop.sale_id),
        [("sale_id", BAD_IDS), pages, token],
        [],
    )
    filters = [("sale_id", ids), ("item_id", ids)]
    yield (
        "ListRefundsDue",
        reports.ListRefundsDue,
        pb.ListRefundsDueRequest(sale_id=shop.sale_id),
        [*filters, ("order_id", ids), pages, token, ("state", [("unknown", 99)])],
        ["sale_id", "item_id"],
    )
    refunds = pb.GetRefundReportRequest(sale_id=shop.sale_id)
    yield "GetRefundReport", reports.GetRefundReport, refunds, filters, ["sale_id", "item_id"]
    coupons = pb.GetCouponFiguresRequest(sale_id=shop.sale_id)
    yield "GetCouponFigures", reports.GetCouponFigures, coupons, [("sale_id", ids)], ["sale_id"]
    timeline = pb.GetTimelineRequest(item_id=shop.item_id)
    yield "GetTimeline", reports.GetTimeline, timeline, [("item_id", ids), pages, token], []
    yield "ListSales", shop.sale.ListSales, pb.ListSalesRequest(), [pages, token], []


def shapes(shop):
    """Missing fields, and invalid combinations of two fields."""
    pb = shop.pb
    extend = shop.steer_request(pb.ExtendHoldRequest, order_id=UNKNOWN)
    yield "ExtendHold, pay_by_time missing", shop.orders.ExtendHold, extend, INVALID, "pay_by_time"
    missing = shop.payment_request(UNKNOWN, 1)
    missing.ClearField("amount")
    yield "RecordPayment, amount missing", shop.purchase.RecordPayment, missing, INVALID, "amount"
    create = shop.sale.CreateSale
    request = shop.sale_request()
    request.ClearField("sale")
    yield "CreateSale, sale missing", create, request, INVALID, "sale"
    request = shop.sale_request()
    del request.sale.items[:]
    yield "CreateSale, no items", create, request, INVALID, "sale.items"
    for field in ["open_time", "close_time"]:
        request = shop.sale_request()
        request.sale.ClearField(field)
        yield f"CreateSale, {field} missing", create, request, INVALID, f"sale.{field}"
    request = shop.sale_request()
    request.sale.close_time.CopyFrom(request.sale.open_time)
    yield "CreateSale, closes when it opens", create, request, INVALID, "sale.close_time"
    request = shop.sale_request()
    request.sale.open_time.seconds = -1
    yield "CreateSale, opens before 1970", create, request, INVALID, "sale.open_time"
    request = shop.sale_request()
    request.sale.close_time.seconds = INT64_MAX
    yield "CreateSale, closes after the end of time", create, request, INVALID, "sale.close_time"
    request = shop.sale_request()
    request.sale.items[0].ClearField("time_to_pay")
    yield "CreateSale, no time to pay", create, request, INVALID, "sale.items[0].time_to_pay"
    for what, seconds in [("negative", -1), ("zero", 0), ("too long", 31 * 86400), ("highest", INT64_MAX)]:
        request = shop.sale_request()
        request.sale.items[0].time_to_pay.seconds = seconds
        request.sale.items[0].time_to_pay.nanos = 0
        yield f"CreateSale, time to pay {what}", create, request, INVALID, "sale.items[0].time_to_pay"
    request = shop.sale_request()
    del request.sale.items[0].units[:]
    yield "CreateSale, an item without units", create, request, INVALID, "sale.items[0].units"
    request = shop.sale_request()
    request.sale.items[0].units.append(request.sale.items[0].units[0])
    field = "sale.items[0].units[1].warehouse"
    yield "CreateSale, a warehouse twice", create, request, INVALID, field
    request = shop.sale_request()
    request.sale.items.append(request.sale.items[0])
    yield "CreateSale, a SKU twice", create, request, INVALID, f"sale.items[{len(request.sale.items) - 1}].sku"
    empty = pb.GetTimelineRequest()
    both = pb.GetTimelineRequest(sale_id=shop.sale_id, item_id=shop.item_id)
    # The error may name either of the two fields.
    yield "GetTimeline, neither sale nor item", shop.reports.GetTimeline, empty, INVALID, None
    yield "GetTimeline, sale and item", shop.reports.GetTimeline, both, INVALID, None


def check(cases, server, shop):
    """Runs the table. Each row is one case."""
    head = server.head()
    for name, call, request, status, field in rows(shop):
        with cases.case(name):
            error = report.refused(call, request)
            assert error.code == status, error
            report.equal(error.domain, "doorbuster")
            report.equal(error.reason, status.name)
            if status is INVALID and field:
                report.equal(error.fields, [field])
            assert len(error.message) < 1000, "the message repeats the whole input"
            report.equal(server.head(), head)
    with cases.case("a message above 64 KiB is refused"):
        error = report.refused(shop.purchase.PlaceOrder, shop.order_request(buyer="x" * 70_000))
        assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED, error
        report.equal(server.head(), head)
