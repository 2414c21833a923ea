"""A recorded server under load, stopped and killed, and all that left it, each with the trace's number then."""

import contextlib
import http.server
import json
import os
import random
import socket
import sqlite3
import subprocess
import threading
import time
import typing

import grpc

from client import make_stubs, new_id
from server import Server
from torture import journal
from torture.buyers import Load
from torture.journal import Event, History, Terms
from torture.wire import Wire, draft_of

ITEMS = {
    "HOT": Terms(1_999, "CNY", 3_000, 3, 2, {"east": 20, "west": 10}),
    "DEEP": Terms(250, "CNY", 600_000, None, None, {"east": 10_000_000}),
    "DOOR": Terms(100, "CNY", 5_000, 20, None, {"east": 1_000_000}),
}
READY_SECONDS_MAX = 30
SECONDS_MAX = 60
ENDS_SECONDS_MAX = 5
# So few that snapshots are written, replaced and read.
SNAPSHOT_EVENTS = 400
# Raised again and again, and so told to the webhook.
ALERTS = {"busy": "held_units > 3", "shut": "paused > 0"}


class Told(typing.NamedTuple):
    """Something that left the server: it rests on the log up to a position."""

    number: int
    position: int
    kind: str
    event_id: str | None = None


class Storm:
    def __init__(self, binary, directory, trace, stubs, seed, pace, environment):
        """`environment` makes the server a recorded one."""
        self.trace, (self.pb, self.stubs) = trace, stubs
        self.binary, self.data, self.pace, self.seed = binary, trace.root / "data", pace, seed
        self.calls, self.told, self.items, self.wrong = [], [], {}, []
        self.lock = threading.Lock()
        self.errors = directory / "server.log"
        self.receiver = Receiver(self)
        secret = directory / "secret"
        secret.write_text("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\n")
        secret.chmod(0o600)
        environment = {
            "DOORBUSTER_SNAPSHOT_EVENTS": str(SNAPSHOT_EVENTS),
            "DOORBUSTER_WEBHOOK_URL": f"http://127.0.0.1:{self.receiver.server_port}/",
            "DOORBUSTER_WEBHOOK_SECRET_FILE": str(secret),
            **environment,
        }
        self.server = Server(binary, self.data, f"127.0.0.1:{free_port()}", self.errors, environment=environment)
        self.environment = environment
        # A moment is how far the trace has come, to the buyers' journal, too.
        journal.clock = trace.now

    def tell(self, position, kind, event_id=None):
        with self.lock:
            self.told.append(Told(self.trace.now(), position, kind, event_id))

    def start(self):
        self.server.start()
        self.wire = Wire(self.pb, self.stubs, self.server.address, self.calls)
        grpc.channel_ready_future(self.wire.channel).result(READY_SECONDS_MAX)
        if not self.items:
            self.open_sale()

    def open_sale(self):
        sale = draft_of(self.pb, "Power", ITEMS)
        for name, condition in ALERTS.items():
            sale.alerts.add(name=name, when=condition, each_item=True)
        request = self.pb.CreateSaleRequest(request_id=new_id(), sale=sale, operator="power")
        created = self.wire.sale.CreateSale(request, timeout=20)
        self.tell(created.position, "act")
        self.sale_id = created.sale.sale_id
        self.items = {sku: item.item_id for sku, item in zip(ITEMS, created.sale.items)}

    @contextlib.contextmanager
    def load(self):
        """Buyers and readers, for as long as the block takes."""
        load = Load(lambda: Wire(self.pb, self.stubs, self.server.address, self.calls), self.items,
                    f"{self.seed}-{len(self.calls)}", self.pace)
        over = threading.Event()
        reader = threading.Thread(target=self.read, args=(over,), daemon=True)
        load.start()
        reader.start()
        try:
            yield load
        finally:
            over.set()
            load.stop()
            reader.join(20)
            self.wrong += load.crashed

    def read(self, over):
        """Looks at reports again and again. Each tells how far the log has come."""
        wire = Wire(self.pb, self.stubs, self.server.address, self.calls)
        while not over.wait(0.01):
            item = random.choice(list(self.items.values()))
            try:
                page = wire.reports.ListOrders(self.pb.ListOrdersRequest(item_id=item, page_size=20), timeout=5)
                self.tell(page.freshness.head_position, "report")
            except grpc.RpcError:
                over.wait(0.05)

    @contextlib.contextmanager
    def follower(self):
        """Another process that reads the log while it grows."""
        command = [str(self.binary), "log", "read", "--follow", "--json", "--data", str(self.data)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

        def read():
            for line in child.stdout:
                event = json.loads(line)
                self.tell(event["position"], "event", event["id"])

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            child.terminate()
            thread.join(20)
            child.wait(20)

    @contextlib.contextmanager
    def reader(self):
        """Another connection to the log, which reads what is there now until it ends its transaction."""
        connection = sqlite3.connect(f"file:{self.data / 'log.db'}?mode=ro", uri=True, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            yield connection

    def read_without_server(self):
        """Another process that reads the whole log while there is no server."""
        command = [str(self.binary), "log", "read", "--json", "--data", str(self.data)]
        environment = {**os.environ, **self.environment}
        read = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        for line in read.stdout.splitlines():
            event = json.loads(line)
            self.tell(event["position"], "event", event["id"])

    def calls_more(self, count):
        """Waits until so many more calls were answered."""
        wanted = self.answered() + count
        self.wait_for(lambda: self.answered() >= wanted)

    def answered(self):
        return sum(call.answer is not None for call in self.calls)

    def wait_for(self, happened, alive=True):
        until = time.monotonic() + SECONDS_MAX
        while not happened():
            assert time.monotonic() < until, "the load does not get on"
            ended = alive and self.server.child.poll() is not None
            assert not ended, f"the server ended with {self.server.child.returncode}"
            time.sleep(0.02)

    def start_to_fail(self):
        """A start during which the server may end."""
        with contextlib.suppress(RuntimeError):
            self.server.start()

    def has_ended(self):
        """Whether the server ends now."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.child.wait(ENDS_SECONDS_MAX)
        return self.server.child.returncode is not None

    def kill(self):
        self.server.kill()
        self.trace.settle()

    def stop(self):
        code = self.server.stop()
        if code != 0:
            self.wrong.append(f"the server ended with {code} after SIGTERM")

    def end(self):
        self.server.end()
        self.receiver.shutdown()
        self.receiver.server_close()

    def everything_told(self):
        """In the order in which it left the server."""
        told = list(self.told)
        for call in self.calls:
            if call.answer is not None and call.answer.position:
                told.append(Told(call.ended, call.answer.position, "order" if call.answer.order else "answer"))
        return sorted(told)

    def history(self, log):
        terms = {item_id: ITEMS[sku] for sku, item_id in self.items.items()}
        events = [
            Event(row.position, row.stream.removeprefix("item-"), row.revision, row.kind, json.loads(row.data))
            for row in log if row.stream.removeprefix("item-") in terms
        ]
        return History(terms, [call for call in self.calls if call.sent], events)


class Receiver(http.server.ThreadingHTTPServer):
    """The webhook's receiver."""

    def __init__(self, storm):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                storm.tell(body["data"]["position"], "webhook", self.headers["webhook-id"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Row(typing.NamedTuple):
    position: int
    stream: str
    revision: int
    event_id: str
    kind: str
    data: str
    hash: bytes


def rows(path, query=""):
    """The rows of a log, read by SQLite alone."""
    log = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        sql = f"""SELECT position, name, e.revision, lower(hex(id)), kind, data, e.hash
                  FROM events AS e JOIN streams AS s USING (stream) {query} ORDER BY position"""
        return [Row(*row) for row in log.execute(sql)]
    finally:
        log.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def stubs_of(directory):
    (directory / "stubs").mkdir()
    return make_stubs(str(directory / "stubs"))
