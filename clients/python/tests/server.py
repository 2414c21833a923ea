"""What the tests run against: the real binary, and a proxy that loses answers."""

from __future__ import annotations

import datetime
import http.server
import json
import os
import pathlib
import socket
import subprocess
import threading
from typing import Any

import httpx

WAIT_SECONDS_MAX = 30


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def draft(sku: str, units: int, **item: object) -> dict[str, Any]:
    """A sale of one item that is open, as ProtoJSON with Python's times."""
    thing = {
        "sku": sku,
        "title": "A phone",
        "unitPriceMinor": 199_900,
        "timeToPay": datetime.timedelta(minutes=15),
        "units": [{"warehouse": "north", "units": units}],
    }
    opened = now() - datetime.timedelta(seconds=1)
    return {
        "name": "Double Eleven",
        "currencyCode": "CNY",
        "openTime": opened,
        "closeTime": opened + datetime.timedelta(hours=1),
        "items": [thing | item],
    }


class Server:
    """`doorbuster serve` as a child process."""

    def __init__(self, data: pathlib.Path, *options: str) -> None:
        named = os.environ.get("DOORBUSTER_BIN")
        assert named, "DOORBUSTER_BIN must name the binary of the server"
        self.binary = pathlib.Path(named).resolve()
        self.data, self.options = data, options
        self.child: subprocess.Popen[str] | None = None
        self.http = self.grpc = ""

    def start(self, http: str = "127.0.0.1:0") -> None:
        off = ["--web", "off", "--board", "off", "--listen", "127.0.0.1:0", "--http", http]
        command = [str(self.binary), "serve", "--json", "--data", str(self.data), *off]
        log = self.data.parent / "stderr"
        with log.open("ab") as stderr:
            self.child = subprocess.Popen(
                [*command, *self.options], stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        assert line, f"the server did not start:\n{log.read_text()}"
        said = json.loads(line)
        self.http, self.grpc = said["http"], said["address"]

    def run(self, *words: str) -> str:
        """A verb of the command line, on this server."""
        command = [str(self.binary), *words, "--server", f"http://{self.grpc}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def stop(self) -> int:
        assert self.child is not None
        self.child.terminate()
        return self.child.wait(WAIT_SECONDS_MAX)

    def kill(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait(WAIT_SECONDS_MAX)


class LossyProxy:
    """Forwards requests, and closes the connection in place of the first `losses` answers."""

    def __init__(self, target: str, losses: int) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.losses = losses
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                proxy.bodies.append(body)
                proxy.headers.append({name.lower(): value for name, value in self.headers.items()})
                kept = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in {"host", "connection", "accept-encoding"}
                }
                answer = httpx.post(target + self.path, content=body, headers=kept, timeout=30)
                if proxy.losses > 0:
                    proxy.losses -= 1
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers["content-type"])
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: object) -> None:
                """Not printed."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> LossyProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
