"""Faults injected under load, and the conditions that must hold afterwards.

After each fault the server runs again. Violations are reported as text; faults are counted by kind.
"""

import collections
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

# The grace period of 5 s for stopping, plus time to be scheduled.
STOP_SECONDS_MAX = 5 + 5
READY_SECONDS_MAX = 30
# A hold expires within 5 s of the store's return, without any command.
HOLD_SECONDS_MAX = 5 + 5
DISK_BYTES = 4 << 30


class Disk:
    """A file system of its own in memory, whose size can be changed. Needs root."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.why_not = None
        try:
            self._mount(f"size={DISK_BYTES}")
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            self.why_not = f"no file system can be mounted here: {said.strip()}"

    def fill(self):
        """Fills the disk: its size is set to the space in use."""
        for _ in range(100):
            state = os.statvfs(self.directory)
            used = (state.f_blocks - state.f_bfree) * state.f_frsize
            try:
                return self._mount(f"remount,size={used}")
            except subprocess.CalledProcessError:
                pass  # The usage grew meanwhile.
        raise AssertionError("the disk grows too fast to be filled")

    def make_room(self):
        self._mount(f"remount,size={DISK_BYTES}")

    def end(self):
        if self.why_not is None:
            subprocess.run(["umount", "--lazy", self.directory], check=False)

    def _mount(self, options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.directory]
        subprocess.run(command, check=True, capture_output=True, text=True)


class Faults:
    def __init__(self, server, disk, random, hold_quietly):
        """`hold_quietly()` places an order on an otherwise unused item and returns it."""
        self.server, self.disk, self.random = server, disk, random
        self.hold_quietly = hold_quietly
        self.counts = collections.Counter()
        self.wrong = []
        self.longest_stop = 0.0
        self.skipped = disk.why_not

    def deck(self):
        """Each fault once and additional kills, in random order."""
        deck = [self.kill, self.kill, self.kill, self.kill_early, self.stop, self.freeze]
        deck += [self.freeze_and_kill, self.lock]
        if self.skipped is None:
            deck += [self.fill, self.fill_and_kill]
        self.random.shuffle(deck)
        return deck

    def kill(self):
        """kill -9."""
        self.counts["kills"] += 1
        self.server.kill()
        self.start()

    def kill_early(self):
        """kill -9, and a second one when the server reports that it runs, or earlier."""
        self.counts["kills"] += 2
        self.server.kill()
        self.server.start()
        time.sleep(self.random.random() / 4)
        self.server.kill()
        self.start()

    def stop(self):
        """SIGTERM while streams are open and buyers continue."""
        self.counts["stops with streams open"] += 1
        started = time.monotonic()
        self.server.child.send_signal(signal.SIGTERM)
        try:
            code = self.server.child.wait(STOP_SECONDS_MAX)
            if code != 0:
                self.wrong.append(f"it ended with {code} after SIGTERM")
            self.server.child.stdout.close()
        except subprocess.TimeoutExpired:
            self.wrong.append(f"it did not end within {STOP_SECONDS_MAX} s of SIGTERM")
            self.server.kill()
        self.longest_stop = max(self.longest_stop, time.monotonic() - started)
        self.start()

    def freeze(self):
        """SIGSTOP for a while, then SIGCONT."""
        self.counts["freezes"] += 1
        self.server.child.send_signal(signal.SIGSTOP)
        time.sleep(0.5 + 2 * self.random.random())
        self.server.child.send_signal(signal.SIGCONT)

    def freeze_and_kill(self):
        """SIGSTOP, then kill -9."""
        self.counts["freezes"] += 1
        self.counts["kills"] += 1
        self.server.child.send_signal(signal.SIGSTOP)
        time.sleep(self.random.random())
        self.server.kill()
        self.start()

    def lock(self):
        """Another program holds the write lock of the log or of a read model for a while."""
        files = sorted(self.server.directory.rglob("*.db"))
        database = sqlite3.connect(self.random.choice(files), timeout=2, isolation_level=None)
        try:
            database.execute("BEGIN IMMEDIATE")
            self.counts["locks"] += 1
            time.sleep(1 + 2 * self.random.random())
            database.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass  # The server was faster repeatedly, or holds the lock.
        finally:
            database.close()
        self.ready()

    def fill(self):
        """The disk is full for a while; the server must recover by itself."""
        self.counts["full disks"] += 1
        held = self.hold_quietly()
        self.disk.fill()
        time.sleep(1 + 3 * self.random.random())
        self.disk.make_room()
        room_at = time.monotonic()
        self.ready()
        if held is not None:
            self.ends_by_itself(held, room_at)

    def fill_and_kill(self):
        """The disk is full, then kill -9; the server starts again when there is space."""
        self.counts["full disks"] += 1
        self.counts["kills"] += 1
        self.disk.fill()
        time.sleep(2 * self.random.random())
        self.server.kill()
        self.disk.make_room()
        self.start()

    def start(self):
        try:
            self.server.start()
        except RuntimeError as error:
            raise Ended(f"it does not start again: {error}") from None
        self.ready()

    def ready(self):
        """Waits until the server reports ready."""
        until, said = time.monotonic() + READY_SECONDS_MAX, ""
        while time.monotonic() < until:
            if self.server.child.poll() is not None:
                raise Ended(f"it ended by itself with {self.server.child.returncode}")
            try:
                with urllib.request.urlopen(f"http://{self.server.web}/readyz", timeout=5):
                    return
            except urllib.error.HTTPError as error:
                said = error.read().decode()
            except OSError as error:
                said = str(error)
            time.sleep(0.05)
        self.wrong.append(f"it is not ready after {READY_SECONDS_MAX} s: {said.strip()}")

    def ends_by_itself(self, order, room_at):
        """A hold that becomes due while the disk is full expires although its item gets no commands."""
        seconds = order.pay_by_ms / 1_000 - time.time()
        until = max(room_at, time.monotonic() + seconds) + HOLD_SECONDS_MAX
        while time.monotonic() < until:
            kinds = {
                event["kind"] for event in self.log(f"item-{order.item}")
                if event["data"].get("order_id") == order.order_id
            }
            if "OrderExpired" in kinds:
                return
            time.sleep(0.2)
        self.wrong.append(f"hold {order.order_id} of {order.item} did not end although there was room")

    def log(self, *stream):
        """The log as `doorbuster log read` shows it, also beside a server that runs."""
        command = [self.server.binary, "log", "read", *stream, "--json"]
        command += ["--data", str(self.server.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise Ended(f"the log cannot be read: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]


class Ended(Exception):
    """The server did not come back, so the run cannot continue."""
