"""Storms from beginning to end: an honest server, broken ones, and ones whose sync fails."""

import contextlib
import dataclasses
import pathlib
import random
import shutil
import stat

from torture.judge import judge

from . import disk, opened, storm, trace

# The file whose sync fails, what becomes of the process then, and the calls before it. Without calls it is
# the first sync after a restart, which makes the name of a new write-ahead log durable.
FAILURES = {
    "commit": ("log.db-wal", "fail", 300),
    "commit and killed": ("log.db-wal", "fail and kill", 300),
    "copy": ("log.db", "fail", 1_500),
    "copy and killed": ("log.db", "fail and kill", 1_500),
    "name": ("data", "fail", 0),
    "witness": ("log.witness", "fail", 300),
}
# A server goes on after these: the next write of the witness writes all of it, and the sync of a name that
# SQLite makes and does not look at is followed by one of the server.
GOES_ON = ("witness", "name")
# Another process has the log open across the restart, so that SQLite goes on with the index that is there.
# At first it lets only a part of the write-ahead log be copied, and what is copied in part is not synced.
READ_ACROSS = ("copy",)
# Another process reads the log before the restart.
READ_BETWEEN = ("commit",)
CALLS_BROKEN = 300
CALLS_AFTER = 500
LATE_SECONDS = 0.05
# Calls of the system that would change a file past the recorder.
PAST_THE_RECORDER = ("sync_file_range", "syncfs", "sync", "msync", "io_uring_setup", "copy_file_range", "splice")


@dataclasses.dataclass
class Run:
    """A storm that is over: what is needed to judge the disks that it may have left."""

    name: str
    directory: pathlib.Path
    told: list
    log: list
    calls: list
    sale: tuple
    # Power losses before this record are of no interest.
    since: int


class Plays:
    """Each storm has a directory of its own."""

    def __init__(self, arguments, directory):
        self.arguments, self.directory, self.wrong = arguments, directory, []
        self.stubs = storm.stubs_of(directory)

    @contextlib.contextmanager
    def storm(self, name, binary=None):
        directory = self.directory / name.replace(" ", "-")
        directory.mkdir()
        recorded = trace.Trace.create(directory)
        # A program that is given makes the server a recorded one itself.
        environment = {} if binary else trace.environment(directory)
        found = storm.Storm(binary or self.arguments.binary, directory, recorded, self.stubs,
                            self.arguments.seed, self.arguments.pace, environment)
        try:
            yield found
        finally:
            found.end()

    def over(self, name, found, since=0):
        """Compares the trace with the files, and the log with the answers; gives what is to be judged."""
        directory = found.trace.path.parent
        wrong = found.wrong + list(differences(found.trace, directory))
        log = storm.rows(found.data / "log.db")
        verdict, _ = judge(found.history(log))
        self.wrong += [f"{name}: {sentence}" for sentence in wrong + verdict.sentences]
        told = found.everything_told()
        ids = {row.position: row.event_id for row in log}
        self.wrong += [
            f"{name}: {one.kind} {one.position} is another event than in the log"
            for one in told if one.event_id and one.event_id.replace("-", "") != ids.get(one.position)
        ]
        print(f"  {name:<22} {found.trace.now()} records, {found.trace.syncs()} syncs, {len(log)} events; "
              f"left the server: {kinds(told)}", flush=True)
        return Run(name, directory, told, log, found.calls, (found.sale_id, found.items), since)

    def honest(self):
        """Started, stopped, killed under load and while it starts, and started again."""
        count = self.arguments.calls
        with self.storm("honest") as found:
            found.start()
            with found.load(), found.follower():
                found.calls_more(int(0.4 * count))
                found.wait_for(lambda: any(one.kind == "webhook" for one in found.told))
            found.stop()
            for _ in range(2):
                found.start()
                with found.load():
                    found.calls_more(int(0.1 * count))
                    found.kill()
                found.server.start()
                found.kill()
            found.start()
            with found.load():
                found.calls_more(int(0.4 * count))
            found.stop()
        return self.over("honest", found)

    def broken(self, mode):
        """A server that answers before its sync."""
        with self.storm(mode) as found:
            found.trace.set_mode(mode, LATE_SECONDS)
            found.start()
            with found.load():
                found.calls_more(CALLS_BROKEN)
            found.stop()
        return self.over(mode, found)

    def failing(self, name):
        """A server with a sync that fails, and another on what it leaves."""
        file, kind, calls = FAILURES[name]
        with self.storm(name) as found:
            found.start()
            with found.load(), contextlib.ExitStack() as across:
                found.calls_more(calls or CALLS_BROKEN)
                reader = across.enter_context(found.reader()) if name in READ_ACROSS else None
                if reader:
                    found.calls_more(calls)
                if not calls:
                    found.stop()
                found.trace.fail_next_sync(file, kind)
                if reader:
                    reader.execute("COMMIT")
                if not calls:
                    found.start_to_fail()
                found.wait_for(found.trace.failed, alive=False)
                since = found.trace.first_failed()
                if name in GOES_ON:
                    found.calls_more(CALLS_AFTER)
                    found.stop()
                else:
                    self.ended(name, found, kind)
                if name in READ_BETWEEN:
                    found.read_without_server()
                found.start()
                found.calls_more(CALLS_AFTER)
            found.stop()
        return self.over(name, found, since)

    def ended(self, name, found, kind):
        """Waits for the end of a process that must not go on."""
        if not found.has_ended():
            self.wrong.append(f"{name}: the server goes on after a sync that failed")
            found.calls_more(CALLS_AFTER)
            found.stop()
        elif kind == "fail" and found.server.child.returncode <= 0:
            self.wrong.append(f"{name}: the server ended with {found.server.child.returncode}")
        found.trace.settle()

    def counted(self):
        """Whether the recorder sees all syncs: strace counts them in the same process."""
        if not shutil.which("strace"):
            return print("  SKIPPED                the count of syncs: there is no strace", flush=True)
        directory, summary = self.directory / "counted", self.directory / "strace.txt"
        script = self.directory / "traced"
        environment = " ".join(f"-E {name}={value}" for name, value in trace.environment(directory).items())
        calls = ",".join(("fsync", "fdatasync", *PAST_THE_RECORDER))
        script.write_text(f"#!/bin/sh\nexec strace -D -f -qq -c -e trace={calls} -o {summary} {environment} "
                          f"{self.arguments.binary} \"$@\"\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        with self.storm("counted", script) as found:
            found.start()
            with found.load():
                found.calls_more(CALLS_BROKEN)
            found.stop()
            found.wait_for(lambda: summary.is_file() and summary.read_text().strip(), alive=False)
        # Share of the time, seconds, microseconds a call, calls, errors where there were any, and the name.
        lines = [line.split() for line in summary.read_text().splitlines()]
        counts = [(parts[3], parts[-1]) for parts in lines if len(parts) in (5, 6) and parts[3].isdigit()]
        by_strace = sum(int(count) for count, name in counts if name in ("fsync", "fdatasync"))
        if by_strace != found.trace.syncs():
            self.wrong.append(f"strace counts {by_strace} syncs, the recorder {found.trace.syncs()}")
        past = [f"{count} {name}" for count, name in counts if name in PAST_THE_RECORDER]
        self.wrong += [f"calls that are not recorded: {', '.join(past)}"] if past else []
        self.over("counted", found)
        print(f"  {'':<22} strace counts {by_strace} syncs, too", flush=True)


def kinds(told):
    counts = {}
    for one in told:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def differences(recorded, directory):
    """Where the files that the trace makes are not those that are there."""
    replay, made = directory / "replay", directory / "made"
    replay.mkdir()
    made.mkdir()
    power = disk.Disk(replay)
    for record in recorded.records():
        power.apply(record)
    disk.Loss(power, "everything", random.Random(0), opened.in_any).copy(made)
    files = {}
    for of in (made, recorded.root):
        for path in of.rglob("*"):
            if path.is_file() and not path.name.endswith("-shm"):
                files.setdefault(path.relative_to(of), []).append(path.read_bytes())
    for path, contents in sorted(files.items()):
        if len(contents) != 2 or contents[0] != contents[1]:
            yield f"{path} is not what the trace makes of it"
    power.close()
    shutil.rmtree(made)
    shutil.rmtree(replay)
