"""Wires to several nodes, and the faults of nodes, of what connects them, and of their store."""

import collections
import json
import random
import subprocess
import time

from counted_buyers import Windows

# A node calls a suspected one again after 5 s at most.
ACQUAINTED_SECONDS_MAX = 15


class Wires:
    """A wire to each node. A request goes to any of them, and its repeat to another one."""

    def __init__(self, wires, asked, patience, seed):
        """`asked` has the node that each request went to last; it is shared by all callers. `patience` are the
        seconds that calls wait for an answer."""
        self.wires, self.asked, self.patience = wires, asked, patience
        self.random = random.Random(seed)
        self.address = "any node"

    def pick(self):
        return self.random.choice(self.wires)

    def of(self, call):
        before = self.asked.get(call.request_id)
        wire = self.random.choice([wire for wire in self.wires if wire.at != before] or self.wires)
        self.asked[call.request_id] = wire.at
        return wire

    def start(self, call):
        return self.of(call).start(call, self.random.choice(self.patience))

    def finish(self, call, future):
        return self.wires[0].finish(call, future)

    def ask(self, call):
        return self.finish(call, self.start(call))

    def steer(self, call):
        return self.of(call).steer(call)


class NodeFaults:
    """After each fault all nodes run and reach each other again; of the store's, a majority does."""

    def __init__(self, nodes, lines, store, store_nodes, random):
        self.nodes, self.lines, self.store, self.random = nodes, lines, store, random
        self.wrong = []
        # Numbers of the store's nodes that run; with fewer than all of three none may be taken away.
        self.store_nodes = set(range(1, store_nodes + 1))
        self.whole_store = store_nodes >= 3
        self.windows = Windows()
        self.counts = collections.Counter()

    def deck(self, only=()):
        """Each fault once or twice, in random order; of these names alone, if there are any."""
        deck = [self.kill, self.kill, self.freeze, self.freeze, self.cut_one, self.cut_all, self.restart_all]
        if self.whole_store:
            deck += [self.store_resigns, self.store_freezes, self.store_leader_killed]
        elif len(self.store_nodes) >= 2:
            deck += [self.store_resigns]
        deck = [fault for fault in deck if not only or fault.__name__ in only]
        self.random.shuffle(deck)
        return deck

    def inject(self, fault):
        """Injects one and tells its name and seconds."""
        name = fault.__name__.replace("_", " ")
        self.counts[name] += 1
        started = time.monotonic()
        self.windows.begin(f"{self.counts[name]}. {name}", is_restart=fault == self.restart_all)
        said = fault()
        ended = time.monotonic()
        self.until_acquainted(name)
        self.windows.end()
        return f"{name} {said}".strip(), ended - started, time.monotonic() - ended

    def until_acquainted(self, fault):
        """Waits until every node sees every other one answer: until then they meet in conflicts."""
        until = time.monotonic() + ACQUAINTED_SECONDS_MAX
        while not all(self.sees_all(node) for node in self.nodes):
            if time.monotonic() > until:
                self.wrong.append(f"not every node sees the others answer {ACQUAINTED_SECONDS_MAX} s after {fault}")
                return
            time.sleep(0.1)

    def sees_all(self, node):
        command = [node.binary, "nodes", "--json", "--server", f"http://{node.listen}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            return False
        others = json.loads(done.stdout.splitlines()[-1])["others"]
        return [other["standing"] for other in others] == ["ANSWERS"] * (len(self.nodes) - 1)

    def some_node(self):
        return self.random.choice(self.nodes)

    def some_seconds(self):
        return self.random.uniform(2, 7)

    def kill(self):
        """kill -9, and a new start, at once or after a while."""
        node = self.some_node()
        node.kill()
        time.sleep(self.random.choice((0, 0.5, 2.5)))
        node.start()
        return f"of node {node.number}"

    def freeze(self):
        """SIGSTOP for longer and shorter than its callers wait."""
        node = self.some_node()
        node.freeze()
        time.sleep(self.some_seconds())
        node.thaw()
        return f"of node {node.number}"

    def cut_one(self):
        """No other node reaches that one, which reaches them."""
        number, line = self.random.choice(sorted(self.lines.items()))
        line.cut()
        time.sleep(self.some_seconds())
        line.mend()
        return f"to node {number}"

    def cut_all(self):
        """No node reaches another one."""
        for line in self.lines.values():
            line.cut()
        time.sleep(self.some_seconds())
        for line in self.lines.values():
            line.mend()
        return ""

    def restart_all(self):
        """SIGTERM and a new start, one node after another, as in an upgrade."""
        for node in self.nodes:
            node.stop()
            node.start()
        return ""

    def store_resigns(self):
        return f"and node {self.leads('resign')} leads"

    def store_leader_killed(self):
        """Once: a majority has to stay."""
        if not self.whole_store:
            return "again: left out"
        self.whole_store = False
        return f"and node {self.leads('kill leader')} leads"

    def store_freezes(self):
        """Freezes any node of the store, the leader or a follower."""
        if not self.whole_store:
            return "left out, one is killed"
        number = self.random.choice(sorted(self.store_nodes))
        leader = self.leads(f"freeze {number}")
        time.sleep(self.some_seconds())
        self.leads(f"thaw {number}")
        return f"node {number}, and {leader} leads"

    def leads(self, act):
        leader = self.store.act(act)
        if leader is None:
            raise RuntimeError(f"no node of the store leads after {act}")
        time.sleep(1)
        return leader
