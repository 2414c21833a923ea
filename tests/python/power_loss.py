"""Power losses under a running server: what left it is on every disk that one may leave.

    tests/python/run.sh power_loss.py [--binary target/release/doorbuster] [--points 240] [--only honest,late]

A recorder under the server writes down what it does to its files and what it syncs. Buyers order, pay, cancel and
repeat requests meanwhile; readers follow the log, the reports and the webhook. From the record, disks are made
that a power loss may leave at hundreds of moments, and each is opened: it must be accepted, hold everything that
had left the server by then, keep the promises, and sell on.

The same is done to servers that answer before their sync, which must be found, and to servers with a sync
that fails, which must lose nothing. On any other outcome it exits with 1 and keeps all files.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

from power import judging, plays

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
BROKEN = {"drop": "answers without any sync of the write-ahead log", "late": "answers before the sync has ended"}
ALL = ("counted", "honest", *BROKEN, *plays.FAILURES)
# What must not be, and what a broken server must show.
WRONG = ("refused", "unsound", "lost orders", "lost answers", "absent", "other history")
SHOWN = ("points", "states", "verified", "empty", "served", "sold on", *WRONG)


class Report:
    def __init__(self):
        self.rows, self.wrong = [], []

    def add(self, name, counts, sentences):
        self.rows.append((name, counts))
        found = {kind: counts.get(kind, 0) for kind in WRONG}
        if not counts.get("states") or len(counts) < len(SHOWN):
            self.wrong += [f"{name}: nothing was judged", *sentences]
        elif name not in BROKEN:
            self.wrong += [f"{name}: {sentence}" for sentence in sentences]
        elif not found["lost orders"] or not found["lost answers"]:
            self.wrong.append(f"{name}: a server that {BROKEN[name]} was not found")

    def print(self):
        names = [name for name, _ in self.rows]
        print("  " + " " * 20 + "".join(f"{name:>18}" for name in names))
        for kind in SHOWN:
            print(f"  {kind:<20}" + "".join(f"{counts.get(kind, 0):>18}" for _, counts in self.rows))
        for sentence in self.wrong:
            print(f"  WRONG  {sentence}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", type=pathlib.Path, default=REPOSITORY / "target/release/doorbuster")
    parser.add_argument("--points", type=int, default=240, help="power losses in the honest storm")
    parser.add_argument("--served", type=int, default=12, help="of these, also started as a server")
    parser.add_argument("--calls", type=int, default=5_000, help="answered calls of the honest storm")
    parser.add_argument("--pace", type=float, default=2_000, help="calls a second that are tried")
    parser.add_argument("--only", default=",".join(ALL), help="some of: %(default)s")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    if not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")
    print(f"  seed {arguments.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-power-"))
    play, report = plays.Plays(arguments, directory), Report()
    for name in arguments.only.split(","):
        started = time.monotonic()
        try:
            each(play, report, name)
        except Exception as error:  # Whatever it is, the files are kept.
            report.wrong.append(f"{name}: {type(error).__name__}: {error}")
        print(f"  {name:<22} {time.monotonic() - started:.1f} s", flush=True)
    report.wrong += play.wrong
    report.print()
    if report.wrong:
        print(f"  kept {directory}")
        sys.exit(1)
    shutil.rmtree(directory)


def each(play, report, name):
    arguments = play.arguments
    if name == "counted":
        return play.counted()
    if name == "honest":
        run, tried = play.honest(), judging.Tried(arguments.points, 6, arguments.served)
    elif name in BROKEN:
        run, tried = play.broken(name), judging.Tried(arguments.points // 12, 4, 0)
    else:
        run, tried = play.failing(name), judging.Tried(arguments.points // 12, 4, arguments.served // 6)
    report.add(name, *judging.judged(arguments, run, tried))


if __name__ == "__main__":
    main()
