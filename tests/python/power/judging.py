"""The disks that a run may have left, made and opened in several processes."""

import multiprocessing
import pathlib
import pickle
import random
import shutil
import tempfile
import typing

from torture.wire import Wire

from . import disk, opened, storm, trace

WORKERS = 2
SECONDS_MAX = 900
MEMORY = pathlib.Path("/dev/shm")
MEMORY_BYTES = 3 << 30
EARLY_SYNCS = 10


class Tried(typing.NamedTuple):
    """How much is tried: moments, disks at each, and moments whose disks are served, too."""

    points: int
    disks: int
    served: int


def points(recorded, tried, seed, since):
    """The moments of power losses, and what is tried at each: before and after syncs, while the log is copied,
    and anywhere."""
    chosen, names, begun = random.Random(seed), {}, {}
    commits, others, copied = [], [], []
    for record in recorded.records():
        path = names.get(record.file, "")
        if record.kind == trace.CREATE:
            names[record.file] = record.text()
        elif record.kind == trace.RENAME:
            names[record.file] = record.text().split("\0")[1]
        elif record.kind == trace.SYNC_BEGIN:
            begun[record.number] = path
        elif record.kind == trace.SYNC_END and "/views/" not in begun[record.value]:
            of = commits if begun[record.value].endswith("-wal") else others
            of.append(record.number)
        elif path.endswith("/log.db"):
            copied.append(record.number)
    total = recorded.now()
    # Where a log is made, or opened after a sync that failed.
    early = [number for number in others if number >= since][:EARLY_SYNCS]
    numbers = {*early, *(number + 1 for number in early), since + 1, total}
    shares = ((commits, 0.4), (others, 0.2), (copied, 0.2), (range(total), 0.2))
    for of, share in shares:
        of = [number for number in of if number >= since]
        numbers.update(
            number + chosen.randrange(2) for number in chosen.sample(of, min(len(of), int(tried.points * share)))
        )
    numbers = sorted(numbers)
    started = set(chosen.sample(numbers, min(tried.served, len(numbers))))
    rest = disk.STRATEGIES[2:]
    return [
        opened.Point(number, (*disk.STRATEGIES[:2], *chosen.sample(rest, tried.disks - 2)), number in started)
        for number in numbers
    ]


def judged(arguments, run, tried):
    """Opens the disks of all points of a run. Gives what was counted, and what was wrong."""
    wanted = points(trace.Trace(run.directory), tried, arguments.seed, run.since)
    path = run.directory / "run.pickle"
    with open(path, "wb") as file:
        pickle.dump((run, wanted), file)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    shares = [(arguments.binary, path, nth, f"{arguments.seed}-{nth}", results) for nth in range(WORKERS)]
    workers = [context.Process(target=work, args=share, daemon=True) for share in shares]
    for worker in workers:
        worker.start()
    counts, sentences = {}, []
    for _ in workers:
        found, said = results.get(timeout=SECONDS_MAX)
        sentences += said
        for name, value in found.items():
            counts[name] = counts.get(name, 0) + value
    for worker in workers:
        worker.join()
    return counts, sentences


def work(binary, path, share, seed, results):
    """Opens the disks of a share of the points, in a process of its own."""
    memory = MEMORY if has_room(MEMORY) else None
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="doorbuster-power-", dir=memory))
    try:
        with open(path, "rb") as file:
            run, wanted = pickle.load(file)
        results.put(open_all(binary, run, wanted[share::WORKERS], scratch, seed))
    except BaseException as error:
        results.put(({}, [f"the check itself failed: {type(error).__name__}: {error}"]))
        raise
    finally:
        shutil.rmtree(scratch)


def open_all(binary, run, wanted, scratch, seed):
    stubs = storm.stubs_of(scratch)
    promised = opened.Promised(run.told, run.log, run.calls)
    opener = opened.Opener(binary, scratch, promised, lambda address: Wire(*stubs, address, []), run.sale, seed)
    (scratch / "base").mkdir()
    power, wanted = disk.Disk(scratch / "base"), iter(wanted)
    point = next(wanted, None)
    for record in trace.Trace(run.directory).records():
        while point is not None and point.number == record.number:
            opener.at(power, point)
            point = next(wanted, None)
        power.apply(record)
    # The end of the trace.
    if point is not None:
        opener.at(power, point)
    return opener.counts, opener.sentences


def has_room(directory):
    return directory.is_dir() and shutil.disk_usage(directory).free > MEMORY_BYTES
