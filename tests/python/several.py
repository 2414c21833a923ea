"""Several doorbuster nodes on one store: what rehearse.py and torture_nodes.py start and break."""

import json
import os
import secrets
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from line import Line

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 30


class Refused(Exception):
    """An expectation failed."""


def say(text):
    print(f"    {text}", flush=True)


class Node:
    """One doorbuster server. A restart keeps its address."""

    def __init__(self, number, binary, directory, connection, peers=None, scheme="http"):
        self.number = number
        self.binary = binary
        self.directory = directory / f"node-{number}"
        self.connection = connection
        self.peers = peers or {}
        self.scheme = scheme
        self.log = open(directory / f"node-{number}.log", "ab")
        self.listen = "127.0.0.1:0"
        self.child = None

    def command(self, verb, *more):
        return [self.binary, verb, "--json", "--data", str(self.directory),
                "--store", self.connection, *more]

    @property
    def url(self):
        return f"{self.scheme}://{self.listen}"

    def settings(self):
        """What this node is set to beside its store, its directory and its address."""
        # Ports must not be shared between nodes.
        return {"DOORBUSTER_WEB": "127.0.0.1:0", "DOORBUSTER_BOARD": "off", "DOORBUSTER_HTTP": "off"} | self.peers

    def start(self):
        command = self.command("serve", "--listen", self.listen)
        self.child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=os.environ | self.settings(),
        )
        watch = threading.Timer(START_SECONDS_MAX, self.child.kill)
        watch.start()
        line = self.child.stdout.readline()
        watch.cancel()
        if not line:
            raise Refused(f"node {self.number} ended with {self.child.wait()} before it listened")
        said = json.loads(line)
        self.listen = said["address"]
        self.until_ready(said["web"])

    def until_ready(self, web):
        """Waits until the node reports ready, as in an upgrade."""
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                with urllib.request.urlopen(f"{web}/readyz", timeout=STOP_SECONDS_MAX):
                    return
            except urllib.error.URLError as why:
                if time.monotonic() > until:
                    raise Refused(f"node {self.number} never became ready: {why}") from why
            time.sleep(0.05)

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(STOP_SECONDS_MAX)
        self.child.stdout.close()

    def freeze(self):
        self.child.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(STOP_SECONDS_MAX)
        self.child.stdout.close()
        if code != 0:
            raise Refused(f"node {self.number} ended with {code} when it was told to stop")

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait(STOP_SECONDS_MAX)
        self.log.close()


class Acquaintance:
    """How the nodes reach each other: lines that outlast a restart, and a secret that only they can read."""

    def __init__(self, directory, port, nodes):
        """Node N listens on the port `port` + N and is reached by the line on the port `port` + `nodes` + N."""
        self.port, self.nodes = port, nodes
        self.lines = {number: Line(port + nodes + number, port + number) for number in range(1, nodes + 1)}
        self.secret = directory / "peers-secret"
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))

    def settings(self, number):
        return {"DOORBUSTER_PEERS_LISTEN": f"127.0.0.1:{self.port + number}",
                "DOORBUSTER_PEERS_ADDRESS": f"127.0.0.1:{self.port + self.nodes + number}",
                "DOORBUSTER_PEERS_SECRET_FILE": str(self.secret)}

    def end(self):
        for line in self.lines.values():
            line.end()


def store_options(nodes):
    """The arguments of a development store with so many nodes."""
    if nodes == 1:
        return []
    return ["--nodes", str(nodes), "--acts", "--commit-ms", "3", "--follower-lag-ms", "50", "--election-ms", "1000"]
