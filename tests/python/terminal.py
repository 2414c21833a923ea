"""Runs a program on a pseudo-terminal and returns its output as displayed."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

# Sequences that move the cursor, set colours and clear lines.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")

# Log lines may exceed the width.
LOG_LINE = re.compile(r"\s*\d{4}-\d\d-\d\dT\S+Z +(TRACE|DEBUG|INFO|WARN|ERROR) ")


def watch(command, directory, environment, columns, seconds_max, interrupt_at=None):
    """Runs it on a terminal of that width; sends Ctrl-C once the text appears. Returns exit code and output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**environment, "TERM": "xterm"}
    child = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen, until = b"", time.monotonic() + seconds_max
    interrupted = False
    while time.monotonic() < until:
        ready, _, _ = select.select([ours], [], [], 0.2)
        if ready:
            try:
                part = os.read(ours, 65_536)
            except OSError:
                break  # The other end is closed: the program has ended.
            if not part:
                break
            seen += part
        elif child.poll() is not None:
            break
        if interrupt_at and not interrupted and interrupt_at.encode() in seen:
            interrupted = True
            os.killpg(child.pid, signal.SIGINT)
    else:
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait(10)
    os.close(ours)
    return code, CONTROL.sub("", seen.decode(errors="replace")).replace("\r\n", "\n")


def wider_than(text, columns):
    """Lines that do not fit. Bars are padded to the width and follow each other without a line end:
    a line that is too wide is one that goes on in the next row without a blank."""
    wide = set()
    for line in (part for line in text.splitlines() for part in line.split("\r")):
        if LOG_LINE.match(line):
            continue
        rows = [line[at : at + columns] for at in range(0, len(line), columns)]
        wide |= {row for row, _ in zip(rows, rows[1:]) if not row.endswith(" ")}
    return sorted(wide)
