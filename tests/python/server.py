"""The real binary as a child process: start, kill, stop, verify, and reading its log."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.request

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30


class Server:
    """One server on one data directory. A restart after a kill gets new ports."""

    def __init__(self, binary, directory, listen="127.0.0.1:0", errors=None, store=None,
                 environment=None, http="127.0.0.1:0"):
        """`listen` and `http` fix addresses; stderr is appended to `errors`; `store` is the connection string of a store
        that holds the log; `environment` is added to that of the caller."""
        self.binary = str(binary)
        self.directory = pathlib.Path(directory)
        self.listen, self.errors, self.store = listen, errors, store
        self.environment = environment or {}
        self.listen_http = http
        self.child = None
        self.address = self.http = self.web = self.board = None

    def start(self):
        """Starts the server and returns the address that it prints on its first line."""
        command = [self.binary, "serve", "--json"]
        command += ["--data", str(self.directory), "--listen", self.listen]
        command += ["--store", self.store] if self.store else []
        command += ["--http", self.listen_http, "--web", "127.0.0.1:0",
                    "--board", "127.0.0.1:0"]
        with contextlib.ExitStack() as opened:
            stderr = self.errors and opened.enter_context(open(self.errors, "ab"))
            self.child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stderr or None, text=True,
                env={**os.environ, **self.environment},
            )
        # A server without output must fail this run, not block it.
        watch = threading.Timer(START_SECONDS_MAX, self.child.kill)
        watch.start()
        line = self.child.stdout.readline()
        watch.cancel()
        if not line:
            raise RuntimeError(f"the server ended with {self.child.wait()} before it listened")
        started = json.loads(line)
        address = started.get("address") or started["url"]
        self.web = (started.get("web") or "").removeprefix("http://")
        self.http = (started.get("http") or "").removeprefix("http://")
        self.board = (started.get("board") or "").removeprefix("http://").rstrip("/")
        self.address = address.removeprefix("http://")
        return self.address

    def kill(self):
        """kill -9: the server cannot write anything more."""
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(STOP_SECONDS_MAX)
        self.child.stdout.close()

    def stop(self):
        """Asks the server to end and returns its exit code."""
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(STOP_SECONDS_MAX)
        self.child.stdout.close()
        return code

    def end(self):
        """Ends the server in any case."""
        if self.child and self.child.poll() is None:
            self.kill()

    def verify(self):
        """Runs `doorbuster verify`: its exit code and what it said."""
        command = [self.binary, "verify", "--json", "--data", str(self.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def head(self):
        """Position of the last event, read from the log itself."""
        log = sqlite3.connect(f"file:{self.directory / 'log.db'}?mode=ro", uri=True)
        try:
            return log.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
        finally:
            log.close()


def call(server, method, message, timeout=10):
    """The answer of a method over HTTP/JSON, such as "SaleService/CreateSale"."""
    request = urllib.request.Request(
        f"http://{server.http}/doorbuster.v1.{method}",
        data=json.dumps(message).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return json.load(answer)


def at(seconds):
    """The time so many seconds from now, as ProtoJSON writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
