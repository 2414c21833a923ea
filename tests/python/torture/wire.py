"""Calls over gRPC, each an entry of the journal.

Stubs are generated from the proto files alone. A call is entered into the journal before it is sent, so that every
call that may have taken effect is recorded.
"""

import queue
import threading
import time

import grpc
from google.protobuf import duration_pb2, timestamp_pb2

from report import Refused

from .journal import Answer, Cancel, Error, Look, Order, Pay, Place

CALL_SECONDS_MAX = 10
# Reconnect quickly to a restarted server.
CHANNEL = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


class Wire:
    """One connection, and the journal of its calls."""

    def __init__(self, pb, stubs, address, calls, name=""):
        """`name` is that of the server, where there are several: it is told of every call."""
        self.pb, self.calls, self.address = pb, calls, address
        self.at = name and f" at {name}"
        self.channel = grpc.insecure_channel(address, options=CHANNEL)
        self.purchase = stubs["purchase_service"].PurchaseServiceStub(self.channel)
        self.item = stubs["item_service"].ItemServiceStub(self.channel)
        self.sale = stubs["sale_service"].SaleServiceStub(self.channel)
        self.reports = stubs["report_service"].ReportServiceStub(self.channel)

    def pick(self):
        """The wire for the next stream: this one."""
        return self

    def start(self, call, seconds=CALL_SECONDS_MAX):
        """Sends a call of a buyer; `finish` waits for it."""
        method, request = self._request(call)
        call.route += self.at
        self.calls.append(call)
        call.send()
        return method.future(request, timeout=seconds)

    def finish(self, call, future):
        try:
            return call.end(answer=self._answer(future.result()))
        except grpc.RpcError as error:
            return call.end(error=failure(error))

    def ask(self, call):
        return self.finish(call, self.start(call))

    def steer(self, call):
        """Pauses, resumes or adds units, in the name of an operator."""
        body = call.body
        fields = {"request_id": call.request_id, "item_id": call.item, "operator": "torture"}
        fields["reason"] = body.act
        call.route += self.at
        self.calls.append(call)
        call.send()
        try:
            if body.act == "allocate":
                request = self.pb.AllocateStockRequest(
                    warehouse=body.warehouse, units=body.units, **fields
                )
                answer = self.item.AllocateStock(request, timeout=CALL_SECONDS_MAX)
            elif body.act == "pause":
                request = self.pb.PauseItemRequest(**fields)
                answer = self.item.PauseItem(request, timeout=CALL_SECONDS_MAX)
            else:
                request = self.pb.ResumeItemRequest(**fields)
                answer = self.item.ResumeItem(request, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            return call.end(error=failure(error))
        return call.end(answer=self._answer(answer))

    def place_request(self, call):
        buyer, units, channel = call.body
        return self.pb.PlaceOrderRequest(
            request_id=call.request_id, item_id=call.item, buyer=buyer, units=units, channel=channel
        )

    def _request(self, call):
        pb, body = self.pb, call.body
        match body:
            case Place():
                return self.purchase.PlaceOrder, self.place_request(call)
            case Pay():
                amount = pb.Money(currency_code=body.currency, amount_minor=body.amount)
                return self.purchase.RecordPayment, pb.RecordPaymentRequest(
                    request_id=call.request_id, item_id=call.item, order_id=body.order_id,
                    payment_reference=body.reference, amount=amount)
            case Cancel():
                return self.purchase.CancelOrder, pb.CancelOrderRequest(
                    request_id=call.request_id, item_id=call.item, order_id=body.order_id,
                    buyer=body.buyer)
            case Look():
                return self.purchase.GetOutcome, pb.GetOutcomeRequest(
                    request_id=call.request_id, item_id=call.item, buyer=body.buyer)
        raise AssertionError(body)

    def _answer(self, message):
        position = getattr(message, "position", 0)
        field = message.DESCRIPTOR.fields_by_name
        if "refusal" in field and message.HasField("refusal"):
            refusal = message.refusal
            reason = self.pb.RefusalReason.Name(refusal.reason).removeprefix("REFUSAL_REASON_")
            return Answer(None, reason, refusal.available_units, message.revision, position)
        order = self._order(message.order) if "order" in field else None
        return Answer(order, None, 0, message.revision, position)

    def _order(self, order):
        state = self.pb.OrderState.Name(order.state).removeprefix("ORDER_STATE_")
        return Order(order.order_id, order.item_id, order.buyer, order.units,
                     order.unit_price.amount_minor, order.total.amount_minor,
                     order.total.currency_code, state, order.place_time.ToMilliseconds(),
                     order.pay_by_time.ToMilliseconds())

    def of_stream(self, call, response):
        """Enters the answers of a stream."""
        if response.WhichOneof("result") == "fault":
            fault = response.fault
            return call.end(error=Error(fault.code, fault.reason, fault.message))
        return call.end(answer=self._answer(response.answer))


class Stream:
    """A PlaceOrders stream: a bounded number of calls in flight, answers matched by tag."""

    def __init__(self, wire, under_way_max):
        self.wire = wire
        self.requests = queue.Queue()
        self.room = threading.Semaphore(under_way_max)
        self.under_way = {}
        self.next_tag = 1
        self.heard = time.monotonic()
        self.responses = None

    def send(self, call):
        """Waits for space in the window. False if there was none within a second."""
        if not self.room.acquire(timeout=1):
            return False
        call.route = "stream" + self.wire.at
        tag, self.next_tag = self.next_tag, self.next_tag + 1
        self.under_way[tag] = call
        self.wire.calls.append(call)
        request = self.wire.place_request(call)
        call.send()
        self.requests.put(self.wire.pb.PlaceOrdersRequest(tag=tag, command=request))
        return True

    def close(self):
        """No more orders; the stream ends when all are answered."""
        self.requests.put(None)

    def give_up(self, seconds):
        """Cancels the stream if no answer came for so long while calls were in flight."""
        if self.under_way and self.responses and time.monotonic() - self.heard > seconds:
            self.responses.cancel()

    def answers(self):
        """Yields each call as it is answered; returns what ended the stream, if it was an error."""
        try:
            self.responses = self.wire.purchase.PlaceOrders(iter(self.requests.get, None))
            for response in self.responses:
                self.heard = time.monotonic()
                call = self.under_way.pop(response.tag, None)
                if call is None:
                    raise AssertionError(f"tag {response.tag} was not under way")
                self.room.release()
                yield self.wire.of_stream(call, response)
        except grpc.RpcError:
            # Calls in flight now are unanswered. They are repeated elsewhere.
            self.close()


def failure(error):
    refused = Refused(error)
    return Error(refused.code.name, refused.reason or "", refused.message or "")


def draft_of(pb, name, items):
    """A sale of these items, the terms of each by its SKU; all of them are open from now on."""
    now = int(time.time())
    sale = pb.SaleDraft(
        name=name, currency_code="CNY", open_time=timestamp_pb2.Timestamp(seconds=now - 60),
        close_time=timestamp_pb2.Timestamp(seconds=now + 86_400),
    )
    for sku, terms in items.items():
        item = sale.items.add(sku=sku, title=sku, unit_price_minor=terms.price)
        item.time_to_pay.CopyFrom(duration_pb2.Duration(seconds=terms.time_to_pay_ms // 1_000))
        if terms.per_buyer:
            item.limit_per_buyer = terms.per_buyer
        if terms.per_order:
            item.limit_per_order = terms.per_order
        for warehouse, units in terms.units.items():
            item.units.add(warehouse=warehouse, units=units)
    return sale
