"""Measures queries for the state of a sale at random moments.

    tests/python/run.sh measure_states.py BINARY DATA

Starts a server on DATA (see `doorbuster bench sale`) and queries it over gRPC. Prints figures and
asserts none.
"""

import importlib
import pathlib
import random
import statistics
import sys
import tempfile
import time

import grpc

from client import make_stubs
from server import Server

MOMENTS = 500
SEED = 3


def asked(moments, ask):
    """Milliseconds of each query, sorted."""
    took = []
    for moment in moments:
        start = time.perf_counter()
        ask(moment)
        took.append((time.perf_counter() - start) * 1000)
    return sorted(took)


def show(name, took):
    p99 = took[len(took) * 99 // 100]
    print(f"{name}: median {statistics.median(took):.1f} ms, p99 {p99:.1f}, max {took[-1]:.1f}")


def measure(channel):
    stub = importlib.import_module
    replay, report = stub("doorbuster.v1.replay_service_pb2"), stub("doorbuster.v1.report_service_pb2")
    states = stub("doorbuster.v1.replay_service_pb2_grpc").ReplayServiceStub(channel)
    reports = stub("doorbuster.v1.report_service_pb2_grpc").ReportServiceStub(channel)
    sales = stub("doorbuster.v1.sale_service_pb2_grpc").SaleServiceStub(channel)
    messages = stub("doorbuster.v1.sale_service_pb2")
    sale = sales.ListSales(messages.ListSalesRequest()).sales[0].sale_id
    timeline = reports.GetTimeline(report.GetTimelineRequest(sale_id=sale, page_size=10_000))
    seconds = [line.second.seconds for line in timeline.seconds]
    head = timeline.freshness.head_position
    chance = random.Random(SEED)

    def at_time(second):
        question = replay.GetStateAtRequest(sale_id=sale)
        question.at.time.FromSeconds(second)
        states.GetStateAt(question)

    def at_position(position):
        question = replay.GetStateAtRequest(sale_id=sale)
        question.at.position = position
        states.GetStateAt(question)

    show("by time", asked([chance.randint(seconds[0], seconds[-1]) for _ in range(MOMENTS)], at_time))
    # The first tenth of a large log is traffic from before the sale was created.
    positions = [chance.randint(head // 10, head) for _ in range(MOMENTS)]
    show("by position", asked(positions, at_position))


def main():
    binary, data = sys.argv[1:]
    server = Server(binary, data)
    with tempfile.TemporaryDirectory() as stubs:
        make_stubs(stubs)
        try:
            with grpc.insecure_channel(server.start()) as channel:
                measure(channel)
            server.stop()
        finally:
            server.end()


if __name__ == "__main__":
    main()
