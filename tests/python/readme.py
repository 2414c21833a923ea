"""Runs README.md as written: each shell and Python block, line by line, with the ids of earlier output.

    tests/python/run.sh readme.py [BINARY] [--only SECTION]

Placeholders (ITEM, SALE, ORDER, DIR) are replaced by values from earlier output. Servers run until a
section starts another, followers for two seconds, demonstrations on a terminal of 80 columns. Lines of shown
output must occur in the output of the section, apart from their figures. Replaced and omitted commands are
printed. README.zh.md must have the same commands.
"""

import argparse
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import terminal

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
LINE_SECONDS_MAX = 300
COLUMNS = 80
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Columns and fields of output that hold the values; the last one printed counts.
COLUMNS_OF = {"ITEM": "ITEM", "SALE": "SALE", "sale_id": "SALE"}
FIELDS_OF = {"sale": "SALE", "order": "ORDER", "data": "DIR"}
SERVERS = ("doorbuster serve", "doorbuster devstore")
FOLLOWERS = ("--follow", "alert follow")
# Commands that draw bars on a terminal.
DRAWN = ("doorbuster demo", "doorbuster replay SALE --speed")
# Lines that another step of .ci/run runs, or that cannot be run here.
ELSEWHERE = {
    "cargo test": "it is a step of .ci/run",
    "deploy/rehearse": "it is a step of .ci/run",
}


class Block:
    def __init__(self, section, language, text, number):
        self.section, self.language, self.text, self.number = section, language, text, number


def blocks(path):
    """The fenced blocks of a page, each with its section."""
    section, language, lines, found = "", None, [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("```") and language is None:
            language, lines, started = line[3:].strip(), [], number
        elif line.startswith("```"):
            found.append(Block(section, language, "\n".join(lines), started))
            language = None
        elif language is not None:
            lines.append(line)
        elif line.startswith("## "):
            section = line[3:]
    return found


def commands(block):
    """Its lines without comments; a backslash at the end continues a line."""
    text = block.text.replace("\\\n", " ")
    stripped = (re.sub(r"\s+#\s.*$", "", line).strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def starts_a_server(section, page):
    """Whether a section starts a server of its own."""
    own = (block for block in page if block.section == section and block.language == "sh")
    return any(line.startswith(SERVERS) for block in own for line in commands(block))


def shape(line):
    """A line of output without the parts that vary between runs."""
    line = re.sub(UUID, "<id>", line.rstrip()).replace("\N{NARROW NO-BREAK SPACE}", " ")
    line = re.sub(r"\S*/\S*doorbuster\S*", "<path>", line)
    return re.sub(r"\d[\d,.:TZ-]*", "0", line)


class Readme:
    def __init__(self, binary, scratch):
        self.scratch, self.values, self.servers = scratch, {}, []
        self.output, self.wrong, self.ran = "", [], 0
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DOORBUSTER_")
        }
        self.environment["PATH"] = f"{binary.parent}:{os.environ['PATH']}"
        self.environment["COLUMNS"] = str(COLUMNS)
        for name in ("examples", "crates", "deploy", "docs"):
            (scratch / name).symlink_to(REPOSITORY / name)
        # This environment already has the packages that the README installs.
        (scratch / ".venv").symlink_to(sys.prefix)

    def run(self, page):
        section = None
        for block in page:
            if block.section != section:
                section = block.section
                # A server keeps running until a section starts another one.
                if starts_a_server(section, page):
                    self.end_servers()
                print(f"\n## {section or 'README'}", flush=True)
            if block.language == "sh":
                for line in commands(block):
                    self.line(line)
            elif block.language == "python":
                self.python(block)
            elif block.language == "text":
                self.shown(block)
        self.end_servers()

    # -- One line ------------------------------------------------------------------------------

    def line(self, line):
        for start, why in ELSEWHERE.items():
            if line.startswith(start):
                return self.say("left out", line, why)
        if line.startswith("cargo build"):
            return self.say("replaced", line, "the given binary is on PATH")
        if "pip install" in line:
            return self.say("replaced", line, f"{sys.prefix} has it")
        line = line.replace("cargo run --", "doorbuster")
        filled = self.fill(line)
        if filled is None:
            return None
        self.ran += 1
        started = time.monotonic()
        if line.startswith(SERVERS):
            code, output = self.serve(filled)
        elif line.startswith(DRAWN):
            code, output = self.on_a_terminal(filled)
        elif any(word in line for word in FOLLOWERS):
            code, output = self.follow(filled)
        else:
            code, output = self.plainly(filled)
        self.output += output
        self.learn(output)
        said = "ok" if code == 0 else f"exit {code}"
        print(f"  {said:<9} {filled} ({time.monotonic() - started:.1f} s)", flush=True)
        if code != 0:
            self.fail(f"{filled}: exit {code}", output)
        return None

    def fill(self, line):
        """The line with the ids in the place of its placeholders."""
        for name in re.findall(r"\b(SALE|ITEM|ORDER|DIR)\b", line):
            if name not in self.values:
                self.fail(f"{line}: nothing before it printed a {name}")
                return None
            line = re.sub(rf"\b{name}\b", self.values[name], line)
        return line

    def learn(self, output):
        """Takes ids from tables, their first row, and from fields."""
        column = None
        for line in output.splitlines():
            words = line.split() or [""]
            if column and re.fullmatch(UUID, words[0]):
                self.values[column] = words[0]
            elif len(words) == 2 and words[0] in FIELDS_OF:
                self.values[FIELDS_OF[words[0]]] = words[1]
            column = COLUMNS_OF.get(words[0])

    def plainly(self, line):
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.scratch, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LINE_SECONDS_MAX,
        )
        return done.returncode, done.stdout

    def start(self, line):
        return subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=self.scratch, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def serve(self, line):
        """Starts a server that keeps running; it must print its address."""
        child = self.start(line)
        said = ""
        for part in child.stdout:
            said += part
            if "://" in part:
                self.servers.append((line, child))
                return 0, said
        return child.wait(30) or 1, said

    def follow(self, line):
        """Reads for two seconds, then sends Ctrl-C."""
        child = self.start(line)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2)
        ended_by_itself = child.poll() is not None
        if not ended_by_itself:
            child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=LINE_SECONDS_MAX)
        ended = (0,) if ended_by_itself else (0, 130, -signal.SIGINT)
        return (0 if child.returncode in ended else child.returncode), output

    def on_a_terminal(self, line):
        """Runs it on a terminal and ends the board that stays up with Ctrl-C."""
        code, output = terminal.watch(
            ["bash", "-c", f"exec {line}"], self.scratch, self.environment, COLUMNS,
            LINE_SECONDS_MAX, interrupt_at="the board stays until Ctrl-C",
        )
        for wide in terminal.wider_than(output, COLUMNS):
            self.fail(f"{line}: wider than {COLUMNS} columns: {wide}")
        return code, output

    # -- The other blocks ------------------------------------------------------------------------

    def python(self, block):
        text = self.fill(block.text)
        if text is None:
            return
        self.ran += 1
        environment = {**self.environment, "PYTHONPATH": "stubs"}
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=self.scratch, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LINE_SECONDS_MAX,
        )
        self.output += done.stdout
        print(f"  {'ok' if done.returncode == 0 else 'FAILED':<9} Python, line {block.number}", flush=True)
        if done.returncode != 0:
            self.fail(f"the Python block at line {block.number}", done.stdout)

    def shown(self, block):
        """Checks that each line of shown output was printed, apart from its figures."""
        printed = {shape(line) for line in self.printed().splitlines()}
        lines = [line for line in block.text.splitlines() if line.strip()]
        missing = [line for line in lines if shape(line) not in printed]
        if any(word in block.text for word in ("─>", "->")):
            return
        print(f"  {'shown' if not missing else 'NOT SO':<9} output, line {block.number}", flush=True)
        for line in missing:
            self.fail(f"line {block.number}: nothing printed: {line}")

    def printed(self):
        """The output of the section's commands, including files."""
        files = self.scratch.glob("review/*.md")
        return self.output + "".join(path.read_text() for path in files)

    def end_servers(self):
        for line, child in self.servers:
            child.send_signal(signal.SIGTERM)
            output, _ = child.communicate(timeout=30)
            if child.returncode != 0:
                self.fail(f"{line}: exit {child.returncode} after SIGTERM", output)
        self.servers = []

    def say(self, what, line, why):
        print(f"  {what:<9} {line} ({why})", flush=True)

    def fail(self, problem, output=""):
        self.wrong.append(problem)
        print(f"  FAILED    {problem}", flush=True)
        for line in output.splitlines()[-15:]:
            print(f"            | {line}", flush=True)

    def end(self):
        for _, child in self.servers:
            child.kill()


def same_commands(one, other):
    """The differences between the commands of two pages."""
    ours, theirs = (
        [(block.language, block.text) for block in blocks(path)] for path in (one, other)
    )
    differing = [
        f"{other.name}: block {nth} is not that of {one.name}:\n{their[1]}"
        for nth, (our, their) in enumerate(zip(ours, theirs), 1) if our != their
    ]
    if len(ours) != len(theirs):
        differing.append(f"{other.name} has {len(theirs)} blocks, {one.name} has {len(ours)}")
    return differing


def in_a_network_of_its_own():
    """Restarts this script in a network namespace where the ports of the README are free, if possible."""
    if os.environ.get("README_NETWORK"):
        # The loopback interface of a new network is down.
        with socket.socket() as any_socket:
            request = struct.pack("16sH14s", b"lo", 0x1 | 0x40, b"")
            fcntl.ioctl(any_socket, 0x8914, request)
        return
    unshare = ["unshare", "--net"] if os.getuid() == 0 else ["unshare", "--net", "--map-current-user"]
    can = shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True)
    if not can or can.returncode != 0:
        print("  in the network of this machine: its ports 7420 to 7423 and 2113 must be free")
        return
    os.environ["README_NETWORK"] = "own"
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


def main():
    # A background process ignores Ctrl-C, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = REPOSITORY / "target" / "debug" / "doorbuster"
    parser.add_argument("binary", nargs="?", type=pathlib.Path, default=default)
    parser.add_argument("--only", help="sections whose title contains this, and the first sale")
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build")
    in_a_network_of_its_own()
    english, chinese = REPOSITORY / "README.md", REPOSITORY / "README.zh.md"
    page = blocks(english)
    if arguments.only:
        page = [block for block in page if arguments.only in block.section]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-readme-"))
    readme = Readme(arguments.binary.resolve(), scratch)
    try:
        for problem in same_commands(english, chinese):
            readme.fail(problem)
        readme.run(page)
    finally:
        readme.end()
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"\n{readme.ran} commands run, {len(readme.wrong)} problems", flush=True)
    sys.exit(1 if readme.wrong else 0)


if __name__ == "__main__":
    main()
