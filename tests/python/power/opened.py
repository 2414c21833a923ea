"""What is found on a disk after a power loss, and what must be there."""

import bisect
import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import typing
import urllib.request

import grpc

from client import new_id
from server import Server
from torture.journal import Call, Place
from torture.wire import Wire

from . import disk, storm

READY_SECONDS_MAX = 30
SENTENCES_MAX = 5
SENTENCE_MAX = 400


class Point(typing.NamedTuple):
    """A power loss before the record of that number."""

    number: int
    strategies: tuple
    # Also started as a server, with its read models.
    served: bool


class Promised:
    """What must be in the log at each moment."""

    def __init__(self, told, log, calls):
        self.numbers, self.told = [one.number for one in told], told
        self.log = {row.position: row for row in log}
        self.highest, highest = [], 0
        for one in told:
            highest = max(highest, one.position)
            self.highest.append(highest)
        self.calls = sorted((call for call in calls if is_kept(call)), key=lambda call: call.ended)
        self.ended = [call.ended for call in self.calls]

    def count(self, number):
        return bisect.bisect_right(self.numbers, number)

    def lost(self, number, end):
        """What left before that moment and rests on more than the log holds."""
        count = self.count(number)
        if not count or self.highest[count - 1] <= end:
            return []
        return [one for one in self.told[:count] if one.position > end]

    def last(self, number):
        """The last event that must be there."""
        count = self.count(number)
        return self.log[self.highest[count - 1]] if count else None

    def answered(self, number):
        return self.calls[: bisect.bisect_right(self.ended, number)]


def is_kept(call):
    """Whether a repeat of the call gets its first answer."""
    return call.answer is not None and call.answer.order is not None and isinstance(call.body, Place)


class Opener:
    """Opens what is left after power losses, and counts what is wrong."""

    def __init__(self, binary, scratch, promised, wire_of, sale, seed):
        self.binary, self.promised, (self.sale_id, self.items) = str(binary), promised, sale
        self.scratch, self.wire_of = pathlib.Path(scratch), wire_of
        self.random = random.Random(seed)
        self.counts = dict.fromkeys(
            ("points", "states", "empty", "verified", "served", "sold on", "refused", "lost orders",
             "lost answers", "absent", "other history", "unsound"), 0)
        self.by_strategy = {}
        self.sentences = []

    def wrong(self, kind, place, sentence, count=1):
        self.counts[kind] += count
        if len(self.sentences) < SENTENCES_MAX:
            self.sentences.append(f"{place}: {sentence[:SENTENCE_MAX]}")

    def at(self, power, point):
        """All states of one point."""
        self.counts["points"] += 1
        for strategy in point.strategies:
            found = disk.Loss(power, strategy, self.random, in_log)
            place = f"record {point.number}, {strategy}"
            self.counts["states"] += 1
            self.by_strategy[strategy] = self.by_strategy.get(strategy, 0) + 1
            self.verify(found, point.number, place)
            if point.served and strategy in point.strategies[1:3]:
                self.serve(disk.Loss(power, strategy, self.random, in_any), point.number, place)
            if found.pending == 0:
                # Whatever the choice, it is the same.
                break

    def verify(self, found, number, place):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        changed = found.write(directory)
        try:
            data = directory / "data"
            if not (data / "log.db").exists():
                self.counts["empty"] += 1
                return self.judge(number, place, 0, None)
            command = [self.binary, "verify", "--json", "--data", str(data)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                return self.refuse(number, place, done)
            self.counts["verified"] += 1
            end = json.loads(done.stdout)["proof"]["events"]
            last = self.promised.last(number)
            row = storm.rows(data / "log.db", f"WHERE position = {last.position}") if last else []
            self.judge(number, place, end, row[0] if row else None)
        finally:
            disk.undo(changed)
            shutil.rmtree(directory)

    def refuse(self, number, place, done):
        """It is not accepted: all of what left is out of reach until an operator decides."""
        kind = "refused" if done.returncode == 6 else "unsound"
        self.wrong(kind, place, f"verify ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        try:
            end = json.loads(done.stdout)["proof"]["events"]
        except (ValueError, KeyError):
            return
        self.judge(number, place, end, None)

    def judge(self, number, place, end, row):
        lost = self.promised.lost(number, end)
        if lost:
            orders = [one for one in lost if one.kind == "order"]
            others = [one for one in lost if one.kind == "answer" or one.kind == "act"]
            seen = [one for one in lost if one.kind in ("event", "report", "webhook")]
            for kind, them in (("lost orders", orders), ("lost answers", others), ("absent", seen)):
                if them:
                    said = f"the log ends at {end}; {len(them)} {kind}, the first rests on {them[0].position}"
                    self.wrong(kind, place, said, len(them))
        elif row is not None and row != self.promised.last(number):
            self.wrong("other history", place, f"position {row.position} is another event")

    def serve(self, found, number, place):
        """Starts a server on it: everything that was answered is answered again, and it sells on."""
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            found.copy(directory)
            data = directory / "data"
            server = Server(self.binary, data, errors=directory / "server.log")
            try:
                server.start()
                self.counts["served"] += 1
                self.ask(server, number, place)
                code = server.stop()
                if code != 0:
                    self.wrong("unsound", place, f"the server ended with {code}")
                code, said = server.verify()
                if code != 0:
                    self.wrong("unsound", place, f"verify ended with {code} afterwards: {said[-400:]}")
            except RuntimeError as error:
                said = (directory / "server.log").read_text()[-600:]
                self.wrong("refused", place, f"it does not start: {error} {said}")
            finally:
                server.end()
        finally:
            shutil.rmtree(directory)

    def ask(self, server, number, place):
        wait_ready(server)
        wire = self.wire_of(server.address)
        grpc.channel_ready_future(wire.channel).result(READY_SECONDS_MAX)
        answered = self.promised.answered(number)
        for call in self.random.sample(answered, min(8, len(answered))) + answered[-8:]:
            again = wire.ask(call.again())
            got, first = again.answer and again.answer.order, call.answer.order
            if got != first:
                self.wrong("lost orders", place, f"an order is answered again with {again.answer or again.error}")
        if not answered:
            return
        order = wire.ask(Call(self.items["DEEP"], new_id(), Place("after", 1, "")))
        if order.answer is None or order.answer.order is None:
            self.wrong("unsound", place, f"it sells nothing: {order.answer or order.error}")
            return
        self.counts["sold on"] += 1
        self.compare(server, wire, order.answer.position, place)
        wire.channel.close()

    def compare(self, server, wire, position, place):
        """The read models have the orders of the log."""
        logged = storm.rows(server.directory / "log.db", "WHERE kind = 'OrderPlaced'")
        request = wire.pb.GetSalesSummaryRequest(sale_id=self.sale_id, min_position=position)
        shown = wire.reports.GetSalesSummary(request, timeout=20).total.orders_placed
        if shown != len(logged):
            self.wrong("unsound", place, f"{shown} orders are shown, {len(logged)} are in the log")


def in_log(path):
    """What belongs to the log: not the read models, which are made from it."""
    return not path.startswith("data/views")


def in_any(_):
    return True


def wait_ready(server):
    until, said = time.monotonic() + READY_SECONDS_MAX, ""
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://{server.web}/readyz", timeout=5):
                return
        except OSError as error:
            said = str(error)
            time.sleep(0.01)
    raise RuntimeError(f"it is not ready: {said}")
