"""Injects faults into several nodes on one store under load, and checks every answer.

    tests/python/run.sh torture_nodes.py [--nodes 3] [--store-nodes 3] [--seconds 60] [--binary PATH]

Every call goes to any node, and what gets no answer is sent again, with the same request id, to another one. Nodes are
killed, frozen, cut off from each other and restarted; the store loses its leader. All answers are recorded and compared
with the log of the store by the specification that torture.py uses, then with the read models of every node. A call
that ends with ABORTED while no fault is present fails the run, and so does a second one of a caller in one fault. The
last lines are a summary; on any violation it exits with 1 and keeps the journal, the log and those of the nodes.
"""

import argparse
import collections
import json
import pathlib
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import time

import grpc

from devstore import Devstore
from several import Acquaintance, Node, Refused, store_options
from torture.buyers import Load
from torture.faults import Ended
from torture.nodes import NodeFaults, Wires
from torture.shared import ITEMS, Shared, check_judge, line
from torture.wire import Wire

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
# Between faults: longer than Windows.GRACE_SECONDS, so that there are calls outside of faults.
CALM_SECONDS = (2.5, 4.5)
# A hold ends within 5 s of the end of a fault that keeps it from ending; the longest fault takes 7 s.
HOLD_SECONDS_MAX = 5 + 7 + 5
# What clients wait for an answer. The shorter ones give up before a node does, and cancel their calls.
PATIENCE_SECONDS = (1, 3, 6.5)
# How many ABORTED a caller may meet in one fault.
ABORTED_IN_A_FAULT = 1


class Run(Shared):
    def __init__(self, arguments, directory):
        super().__init__(arguments, directory)
        self.asked, self.nth, self.nodes, self.peers = {}, 0, [], None
        self.binary = str(arguments.binary)
        self.store = Devstore(self.binary, directory / "store", *store_options(arguments.store_nodes))
        self.log_file = directory / "log.jsonl"

    def wires(self):
        """A wire to each node for one caller."""
        self.nth += 1
        wires = [Wire(self.pb, self.stubs, node.listen, self.calls, f"node {node.number}") for node in self.nodes]
        return Wires(wires, self.asked, self.arguments.patience, f"{self.arguments.seed}-{self.nth}")

    def start(self):
        self.connection = self.store.start()
        self.peers = Acquaintance(self.directory, self.arguments.port, self.arguments.nodes)
        self.nodes = [Node(number, self.binary, self.directory, self.connection, self.peers.settings(number))
                      for number in range(1, self.arguments.nodes + 1)]
        for node in self.nodes:
            node.start()
        self.faults = NodeFaults(self.nodes, self.peers.lines, self.store, self.arguments.store_nodes, self.random)
        self.main = self.wires()
        for wire in self.main.wires:
            grpc.channel_ready_future(wire.channel).result(20)
        self.open_sale(self.main.wires[0])

    def play(self):
        """The load and the faults."""
        self.start()
        load = Load(self.wires, self.items, self.arguments.seed, self.pace(),
                    impatient=min(self.arguments.patience) + 1)
        load.start()
        try:
            self.break_it()
        finally:
            load.stop()
        self.wrong += load.crashed
        self.ask_again(load)

    def break_it(self):
        """Injects faults until the time is over."""
        began, deck, nth = time.monotonic(), [], 0
        while time.monotonic() < began + self.arguments.seconds:
            time.sleep(self.random.uniform(*CALM_SECONDS))
            deck = deck or self.faults.deck(self.arguments.only)
            at = time.time()
            name, seconds, after = self.faults.inject(deck.pop())
            clock = time.strftime("%H:%M:%S", time.gmtime(at))
            print(f"  {clock} {seconds:5.1f} s  {name}, acquainted after {after:.1f} s, {len(self.calls)} calls",
                  flush=True)
            nth += 1
            if nth % 5 == 0:
                self.keep_prefix(self.log())
        time.sleep(CALM_SECONDS[0])

    def log(self):
        """The log as `doorbuster log read` shows it."""
        command = [self.binary, "log", "read", "--json", "--store", self.connection]
        with open(self.log_file, "w") as file:
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, text=True, timeout=600)
        if done.returncode != 0:
            raise Ended(f"the log cannot be read: {done.stderr.strip()}")
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def judge(self):
        """Checks everything. True if there was no violation."""
        started = time.monotonic()
        # Orders that are held now end meanwhile.
        time.sleep(ITEMS["DOOR"].time_to_pay_ms / 1_000 + 1)
        read_ms = time.time() * 1_000
        log = self.log()
        self.keep_prefix(log)
        history = self.history(log)
        verdict, items = self.judged(history)
        self.holds_have_ended(items, read_ms)
        latest = self.latest_end(history, items)
        for node, wire in zip(self.nodes, self.main.wires, strict=True):
            self.compare_node(node, wire, items, log[-1]["position"])
        self.stop_nodes()
        self.verify()
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.counts.items()))
        line("faults", f"{faults}; the latest end of a hold {latest:.1f} s after its time")
        self.count_aborted()
        self.tell(verdict, history, time.monotonic() - started, self.faults.wrong)
        return not verdict.counts and not self.wrong

    def latest_end(self, history, items):
        """How many seconds after its time the latest hold ended."""
        latest = 0
        for event in history.events:
            if event.kind == "OrderExpired":
                row = items[event.item].orders.get(event.data["order_id"])
                late = (event.data["expired_at_ms"] - row.pay_by_ms) / 1_000 if row else 0
                latest = max(latest, late)
                if late > HOLD_SECONDS_MAX:
                    self.wrong.append(f"the hold {row.order_id} ended {late:.1f} s after its time")
        return latest

    def compare_node(self, node, wire, items, head):
        try:
            self.compare_stock(items, wire)
            self.compare_read_models(items, wire, head)
        except grpc.RpcError as error:
            self.wrong.append(f"node {node.number} does not answer at the end: {error.code().name} {error.details()}")

    def stop_nodes(self):
        for node in self.nodes:
            try:
                node.stop()
            except (Refused, subprocess.TimeoutExpired) as error:
                self.wrong.append(str(error))
            if "panicked" in (self.directory / f"node-{node.number}.log").read_text():
                self.wrong.append(f"node {node.number} panicked: its log says where")

    def verify(self):
        command = [self.binary, "verify", "--json", "--store", self.connection]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != 0 or not json.loads(done.stdout.splitlines()[-1])["ok"]:
            self.wrong.append(f"verify ended with {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}")

    def count_aborted(self):
        """Tells what failed in which fault. Nodes that pass commands on decide anew what met a conflict.

        A caller is a thread, or an order of a stream, because many of one stream are under way at once.
        """
        failed, callers, outside = collections.Counter(), collections.Counter(), []
        for call in self.calls:
            if call.error is None or call.error.code in ("NOT_FOUND", "ALREADY_EXISTS"):
                continue
            window = self.faults.windows.at(call.sent / 1e9, call.ended / 1e9)
            failed[(window.name if window else "no fault", call.error.code, call.error.reason)] += 1
            if call.error.code == "ABORTED" and window is None:
                outside.append(call)
            elif call.error.code == "ABORTED":
                caller = call.request_id if call.route.startswith("stream") else call.caller
                callers[(window.name, caller)] += 1
        for (where, code, reason), count in sorted(failed.items()):
            line("failed", f"{count} {code} {reason} during {where}")
        if outside:
            self.wrong.append(f"{len(outside)} calls ended with ABORTED outside of faults: {outside[:3]}")
        for (where, caller), count in callers.items():
            if count > ABORTED_IN_A_FAULT:
                self.wrong.append(f"{caller} met ABORTED {count} times during {where}")
        line("ABORTED", f"{sum(callers.values())} inside of faults, at most {max(callers.values(), default=0)} of one "
                        f"caller in one fault; {len(outside)} outside")

    def end(self):
        for part in [*self.nodes, self.peers, self.store]:
            if part:
                part.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    parser.add_argument("--binary", type=pathlib.Path, default=binary)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--store-nodes", type=int, choices=[1, 3], default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--calls-per-second", type=float, default=400)
    parser.add_argument("--port", type=int, default=7460, help="nodes reach each other on the ports that follow")
    parser.add_argument("--only", nargs="*", default=(), help="these faults alone, such as freeze or cut_all")
    parser.add_argument("--patience", nargs="*", type=float, default=PATIENCE_SECONDS,
                        help="seconds that clients wait for an answer; each call takes one of them")
    parser.add_argument("--keep", action="store_true", help="leave journal and logs behind")
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")
    if not check_judge():
        sys.exit(1)
    print(f"  seed             {arguments.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-torture-nodes-"))
    run = Run(arguments, directory)
    held = False
    try:
        run.play()
        held = run.judge()
    except (Ended, Refused, RuntimeError) as error:
        line("WRONG", "; ".join([*run.wrong, str(error)]))
    finally:
        run.end()
    if held and not arguments.keep:
        shutil.rmtree(directory)
    else:
        with open(directory / "journal.pickle", "wb") as file:
            pickle.dump((run.items, run.calls), file)
        line("kept", directory)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
