"""Runs hostile clients, one after the other, beside an honest buyer against a server of the given binary.

    tests/python/run.sh hostile.py target/release/doorbuster [--seconds 8]

Each hostile client obeys HTTP/2: it sends and does not read, names unknown items, starts requests without
ending them, or sends nothing. Measured: the growth of the server's resident memory meanwhile, and the
latencies of an honest buyer with and without it. Asserted: at most 64 MiB for each
hostile client, every honest order answered, /healthz answered within two seconds. Latencies are printed
but not asserted, because they vary on a loaded machine.
"""

import argparse
import concurrent.futures
import importlib
import socket
import struct
import sys
import tempfile
import threading
import time
import urllib.request
import uuid

import grpc

from client import Shop, make_stubs
from server import Server

LIMIT_MIB = 64
HEALTH_SECONDS_MAX = 2
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
INITIAL_WINDOW = 4


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def message(proto):
    body = proto.SerializeToString()
    return b"\0" + struct.pack(">I", len(body)) + body


class Connection:
    """One HTTP/2 connection that answers pings and reads no answer, so its windows never grow."""

    def __init__(self, address, window=0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        settings = struct.pack(">HI", INITIAL_WINDOW, window)
        self.out = PREFACE + frame(SETTINGS, 0, 0, settings)
        self.socket.setblocking(False)
        self.buffer = b""
        self.initial, self.windows, self.connection_window = 65535, {}, 65535
        self.closed = False

    def open(self, stream, path):
        block = b"\x83\x86" + literal(b":path", path) + literal(b":authority", b"x")
        block += literal(b"content-type", b"application/grpc") + literal(b"te", b"trailers")
        self.out += frame(HEADERS, END_HEADERS, stream, block)
        self.windows[stream] = 0

    def room(self, stream):
        return min(self.initial + self.windows[stream], self.connection_window)

    def data(self, stream, payload, end=False):
        self.windows[stream] -= len(payload)
        self.connection_window -= len(payload)
        self.out += frame(DATA, END_STREAM if end else 0, stream, payload)

    def pump(self):
        """Sends pending data and reads frames; only settings, pings and window updates are processed."""
        try:
            came = self.socket.recv(1 << 16)
            self.closed |= came == b""
            self.buffer += came
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True
        while len(self.buffer) >= 9:
            size = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + size:
                break
            kind, flags = self.buffer[3], self.buffer[4]
            stream = int.from_bytes(self.buffer[5:9], "big")
            payload, self.buffer = self.buffer[9 : 9 + size], self.buffer[9 + size :]
            if kind == PING and not flags & ACK:
                self.out += frame(PING, ACK, 0, payload)
            elif kind == WINDOW_UPDATE:
                more = struct.unpack(">I", payload)[0]
                if stream == 0:
                    self.connection_window += more
                elif stream in self.windows:
                    self.windows[stream] += more
            elif kind == SETTINGS and not flags & ACK:
                for at in range(0, size, 6):
                    key, value = struct.unpack(">HI", payload[at : at + 6])
                    self.initial = value if key == INITIAL_WINDOW else self.initial
                self.out += frame(SETTINGS, ACK, 0)
        if self.out and not self.closed:
            try:
                self.out = self.out[self.socket.send(self.out) :]
            except BlockingIOError:
                time.sleep(0.0005)
            except OSError:
                self.closed = True

    def settle(self, seconds):
        """Answers pings for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.closed:
            self.pump()
            time.sleep(0.005)

    def close(self):
        self.socket.close()


class Stand:
    """A server with a sale, for the hostile clients."""

    def __init__(self, server, made):
        self.server = server
        self.pb, self.stubs = made
        shop = Shop(*made)
        shop.connect(server.address)
        self.purchases = shop.purchase
        request = shop.sale_request()
        request.sale.items.extend(shop.item_draft(f"MORE-{n}", 10) for n in range(200))
        sale = shop.sale.CreateSale(request, timeout=30).sale
        self.sale = sale.sale_id
        self.item = sale.items[1].item_id  # of a million units

    def order(self, item=None, buyer="hostile"):
        return self.pb.PlaceOrderRequest(
            request_id=str(uuid.uuid4()), item_id=item or self.item, buyer=buyer, units=1
        )

    def tagged(self, item):
        return self.pb.PlaceOrdersRequest(tag=1, command=self.order(item))


PLACE_ORDERS = b"/doorbuster.v1.PurchaseService/PlaceOrders"


def unread_orders(stand, seconds):
    """Four streams of orders whose answers are not read."""
    connection = Connection(stand.server.address)
    streams = [1, 3, 5, 7]
    for stream in streams:
        connection.open(stream, PLACE_ORDERS)
    chunk = b"".join(message(stand.tagged(str(uuid.uuid4()))) for _ in range(120))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not connection.closed:
        for stream in streams:
            if len(connection.out) < 500_000 and connection.room(stream) >= len(chunk):
                connection.data(stream, chunk)
        connection.pump()
    return [connection]


def made_up_items(stand, seconds):
    """One stream that is read, with a different unknown item in every order."""
    until = time.monotonic() + seconds
    more = threading.Semaphore(2_000)

    def orders():
        while time.monotonic() < until:
            if more.acquire(timeout=0.1):
                yield stand.tagged(str(uuid.uuid4()))

    for _ in stand.purchases.PlaceOrders(orders(), timeout=60):
        more.release()
    return []


def unread_reports(stand, seconds):
    """256 calls for a page of orders, none of whose answers is read."""
    ask = message(stand.pb.ListOrdersRequest(sale_id=stand.sale, page_size=1000))
    return unread_calls(stand, b"/doorbuster.v1.ReportService/ListOrders", ask, seconds)


def unread_sales(stand, seconds):
    """256 calls for the sale."""
    ask = message(stand.pb.GetSaleRequest(sale_id=stand.sale))
    return unread_calls(stand, b"/doorbuster.v1.SaleService/GetSale", ask, seconds)


def unread_replays(stand, seconds):
    """256 replays of an item."""
    replays = importlib.import_module("doorbuster.v1.replay_service_pb2")
    ask = message(replays.ReplayItemRequest(item_id=stand.item, unpaced=True))
    return unread_calls(stand, b"/doorbuster.v1.ReplayService/ReplayItem", ask, seconds)


def unread_socket(stand, seconds):
    """The largest windows for 256 pages of orders, without reading the socket."""
    connection = Connection(stand.server.address, window=(1 << 31) - 1)
    connection.out += frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 65536))
    ask = message(stand.pb.ListOrdersRequest(sale_id=stand.sale, page_size=1000))
    for stream in range(1, 513, 2):
        connection.open(stream, b"/doorbuster.v1.ReportService/ListOrders")
        connection.data(stream, ask, end=True)
    connection.socket.setblocking(True)
    connection.socket.sendall(connection.out)
    time.sleep(seconds)
    return [connection]


def unread_calls(stand, path, ask, seconds):
    connection = Connection(stand.server.address)
    for stream in range(1, 513, 2):
        connection.open(stream, path)
        connection.data(stream, ask, end=True)
        connection.pump()
    connection.settle(seconds)
    return [connection]


def begun_plans(stand, seconds):
    """As many CreateSale calls as are allowed at once, each without its end."""
    connection = Connection(stand.server.address)
    size = 4 << 20
    streams = list(range(1, 513, 2))
    sent = {}
    for stream in streams:
        connection.open(stream, b"/doorbuster.v1.SaleService/CreateSale")
        sent[stream] = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until and not connection.closed:
        for stream in streams:
            piece = min(16_000, size - sent[stream] - 10)
            if piece > 0 and len(connection.out) < 500_000 and connection.room(stream) >= piece + 5:
                head = b"\0" + struct.pack(">I", size) if sent[stream] == 0 else b""
                connection.data(stream, head + bytes(piece))
                sent[stream] += piece
        connection.pump()
    return [connection]


def long_headers(stand, seconds):
    """An endless header list."""
    connection = Connection(stand.server.address)
    connection.out += frame(HEADERS, 0, 1, b"\x83\x86" + literal(b":path", b"/x"))
    until = time.monotonic() + seconds
    while time.monotonic() < until and not connection.closed:
        if len(connection.out) < 100_000:
            connection.out += frame(9, 0, 1, literal(b"x-filler", b"y" * 120) * 20)
        connection.pump()
    return [connection]


def silent(stand, seconds):
    """Connections that send nothing, or half a preface."""
    return knock(stand.server.address, [b"", PREFACE[:14], PREFACE], seconds, 300)


def slow_web(stand, seconds):
    """Connections to the web port that send one byte each, again and again."""
    return knock(stand.server.web, [b"G"], seconds, 300)


def slow_board(stand, seconds):
    """The same to the board."""
    return knock(stand.server.board, [b"G"], seconds, 300)


def knock(address, firsts, seconds, count):
    host, port = address.rsplit(":", 1)
    sockets = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        while len(sockets) < count:
            one = socket.create_connection((host, int(port)))
            one.sendall(firsts[len(sockets) % len(firsts)])
            one.setblocking(False)
            sockets.append(one)
        time.sleep(0.1)
        for one in sockets[:]:
            try:
                if one.recv(1 << 16) == b"":
                    raise OSError("closed")
            except BlockingIOError:
                continue
            except OSError:
                sockets.remove(one)
                one.close()
    return sockets


HOSTILE = [
    unread_orders,
    made_up_items,
    unread_reports,
    unread_sales,
    unread_replays,
    unread_socket,
    begun_plans,
    long_headers,
    silent,
    slow_web,
    slow_board,
]


class Honest:
    """A buyer that orders again and again, and a probe of /healthz, until it is stopped."""

    def __init__(self, stand):
        self.stand, self.going = stand, True
        self.latencies, self.failed, self.health = [], [], []
        self.threads = [threading.Thread(target=work) for work in (self.buy, self.probe)]
        for thread in self.threads:
            thread.start()

    def buy(self):
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.stand.server.address, options=options) as channel:
            stubs = self.stand.stubs["purchase_service"]
            purchases = stubs.PurchaseServiceStub(channel)
            count = 0
            while self.going:
                count += 1
                began = time.monotonic()
                try:
                    order = self.stand.order(buyer=f"honest-{id(self)}-{count}")
                    answer = purchases.PlaceOrder(order, timeout=20, wait_for_ready=True)
                    assert answer.WhichOneof("outcome") == "order", answer
                except (grpc.RpcError, AssertionError) as error:
                    self.failed.append(repr(error)[:300])
                self.latencies.append(time.monotonic() - began)
                time.sleep(0.002)

    def probe(self):
        while self.going:
            began = time.monotonic()
            with urllib.request.urlopen(f"http://{self.stand.server.web}/healthz", timeout=20) as answer:
                assert answer.status == 200
            self.health.append(time.monotonic() - began)
            time.sleep(0.05)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()
        self.latencies.sort()
        return self

    def p99_ms(self):
        return self.latencies[int(len(self.latencies) * 0.99)] * 1000


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measure(binary, made, hostile, seconds):
    """Measures each client on a server of its own, so that memory is not attributed to the next one."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, directory)
        server.start()
        try:
            stand = Stand(server, made)
            fill(stand)
            use_reports(stand)
            alone = run_honest(stand, seconds / 2)
            before = resident_mib(server.child.pid)
            most = [before]
            honest = Honest(stand)
            watched = threading.Thread(target=watch, args=(server.child.pid, honest, most))
            watched.start()
            held = hostile(stand, seconds)
            honest.stop()
            watched.join()
            for one in held:
                one.close()
            code = server.stop()
        finally:
            server.end()
    return {
        "name": hostile.__name__.replace("_", " "),
        "mib": max(most) - before,
        "alone": alone.p99_ms(),
        "beside": honest.p99_ms(),
        "orders": len(honest.latencies),
        "failed": alone.failed + honest.failed,
        "health": max(honest.health),
        "exit": code,
    }


def watch(pid, honest, most):
    while honest.going:
        most.append(resident_mib(pid))
        time.sleep(0.02)


def run_honest(stand, seconds):
    honest = Honest(stand)
    time.sleep(seconds)
    return honest.stop()


def fill(stand):
    """Enough orders for a full page of them."""

    def orders():
        for number in range(1_500):
            order = stand.tagged(stand.item)
            order.command.buyer = f"early-{number}"
            yield order

    assert sum(1 for _ in stand.purchases.PlaceOrders(orders(), timeout=60)) == 1_500


def use_reports(stand):
    """Reads pages as an honest client does, so that memory the server keeps for reports is not attributed
    to a hostile client."""
    at_head = (1 << 64) - 1
    ask = stand.pb.ListOrdersRequest(sale_id=stand.sale, page_size=1000, min_position=at_head)

    def read(_):
        with grpc.insecure_channel(stand.server.address) as channel:
            reports = stand.stubs["report_service"].ReportServiceStub(channel)
            for _ in range(16):
                assert len(reports.ListOrders(ask, timeout=30, wait_for_ready=True).orders) == 1_000

    with concurrent.futures.ThreadPoolExecutor(4) as readers:
        for done in readers.map(read, range(4)):
            assert done is None


def problems(row):
    if row["mib"] > LIMIT_MIB:
        yield f"{row['name']}: {row['mib']:.0f} MiB, more than {LIMIT_MIB}"
    for failed in row["failed"][:3]:
        yield f"{row['name']}: an honest order failed: {failed}"
    if row["health"] > HEALTH_SECONDS_MAX:
        yield f"{row['name']}: /healthz took {row['health']:.1f} s"
    if row["exit"] != 0:
        yield f"{row['name']}: the server ended with {row['exit']}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary")
    arguments.add_argument("--seconds", type=float, default=8)
    arguments.add_argument("--only", default="")
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as out:
        made = make_stubs(out)
        print("| hostile client | MiB | honest p99 alone, ms | beside it, ms | orders | /healthz at most, ms |")
        print("|---|---|---|---|---|---|")
        wrong = []
        for hostile in HOSTILE:
            if arguments.only not in hostile.__name__:
                continue
            row = measure(arguments.binary, made, hostile, arguments.seconds)
            print(
                f"| {row['name']} | {row['mib']:.0f} | {row['alone']:.1f} | {row['beside']:.1f} "
                f"| {row['orders']} | {row['health'] * 1000:.0f} |",
                flush=True,
            )
            wrong += problems(row)
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
