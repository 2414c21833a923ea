"""Injects faults into a real server under load, and checks every answer.

    tests/python/run.sh torture.py [--seconds 60] [--binary target/release/doorbuster]

It kills, freezes and stops the server and fills its disk (as root only), records every answer, and
compares all of them with the log by a specification of its own. The last lines are a summary; on any
violation it exits with 1 and keeps the log and the journal.
"""

import argparse
import pathlib
import pickle
import random
import shutil
import socket
import sys
import tempfile
import time

import grpc

from server import Server
from torture.buyers import Load
from torture.faults import Disk, Ended, Faults
from torture.journal import Call, Place
from torture.judge import judge
from torture.shared import ITEMS, Shared, check_judge, line
from torture.wire import Wire

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent


class Run(Shared):
    def __init__(self, arguments, directory):
        super().__init__(arguments, directory)
        (directory / "disk").mkdir()
        self.disk = Disk(directory / "disk")
        address = f"127.0.0.1:{free_port()}"
        errors = directory / "server.log"
        self.server = Server(arguments.binary, directory / "disk" / "data", address, errors)
        self.faults = Faults(self.server, self.disk, self.random, self.hold_quietly)

    def wire(self):
        return Wire(self.pb, self.stubs, self.server.address, self.calls)

    def hold_quietly(self):
        """An order on the otherwise unused item; None if none could be placed."""
        call = self.main.ask(Call(self.items["QUIET"], self.new_id(), Place("quiet", 1, "")))
        return call.answer.order if call.answer else None

    def break_it(self):
        """Injects faults until the time is over."""
        ends, deck, nth = time.monotonic() + self.arguments.seconds, [], 0
        while time.monotonic() < ends:
            time.sleep(0.5 + 2 * self.random.random())
            deck = deck or self.faults.deck()
            fault = deck.pop()
            started = time.monotonic()
            fault()
            nth += 1
            name = fault.__name__.replace("_", " ")
            print(f"  {name:<16} {time.monotonic() - started:5.1f} s, {len(self.calls)} calls", flush=True)
            if nth % 8 == 0:
                self.keep_prefix(self.faults.log())

    def play(self):
        """The load and the faults; the log when both are over."""
        self.server.start()
        self.main = self.wire()
        grpc.channel_ready_future(self.main.channel).result(20)
        self.open_sale(self.main)
        load = Load(self.wire, self.items, self.arguments.seed, self.pace())
        load.start()
        try:
            self.break_it()
            # At the end, too: the streams are open and full.
            self.faults.stop()
        finally:
            load.stop()
        self.wrong += load.crashed
        self.ask_again(load)

    def judge(self):
        """Checks everything. True if there was no violation."""
        started, read_ms = time.monotonic(), time.time() * 1_000
        log = self.faults.log()
        self.keep_prefix(log)
        history = self.history(log)
        verdict, items = self.judged(history)
        self.holds_have_ended(items, read_ms)
        if self.server.child.poll() is None:
            time.sleep(max(0, ITEMS["DOOR"].time_to_pay_ms / 1_000 + 1))
            self.compare_now()
        self.server.end()
        code, said = self.server.verify()
        if code != 0:
            self.wrong.append(f"verify ended with {code}: {said.strip()[-500:]}")
        if "panicked" in (self.directory / "server.log").read_text():
            self.wrong.append("it panicked: server.log says where")
        self.account(verdict, history, time.monotonic() - started)
        return not verdict.counts and not self.wrong

    def compare_now(self):
        """Compares the idle server with its log."""
        try:
            log = self.faults.log()
            self.keep_prefix(log)
            _, items = judge(self.history(log))
            self.compare_stock(items, self.main)
            self.compare_read_models(items, self.main, self.server.head())
        except grpc.RpcError as error:
            self.wrong.append(f"it does not answer at the end: {error.code().name} {error.details()}")
        code = self.server.stop()
        if code != 0:
            self.wrong.append(f"it ended with {code} after SIGTERM")

    def account(self, verdict, history, seconds):
        faults = self.faults
        counts = ", ".join(f"{count} {name}" for name, count in sorted(faults.counts.items()))
        line("faults", f"{counts or 'none'}; the longest stop {faults.longest_stop:.1f} s")
        if faults.skipped is not None:
            line("SKIPPED", f"full disks: {faults.skipped}")
        self.tell(verdict, history, seconds, faults.wrong)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    parser.add_argument("--binary", type=pathlib.Path, default=binary)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--calls-per-second", type=float, default=800)
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")
    if not check_judge():
        sys.exit(1)
    print(f"  seed             {arguments.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-torture-"))
    run = Run(arguments, directory)
    held = False
    try:
        try:
            run.play()
        except Ended as error:
            run.wrong.append(str(error))
        try:
            held = run.judge()
        except Ended as error:
            line("WRONG", "; ".join([*run.wrong, str(error)]))
    finally:
        run.server.end()
        if not held:
            keep(run, directory)
        run.disk.end()
        if held:
            shutil.rmtree(directory)
    sys.exit(0 if held else 1)


def keep(run, directory):
    """Keeps the log and the journal for diagnosis."""
    shutil.copytree(directory / "disk", directory / "kept")
    with open(directory / "journal.pickle", "wb") as file:
        pickle.dump(run.calls, file)
    print(f"  kept             {directory}", flush=True)


if __name__ == "__main__":
    main()
