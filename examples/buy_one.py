"""Buys one unit from Python: place an order, pay it, read it back.

    python3 -m venv .venv && .venv/bin/pip install grpcio grpcio-tools
    mkdir -p stubs && .venv/bin/python -m grpc_tools.protoc -I crates/wire/proto --python_out=stubs \
        --grpc_python_out=stubs crates/wire/proto/doorbuster/v1/*.proto
    PYTHONPATH=stubs .venv/bin/python examples/buy_one.py ITEM_ID [SERVER]
"""

import sys
import uuid

import grpc
from doorbuster.v1 import purchase_service_pb2 as purchase
from doorbuster.v1 import purchase_service_pb2_grpc, report_service_pb2, report_service_pb2_grpc
from doorbuster.v1.types_pb2 import OrderState

item_id = sys.argv[1]
channel = grpc.insecure_channel(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:7420")
shop = purchase_service_pb2_grpc.PurchaseServiceStub(channel)
reports = report_service_pb2_grpc.ReportServiceStub(channel)

# A new buyer each time, because an item may be limited to one unit per buyer.
buyer = f"python-{uuid.uuid4()}"
# If the answer is lost, send the same request again: it returns the same order.
request = purchase.PlaceOrderRequest(
    request_id=str(uuid.uuid4()), item_id=item_id, buyer=buyer, units=1, channel="python"
)
answer = shop.PlaceOrder(request, timeout=5)
if answer.WhichOneof("outcome") == "refusal":
    sys.exit(f"refused: {answer.refusal.message}")
order = answer.order
assert shop.PlaceOrder(request, timeout=5) == answer
print("held", order.order_id, order.total.amount_minor, order.total.currency_code)

paid = shop.RecordPayment(
    purchase.RecordPaymentRequest(
        request_id=str(uuid.uuid4()),
        item_id=item_id,
        order_id=order.order_id,
        payment_reference=f"bank-{order.order_id}",
        amount=order.total,
    ),
    timeout=5,
)
if paid.WhichOneof("outcome") == "refusal":
    sys.exit(f"not paid: {paid.refusal.message}")

# Read your own write: the read model waits for that position of the log.
mine = reports.ListOrders(
    report_service_pb2.ListOrdersRequest(buyer=buyer, min_position=paid.position), timeout=5
)
for record in mine.orders:
    state = OrderState.Name(record.order.state).removeprefix("ORDER_STATE_").lower()
    print(state, record.order.order_id, "at log position", paid.position)
