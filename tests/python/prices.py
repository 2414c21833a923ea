"""100 buyers at once over a step of the price: exactly the first units cost the lower price, the others the next.

The rules are computed anew here, unit by unit in the order of the item's log, from the answers alone.
"""

import concurrent.futures
import threading

from report import equal

BUYERS = 100
STREAMS = 10
STEP_UNITS, FIRST, NEXT = 61, 990, 1290
STRAPS, STRAP_FROM = 25, 2
SECONDS_MAX = 30


def check(cases, shop):
    """Every promise about the price of an order that many buyers can break."""
    item_ids = create_sale(shop)
    sold = {}
    for name, item_id, buy in zip(
        [
            "100 buyers at once: the first units have the first price, the others the next",
            "an order above the agreed total is refused with the new price, and placed at that",
            "the same over ten streams at once",
        ],
        item_ids,
        [buy_at_once, buy_within_a_bound, buy_over_streams],
    ):
        with cases.case(name):
            sold[item_id] = buy(shop, item_id)
            check_parts(sold[item_id])
    with cases.case("the total of an order is paid, and no other amount"):
        for item_id, answers in sold.items():
            at_once([lambda answer=answer: pay(shop, answer.order) for answer in answers])
    with cases.case("steps, gifts and reports add up to what was paid"):
        equal(len(sold), len(item_ids))
        for item_id, answers in sold.items():
            check_figures(shop, item_id, [answer.order for answer in answers])


def create_sale(shop):
    """A sale of three equal items; their ids."""
    items = []
    for sku in ["AT-ONCE", "AGREED", "STREAMED"]:
        item = shop.item_draft(sku, 1000)
        item.unit_price_minor = NEXT
        item.steps.add(units=STEP_UNITS, unit_price_minor=FIRST)
        item.offers.add(name="strap", from_units=STRAP_FROM, gift_sku="STRAP", gift_units=STRAPS)
        items.append(item)
    request = shop.sale_request()
    request.sale.ClearField("items")
    request.sale.items.extend(items)
    return [item.item_id for item in shop.sale.CreateSale(request, timeout=10).sale.items]


def units_of(number):
    """One to three units, 199 for all buyers together: the step can end within an order."""
    return number % 3 + 1


def request_of(shop, item_id, number, **fields):
    fields |= {"item_id": item_id, "buyer": f"priced-{number}", "units": units_of(number)}
    return shop.order_request(**fields)


def at_once(calls):
    """The results of all calls. Each has a thread of its own; all of them begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait(SECONDS_MAX)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def buy_at_once(shop, item_id):
    requests = [request_of(shop, item_id, number) for number in range(BUYERS)]
    place = shop.purchase.PlaceOrder
    return at_once([lambda request=request: place(request, timeout=SECONDS_MAX) for request in requests])


def buy_within_a_bound(shop, item_id):
    """Each buyer agrees to the first price, and after a refusal to the total that it names."""

    def buy(number):
        units = units_of(number)
        request = request_of(shop, item_id, number, max_total_minor=units * FIRST)
        bounds = [request.max_total_minor]
        while (answer := shop.purchase.PlaceOrder(request, timeout=SECONDS_MAX)).HasField("refusal"):
            refusal = answer.refusal
            equal(refusal.reason, shop.reason("PRICE_CHANGED"))
            equal(refusal.quote.units, units)
            equal(sum_of(refusal.quote.parts), refusal.quote.total_minor)
            assert bounds[-1] < refusal.quote.total_minor <= units * NEXT, refusal
            request.max_total_minor = refusal.quote.total_minor
            bounds.append(request.max_total_minor)
        total = answer.order.total.amount_minor
        assert total <= bounds[-1], f"{total} is more than {bounds}"
        # The price only rises here: buyers who pay more were refused, and no others.
        equal(len(bounds) > 1, total > units * FIRST)
        return answer

    return at_once([lambda number=number: buy(number) for number in range(BUYERS)])


def buy_over_streams(shop, item_id):
    def buy(first):
        numbers = range(first, BUYERS, STREAMS)
        requests = [
            shop.pb.PlaceOrdersRequest(tag=number, command=request_of(shop, item_id, number))
            for number in numbers
        ]
        answers = list(shop.purchase.PlaceOrders(iter(requests), timeout=SECONDS_MAX))
        equal([answer.tag for answer in answers], list(numbers))
        return [answer.answer for answer in answers]

    streams = at_once([lambda first=first: buy(first) for first in range(STREAMS)])
    return [answer for stream in streams for answer in stream]


def sum_of(parts):
    return sum(part.units * part.unit_price_minor for part in parts)


def check_parts(answers):
    """Prices, totals and gifts of all orders of an item, by their places in its log."""
    equal([answer.WhichOneof("outcome") for answer in answers], ["order"] * BUYERS)
    left, straps = STEP_UNITS, STRAPS
    for answer in sorted(answers, key=lambda answer: answer.revision):
        order = answer.order
        cheap = min(left, order.units)
        left -= cheap
        expected = [(1, cheap, FIRST), (None, order.units - cheap, NEXT)]
        found = [
            (part.step if part.HasField("step") else None, part.units, part.unit_price_minor)
            for part in order.parts
        ]
        equal(found, [part for part in expected if part[1]])
        equal(order.total.amount_minor, sum_of(order.parts))
        entitled = order.units >= STRAP_FROM
        given = entitled and straps > 0
        straps -= given
        equal((order.HasField("gift"), order.gift_gone), (given, entitled and not given))
    equal((left, straps), (0, 0))
    equal(sum(answer.order.units for answer in answers), sum(map(units_of, range(BUYERS))))


def pay(shop, order):
    """Pays an order, first with what its units would cost at one price, or with one minor unit more."""
    total = order.total.amount_minor
    at_first = order.units * FIRST
    wrong = shop.payment_request(order.order_id, 0, item_id=order.item_id)
    wrong.amount.amount_minor = at_first if at_first != total else total + 1
    answer = shop.purchase.RecordPayment(wrong, timeout=SECONDS_MAX)
    equal(answer.refusal.reason, shop.reason("WRONG_AMOUNT"))
    right = shop.payment_request(order.order_id, 0, item_id=order.item_id, amount=order.total)
    answer = shop.purchase.RecordPayment(right, timeout=SECONDS_MAX)
    equal((answer.order.state, answer.order.total), (shop.state("PAID"), order.total))


def check_figures(shop, item_id, orders):
    paid, units = sum(sum_of(order.parts) for order in orders), sum(order.units for order in orders)
    shown = shop.item.GetItem(shop.pb.GetItemRequest(item_id=item_id), timeout=10)
    (step,) = shown.item.prices.steps
    equal((step.held_units, step.sold_units, step.free_units), (0, STEP_UNITS, 0))
    equal(shown.item.prices.price_in_force_minor, NEXT)
    (strap,) = shown.item.offers
    gifts = (strap.gift_free_units, strap.gift_held_units, strap.gift_given_units)
    equal(gifts, (0, 0, STRAPS))
    # The last event of the item, or one of another item behind it.
    head = shop.sale.ListSales(shop.pb.ListSalesRequest(), timeout=10).freshness.head_position
    request = shop.pb.GetPriceFiguresRequest(item_id=item_id, min_position=head)
    report = shop.reports.GetPriceFigures(request, timeout=10)
    rows = [(row.step, row.units_paid, row.amount.amount_minor) for row in report.prices]
    rest = units - STEP_UNITS
    equal(rows, [(1, STEP_UNITS, STEP_UNITS * FIRST), (0, rest, rest * NEXT)])
    total = report.total
    equal((total.units_paid, total.discount.amount_minor, total.revenue.amount_minor), (units, 0, paid))
