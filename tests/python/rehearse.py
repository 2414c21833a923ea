"""A sale on three nodes behind nginx: one is killed, one is frozen, one is cut off, and all are restarted.

It starts one store (`doorbuster devstore`), three doorbuster nodes on it, and nginx with the
configuration of deploy/nginx in front. A crowd buys through nginx. Meanwhile one node is killed with
kill -9 and restarted, another is frozen until others have sold its items and is then resumed, the third
can call the other nodes and is not reached by them, then no node reaches another one, and finally the nodes are restarted one after another as in an upgrade. Afterwards the crowd's account, the
read models of every node, the verifier and a count of the store's events, read with the Python client of
EventStoreDB, must agree to the unit.

    deploy/rehearse                       # with target/release/doorbuster
    deploy/rehearse --route any           # calls about one item go to all nodes

    deploy/rehearse --store-nodes 3       # a store of three nodes, whose leader resigns and is killed
    deploy/rehearse --tls                 # everything through TLS, with tokens
    deploy/rehearse --alone               # nodes that pass no commands on to each other

With `--route any` nginx gives the calls to the nodes in turns instead of hashing the item's id. The buyers are those of
counted_buyers.py, so that each wait and each ABORTED is told, inside and outside of the faults and in the restarts.

With `--tls` the crowd calls nginx, and nginx the nodes, through TLS with certificates on both sides; the certificate of
the nodes is renewed while the crowd buys, and every call has a token.

The nodes pass commands on to each other, as docs/nodes.md says. With `--alone` each decides for itself.

With `--store-nodes 3` the store has three nodes, its commits take 3 ms and followers are 50 ms behind. Its leader
resigns and later is killed; each time the store has no leader for a second.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from kurrentdbclient import KurrentDBClient

from counted_buyers import Buyers, Observed, Windows
from devstore import Devstore
from secured import Secured
from several import START_SECONDS_MAX, STOP_SECONDS_MAX, Acquaintance, Node, Refused, say, store_options

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
NGINX = REPOSITORY / "deploy" / "nginx"
NODES = 3
CROWD_SECONDS_MAX = 300
# Longer than nginx lets a node be silent in a call that is to be answered.
SILENCE_SECONDS = 7


class Nginx:
    """The shipped configuration, with the nodes of this rehearsal and a free port."""

    PASSED = "grpc_pass grpc://doorbuster;"
    # To the nodes through TLS, with the certificate that nginx itself has.
    ENCRYPTED = """grpc_pass grpcs://doorbuster;
            grpc_ssl_certificate tls/server.crt;
            grpc_ssl_certificate_key tls/server.key;
            grpc_ssl_trusted_certificate tls/clients-ca.crt;
            grpc_ssl_verify on;
            grpc_ssl_name localhost;"""
    HASHED = "        hash $routed_by consistent;\n"

    def __init__(self, directory, nodes, port, route, secured):
        self.prefix = directory / "nginx"
        self.prefix.mkdir()
        config = (NGINX / "nginx.conf").read_text()
        if self.HASHED not in config:
            raise Refused(f"nginx.conf does not hash by {self.HASHED.strip()!r} any more")
        # Without it nginx gives the calls to the nodes in turns.
        config = config.replace(self.HASHED, "") if route == "any" else config
        listen, scheme = f"listen 127.0.0.1:{port} http2 backlog=4096;\n", "http"
        if secured:
            if self.PASSED not in config:
                raise Refused(f"nginx.conf does not pass calls by {self.PASSED!r} any more")
            config = config.replace(self.PASSED, self.ENCRYPTED)
            listen = (NGINX / "listen-tls.conf").read_text().replace("listen 7443", f"listen 127.0.0.1:{port}")
            scheme = "https"
            (self.prefix / "tls").mkdir()
            secured.sign("nginx")
            for name, file in [("server.crt", "nginx.crt"), ("server.key", "nginx.key"), ("clients-ca.crt", "ca.crt")]:
                shutil.copy(secured.path(file), self.prefix / "tls" / name)
        (self.prefix / "nginx.conf").write_text(config)
        server = "server {} max_fails=3 fail_timeout=1s;\n"
        (self.prefix / "nodes.conf").write_text("".join(server.format(n.listen) for n in nodes))
        (self.prefix / "listen.conf").write_text(listen)
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.path = directory / "nginx.log"
        self.log = open(self.path, "ab")
        self.child = None

    def start(self):
        self.child = subprocess.Popen(
            ["nginx", "-p", str(self.prefix), "-c", str(self.prefix / "nginx.conf"), "-e", "stderr"],
            stderr=self.log,
        )

    def until_given_up(self, node):
        """Waits until a call to this node has exceeded nginx's timeout."""
        until = time.monotonic() + START_SECONDS_MAX
        while not any("timed out" in line and f"//{node.listen}" in line
                      for line in self.path.read_text().splitlines()):
            if time.monotonic() > until:
                raise Refused(f"nginx never gave node {node.number} up")
            time.sleep(0.1)

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGQUIT)
            try:
                self.child.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.log.close()


def call(command, what):
    """Runs a command to its end; returns the JSON object that it answers with."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=CROWD_SECONDS_MAX)
    if done.returncode != 0:
        raise Refused(f"{what} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class Crowd:
    """`doorbuster crowd`, and its output while it runs."""

    def __init__(self, binary, url, arguments):
        command = [binary, "crowd", "--json", "--server", url]
        command += ["--units", str(arguments.units), "--items", str(arguments.items)]
        command += ["--shoppers", str(arguments.shoppers), "--seed", str(arguments.seed)]
        self.child = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said = []
        # In percent, as it was told last: it is told at each tenth.
        self.share = 0

    def until_bought(self, percent):
        """Waits until that share of the units is paid for."""
        while self.share < percent and (line := self.child.stderr.readline()):
            self.said.append(line)
            if "% ·" in line:
                self.share = int(line.split("%")[0])
        if self.share >= percent:
            return
        raise Refused("the crowd ended too early: " + "".join(self.said))

    def result(self):
        said, more = self.child.communicate(timeout=CROWD_SECONDS_MAX)
        if self.child.returncode != 0:
            raise Refused(f"crowd ended with {self.child.returncode}: "
                          f"{said}{''.join(self.said)}{more}")
        return json.loads(said)

    def end(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(STOP_SECONDS_MAX)


def log_of(connection, sale_ids):
    """The contents of the store for some sales, counted from its events."""
    client = KurrentDBClient(connection)
    try:
        events = client.read_all(
            filter_include=["item-"], filter_by_stream_name=True, filter_by_prefix=True
        )
        with events:
            return count(events, sale_ids)
    finally:
        client.close()


def count(events, sale_ids):
    """Folds the items' events. At every event, the units in orders must not exceed those allocated."""
    ours = set()
    allocated, out, sold = (collections.Counter() for _ in range(3))
    held = {}
    order_ids, request_ids = set(), set()
    totals = collections.Counter()
    for event in events:
        body, stream = json.loads(event.data), event.stream_name
        if event.type == "ItemAdded" and body["sale_id"] in sale_ids:
            ours.add(stream)
        if stream not in ours:
            continue
        totals[event.type] += 1
        if event.type in ("StockAllocated", "ReserveReleased"):
            allocated[stream] += body["units"]
        elif event.type == "OrderPlaced":
            totals["duplicates"] += body["order_id"] in order_ids
            totals["duplicates"] += (stream, body["request_id"]) in request_ids
            order_ids.add(body["order_id"])
            request_ids.add((stream, body["request_id"]))
            held[body["order_id"]] = body["units"]
            out[stream] += body["units"]
        elif event.type in ("OrderExpired", "OrderCancelled"):
            out[stream] -= held.pop(body["order_id"])
        elif event.type == "OrderPaid":
            sold[stream] += held.pop(body["order_id"])
        totals["oversold"] = max(totals["oversold"], out[stream] - allocated[stream])
    return {
        "items": len(ours),
        "units": sum(allocated.values()),
        "units_sold": sum(sold.values()),
        "orders_placed": totals["OrderPlaced"],
        "orders_paid": totals["OrderPaid"],
        "orders_expired": totals["OrderExpired"],
        "oversold_units": totals["oversold"],
        "duplicate_orders": totals["duplicates"],
    }


def agree(name, found, expected):
    """Compares the figures that both have; prints them once they are equal."""
    both = {key: found[key] for key in expected if key in found}
    wrong = {key: (found[key], expected[key]) for key in both if found[key] != expected[key]}
    if wrong:
        raise Refused(f"{name} differs from the buyers' account (found, expected): {wrong}")
    say(f"{name}: {', '.join(f'{key} {value}' for key, value in both.items())}")


def rehearse(arguments, directory):
    binary = str(arguments.binary)
    store = Devstore(binary, directory / "store", *store_options(arguments.store_nodes))
    nodes, nginx, crowd, peers, windows = [], None, None, None, Windows()
    secured = Secured(directory, binary) if arguments.tls else None
    scheme, settings = ("https", secured.settings()) if secured else ("http", {})
    # Of the crowd and of all that asks nodes here.
    os.environ.update(secured.client() if secured else {})
    try:
        connection = store.start()
        peers = None if arguments.alone else Acquaintance(directory, arguments.port, NODES)
        nodes = [Node(number, binary, directory, connection, (peers.settings(number) if peers else {}) | settings,
                      scheme) for number in range(1, NODES + 1)]
        for node in nodes:
            node.start()
        nginx = Nginx(directory, nodes, arguments.port, arguments.route, secured)
        nginx.start()
        wait_for_an_answer(binary, nginx.url)
        say(f"one store, nodes at {', '.join(node.listen for node in nodes)}, nginx at {nginx.url}")

        crowd = crowd_of(binary, nginx.url, arguments, directory)
        break_nodes(crowd, nodes, nginx, windows)
        if secured:
            secured.renew()
            say("the nodes have another certificate")
        if peers:
            cut_off(crowd, peers.lines, windows)
        if arguments.store_nodes > 1:
            take_the_leader(crowd, store, windows)
        restart(crowd, nodes, windows, [75, 82, 90] if arguments.store_nodes == 1 else [86, 90, 95])
        account = crowd.result()
        say(f"the crowd: {account['attempts']} orders sent, {account['tried_again']} sent again "
            f"after a fault, {account['unanswered']} without an answer, "
            f"p99 {account['latency_ms']['p99']} ms")
        if arguments.route == "any":
            observe(Observed(crowd, windows), arguments.alone)
        judge(binary, connection, nodes, account)
        if peers:
            know_each_other(binary, nodes)
        follow_silence(binary, nginx.url)
        for node in nodes:
            node.stop()
        rebuilt(nodes)
        return account
    finally:
        for part in [crowd, nginx, *nodes, peers, store]:
            if part:
                part.end()


def crowd_of(binary, url, arguments, directory):
    if arguments.route != "any":
        return Crowd(binary, url, arguments)
    stubs = directory / "stubs"
    stubs.mkdir()
    return Buyers(url, arguments, stubs)


def break_nodes(crowd, nodes, nginx, windows):
    """Kills one node and freezes another while the crowd buys."""
    crowd.until_bought(10)
    windows.begin("node 1 killed")
    nodes[0].kill()
    say("10 % are paid: node 1 was killed with kill -9")
    crowd.until_bought(20)
    nodes[0].start()
    windows.end()
    say("20 % are paid: node 1 is back")
    crowd.until_bought(30)
    windows.begin("node 2 frozen")
    nodes[1].freeze()
    say("30 % are paid: node 2 was frozen in the middle of its work")
    nginx.until_given_up(nodes[1])
    crowd.until_bought(50)
    nodes[1].thaw()
    windows.end()
    say("50 % are paid: node 2 goes on where it was; its callers had been passed to others")


def cut_off(crowd, lines, windows):
    """Takes the nodes' ways to each other away, but none to the store."""
    crowd.until_bought(55)
    windows.begin("node 3 cut off from its peers")
    lines[3].cut()
    say("55 % are paid: no other node reaches node 3, which reaches them")
    crowd.until_bought(61)
    for line in lines.values():
        line.cut()
    say("61 % are paid: no node reaches another one")
    crowd.until_bought(71)
    for line in lines.values():
        line.mend()
    windows.end()
    say("71 % are paid: all reach each other")


def take_the_leader(crowd, store, windows):
    """Takes the store's leader away twice; it has none for a second each time."""
    for percent, act in [(73, "resign"), (79, "kill leader")]:
        crowd.until_bought(percent)
        windows.begin(f"the store's leader: {act}")
        leader = store.act(act)
        windows.end()
        if leader is None:
            raise Refused(f"no node of the store leads after {act}")
        say(f"{percent} % are paid: {act}; after a second node {leader} of the store leads")


def restart(crowd, nodes, windows, shares):
    for percent, node in zip(shares, nodes, strict=True):
        crowd.until_bought(percent)
        windows.begin(f"node {node.number} restarted", is_restart=True)
        node.stop()
        node.start()
        windows.end()
        say(f"{percent} % are paid: node {node.number} was restarted, as an upgrade would")


def wait_for_an_answer(binary, url):
    until = time.monotonic() + START_SECONDS_MAX
    while subprocess.run([binary, "sale", "list", "--server", url], capture_output=True).returncode:
        if time.monotonic() > until:
            raise Refused(f"nobody answers at {url}")
        time.sleep(0.1)


def follow_silence(binary, url):
    """Checks that nginx does not end followers while nothing happens."""
    verbs = [["order", "follow"], ["alert", "follow"]]
    children = [subprocess.Popen([binary, *verb, "--server", url], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for verb in verbs]
    try:
        time.sleep(SILENCE_SECONDS)
        ended = [verb for verb, child in zip(verbs, children) if child.poll() is not None]
        if ended:
            raise Refused(f"{ended} ended within {SILENCE_SECONDS} s without an event")
    finally:
        for child in children:
            child.kill()
            child.communicate()
    say(f"followers of orders and alerts outlast {SILENCE_SECONDS} s without an event")


# How many ABORTED a buyer may meet in one fault.
ABORTED_IN_A_FAULT = 1


def observe(observed, alone):
    """Tells what the buyers met. Nodes that pass commands on decide anew what met a conflict."""
    for line in observed.lines():
        say(line)
    if alone:
        return
    if observed.aborted_outside():
        raise Refused(f"{observed.aborted_outside()} calls ended with ABORTED while no fault was present")
    if observed.aborted_of_one_buyer() > ABORTED_IN_A_FAULT:
        raise Refused(f"a buyer met ABORTED {observed.aborted_of_one_buyer()} times in one fault")


def know_each_other(binary, nodes):
    """Checks that each node sees each other one answer, and that commands were passed on."""
    passed_on = 0
    for node in nodes:
        seen = call([binary, "nodes", "--json", "--server", node.url], f"the nodes of {node.number}")
        standing = [other["standing"] for other in seen["others"]]
        if standing != ["ANSWERS"] * (len(nodes) - 1):
            raise Refused(f"node {node.number} sees other nodes as {standing}")
        passed_on += sum(int(other["forwarded"]) for other in seen["others"])
    say(f"every node sees every other one answer; they passed {passed_on} commands on since they were started")


def judge(binary, connection, nodes, account):
    expected = {key: account[key] for key in [
        "items", "units", "units_sold", "orders_placed", "orders_paid", "orders_expired",
        "oversold_units", "duplicate_orders",
    ]}
    agree("the store's events", log_of(connection, account["sale_ids"]), expected)
    for node in nodes:
        sums = collections.Counter()
        for sale_id in account["sale_ids"]:
            command = [binary, "report", "sales", sale_id, "--json",
                       "--server", node.url]
            total = call(command, f"the report of node {node.number}")["total"]
            sums.update({key: int(total[key]) for key in
                         ["units_sold", "orders_placed", "orders_paid", "orders_expired"]})
        agree(f"node {node.number}", sums, expected)
    proof = call([binary, "verify", "--store", connection, "--json"], "verify")
    if not proof["ok"]:
        raise Refused(f"the log does not verify: {proof}")
    say(f"verify: all {proof['proof']['events']} events in the store are sound")


def rebuilt(nodes):
    """Checks that the read models of each node equal a rebuild from zero."""
    for node in nodes:
        call(node.command("rebuild", "--compare"), f"the rebuild of node {node.number}")
    say("the read models of every node equal a rebuild from zero")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    parser.add_argument("--binary", type=pathlib.Path, default=binary)
    parser.add_argument("--route", choices=["item", "any"], default="item",
                        help="calls about one item go to one node, or to all nodes in turns")
    parser.add_argument("--alone", action="store_true", help="nodes pass no commands on to each other")
    parser.add_argument("--tls", action="store_true", help="everything through TLS, with tokens")
    parser.add_argument("--store-nodes", type=int, choices=[1, 3], default=1, help="nodes of the store")
    parser.add_argument("--port", type=int, default=7400,
                        help="of nginx; nodes reach each other on the ports that follow")
    parser.add_argument("--units", type=int, default=5_000)
    parser.add_argument("--items", type=int, default=6)
    parser.add_argument("--shoppers", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave data and logs behind")
    arguments = parser.parse_args()
    if arguments.tls and arguments.route == "any":
        sys.exit("--tls is for the crowd of --route item")
    arguments.binary = arguments.binary.resolve()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-rehearsal-"))
    try:
        account = rehearse(arguments, directory)
    except (Refused, TimeoutError) as refused:
        print(f"FAILED: {refused}\nlogs are in {directory}", file=sys.stderr)
        sys.exit(1)
    if not arguments.keep:
        shutil.rmtree(directory)
    print(f"exact: {account['units']} units, {account['units_sold']} sold, "
          f"{account['orders_placed']} orders placed, {account['orders_paid']} paid, "
          f"{account['oversold_units']} oversold, {account['duplicate_orders']} duplicates")


if __name__ == "__main__":
    main()
