"""The recorder: compiled, started under a server, and its trace read."""

import mmap
import os
import pathlib
import struct
import subprocess
import typing

HERE = pathlib.Path(__file__).resolve().parent
TRACE_BYTES_MAX = 4 << 30
FIRST = 4096
HEAD = struct.Struct("<8Q64s")
RECORD = struct.Struct("<IIQQQqII")
# Offsets of the numbers in the head.
RECORDS, END, SYNCS, MODE, LATE_US, FAULT, FAULTS, FAULT_NAME = 8, 16, 24, 32, 40, 48, 56, 64
(START, CREATE, WRITE, SIZE, RENAME, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, UNSEEN) = range(1, 12)
MODES = {"honest": 0, "drop": 1, "late": 2}
FAULTS_KINDS = {"fail": 1, "fail and kill": 2}


class Record(typing.NamedTuple):
    kind: int
    thread: int
    number: int
    file: int
    value: int
    result: int
    done: int
    data: memoryview

    def text(self):
        return bytes(self.data).decode()


class Trace:
    """A trace that a recorded server appends to."""

    def __init__(self, directory):
        """A trace in a directory, of the files below its `disk`."""
        self.path, self.root = directory / "trace", directory / "disk"
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)

    @classmethod
    def create(cls, directory):
        (directory / "disk").mkdir()
        with open(directory / "trace", "xb") as file:
            file.truncate(TRACE_BYTES_MAX)
        compile_recorder(directory / "recorder.so")
        return cls(directory)

    def number(self, offset):
        return struct.unpack_from("<Q", self.map, offset)[0]

    def now(self):
        """How many records there are at this moment."""
        return self.number(RECORDS)

    def syncs(self):
        return self.number(SYNCS)

    def failed(self):
        """How many syncs failed."""
        return self.number(FAULTS)

    def first_failed(self):
        """The record of the first sync that failed."""
        failed = (record.number for record in self.records() if record.kind == SYNC_END and record.result < 0)
        return next(failed)

    def set_mode(self, mode, late_seconds=0.0):
        struct.pack_into("<QQ", self.map, MODE, MODES[mode], int(late_seconds * 1e6))

    def fail_next_sync(self, name, kind="fail"):
        """The next sync of a file of that name fails, and with it the process, where that is the kind."""
        struct.pack_into("<64s", self.map, FAULT_NAME, name.encode())
        struct.pack_into("<Q", self.map, FAULT, FAULTS_KINDS[kind])

    def records(self):
        """All of them. Their data is that of the trace itself."""
        return (record for _, record in self._records())

    def _records(self):
        view, at, end = memoryview(self.map), FIRST, self.number(END)
        while at < end:
            kind, thread, number, file, value, result, size, done = RECORD.unpack_from(view, at)
            data = view[at + RECORD.size : at + RECORD.size + size]
            yield at, Record(kind, thread, number, file, value, result, done, data)
            at += RECORD.size + ((size + 7) & ~7)

    def settle(self):
        """After a kill: what the process was in the middle of is read from the files."""
        for at, record in self._records():
            if record.done:
                continue
            path = self._path_of(record.file)
            result = -1
            if path is None:
                pass  # It has no name any more.
            elif record.kind == WRITE:
                with open(path, "rb") as file:
                    file.seek(record.value)
                    found = file.read(len(record.data))
                record.data[: len(found)] = found
                result = len(found)
            elif record.kind == SIZE:
                result = 0 if path.stat().st_size == record.value else -1
            RECORD.pack_into(self.map, at, *record[:5], result, len(record.data), 1)

    def _path_of(self, inode):
        return next((path for path in self.root.rglob("*") if path.stat().st_ino == inode), None)


def environment(directory):
    """What makes a process append to the trace in a directory."""
    return {"LD_PRELOAD": f"{directory / 'recorder.so'}", "RECORDER_ROOT": f"{directory / 'disk'}",
            "RECORDER_TRACE": f"{directory / 'trace'}"}


def compile_recorder(library):
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared",
               "-fPIC", "-o", str(library), str(HERE / "recorder.c"), "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
