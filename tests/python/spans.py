"""Spans of a purchase arrive at a real OTLP receiver, as part of the caller's trace.

The binary must be built with the feature `otel`: `run.sh spans.py [BINARY]`. The receiver is grpcio
with the published protocol of OpenTelemetry, so the reader is independent of the writer.
"""

import json
import queue
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent import futures

import grpc
from google.protobuf import duration_pb2, timestamp_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from client import make_stubs

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOT_RECORDED = "5bf92f3577b34da6a3ce929d0e0e4736"
WAIT_SECONDS_MAX = 30
SERVER_SPAN, ERROR = 2, 2
PLACE_ORDER = "doorbuster.v1.PurchaseService/PlaceOrder"


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps every received span with its service."""

    def __init__(self):
        self.came = queue.Queue()

    def Export(self, request, context):
        for resource in request.resource_spans:
            about = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.came.put((about["service.name"], span))
        return trace_service_pb2.ExportTraceServiceResponse()

    def all(self):
        """All received spans; the server has stopped."""
        spans = []
        while not self.came.empty():
            service, span = self.came.get()
            equal("service", service, "doorbuster")
            spans.append(span)
        return spans


def equal(what, found, expected):
    assert found == expected, f"{what}: found {found!r}, expected {expected!r}"


def attribute(span, key):
    return next((a.value.string_value for a in span.attributes if a.key == key), None)


def trade(address, pb, stubs):
    """Three orders: in a trace that is recorded, in one that is not, and one that fails."""
    channel = grpc.insecure_channel(address)
    now = int(time.time())
    sale = stubs["sale_service"].SaleServiceStub(channel).CreateSale(
        pb.CreateSaleRequest(
            request_id=str(uuid.uuid4()),
            operator="spans",
            sale=pb.SaleDraft(
                name="Spans",
                currency_code="CNY",
                open_time=timestamp_pb2.Timestamp(seconds=now - 60),
                close_time=timestamp_pb2.Timestamp(seconds=now + 3600),
                items=[
                    pb.ItemDraft(
                        sku="phone",
                        title="Phone",
                        unit_price_minor=100,
                        time_to_pay=duration_pb2.Duration(seconds=60),
                        units=[pb.WarehouseUnits(warehouse="east", units=10)],
                    )
                ],
            ),
        )
    )
    item = sale.sale.items[0].item_id
    purchases = stubs["purchase_service"].PurchaseServiceStub(channel)

    def place(buyer, of, traceparent):
        request = pb.PlaceOrderRequest(
            request_id=str(uuid.uuid4()), item_id=of, buyer=buyer, units=1
        )
        return purchases.PlaceOrder(request, metadata=[("traceparent", traceparent)])

    place("ann", item, f"00-{TRACE}-{PARENT}-01")
    place("bob", item, f"00-{NOT_RECORDED}-{PARENT}-00")
    try:
        place("cyd", str(uuid.uuid4()), f"00-{TRACE}-{PARENT}-01")
    except grpc.RpcError as error:
        equal("code", error.code(), grpc.StatusCode.NOT_FOUND)
    channel.close()


def judge(spans):
    traces = {span.trace_id.hex() for span in spans}
    assert NOT_RECORDED not in traces, "a trace that its caller does not record was sent"
    ours = [span for span in spans if span.trace_id.hex() == TRACE]
    calls = [span for span in ours if span.name == PLACE_ORDER]
    equal("calls of the trace", len(calls), 2)
    for call in calls:
        equal("parent", call.parent_span_id.hex(), PARENT)
        equal("kind", call.kind, SERVER_SPAN)
        assert call.end_time_unix_nano > call.start_time_unix_nano
    codes = sorted(attribute(call, "rpc.response.status_code") for call in calls)
    equal("codes", codes, ["NOT_FOUND", "OK"])
    assert all(call.status.code != ERROR for call in calls), "a caller's mistake is no error"
    steps = [span for span in ours if span.name == "item"]
    equal("parents of steps", {s.parent_span_id for s in steps}, {c.span_id for c in calls})
    created = [span for span in spans if span.name.endswith("SaleService/CreateSale")]
    equal("calls without a trace", len(created), 1)
    equal("parent of such a call", created[0].parent_span_id, b"")


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else "target/debug/doorbuster"
    receiver = Receiver()
    collector = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, collector)
    port = collector.add_insecure_port("127.0.0.1:0")
    collector.start()
    with tempfile.TemporaryDirectory() as directory:
        pb, stubs = make_stubs(directory)
        command = [binary, "serve", "--json", "--data", f"{directory}/data", "--web", "off"]
        command += ["--listen", "127.0.0.1:0", "--otel-endpoint", f"http://127.0.0.1:{port}"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            trade(json.loads(server.stdout.readline())["address"], pb, stubs)
        finally:
            # Remaining spans are sent when the server stops.
            server.terminate()
            code = server.wait(WAIT_SECONDS_MAX)
    equal("exit code", code, 0)
    judge(receiver.all())
    collector.stop(None)
    print("spans of a purchase arrived in their caller's trace")


if __name__ == "__main__":
    main()
