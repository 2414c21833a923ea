"""Tests `doorbuster devstore`, or any other server, with the Python client of EventStoreDB.

Each case is a typical use with the answers of the real server. After the last one the server is
restarted and all data must be unchanged. With `--connection` the same cases run on an existing server, in
streams of their own and without the restart.

Run it with `tests/python/run.sh conformance.py`.
"""

import argparse
import contextlib
import importlib.metadata
import json
import pathlib
import sys
import tempfile
import time
import traceback
import uuid

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.exceptions import (
    FailedPreconditionError,
    GrpcError,
    MaximumAppendSizeExceededError,
    NotFoundError,
    StreamIsDeletedError,
    WrongCurrentVersionError,
)

from devstore import Devstore

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENT = f"kurrentdbclient-{importlib.metadata.version('kurrentdbclient')}"
ANSWER_SECONDS_MAX = 20
DECADE_SECONDS = 3650 * 86400
# Twice the maximum append of a 24.10 server.
TOO_LARGE_BYTES = 2 << 20


class Cases:
    """Counts cases and prints one line for each."""

    def __init__(self):
        self.passed = self.failed = 0

    @contextlib.contextmanager
    def case(self, name):
        try:
            yield
        except Exception as error:  # Whatever goes wrong is the case's failure.
            self.failed += 1
            print(f"FAILED {CLIENT} {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        else:
            self.passed += 1
            print(f"ok {CLIENT} {name}", flush=True)


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def fails(kind, call, *arguments, **options):
    """The error of this kind that the call must return."""
    try:
        answer = call(*arguments, timeout=ANSWER_SECONDS_MAX, **options)
    except kind as error:
        return error
    raise AssertionError(f"it was answered instead of refused: {answer!r}")


def events(*kinds):
    """New events of these kinds, each with data and metadata of its own."""
    return [
        NewEvent(
            type=kind,
            data=json.dumps({"kind": kind, "note": "秒杀"}, ensure_ascii=False).encode(),
            metadata=json.dumps({"$correlationId": str(uuid.uuid4())}).encode(),
        )
        for kind in kinds
    ]


def facts(recorded):
    """The properties of a recorded event that must not change."""
    return (
        recorded.stream_name,
        recorded.stream_position,
        recorded.commit_position,
        recorded.id,
        recorded.type,
        recorded.data,
        recorded.metadata,
        recorded.content_type,
        recorded.recorded_at,
    )


class Store:
    """A client, and streams used by no other client."""

    def __init__(self):
        self.run = uuid.uuid4().hex[:12]
        self.client = None

    def connect(self, connection):
        if self.client:
            self.client.close()
        self.client = KurrentDBClient(connection)

    def name(self, what):
        return f"conform{self.run}-{what}"

    def append(self, what, state, new):
        """Appends a list: BatchAppend. One event alone goes through Append instead."""
        return self.client.append_to_stream(
            self.name(what), current_version=state, events=new, timeout=ANSWER_SECONDS_MAX
        )

    def read(self, what, **options):
        return self.client.get_stream(self.name(what), timeout=ANSWER_SECONDS_MAX, **options)

    def read_all(self, what, **options):
        found = self.client.read_all(
            filter_include=[self.name(what)],
            filter_by_stream_name=True,
            filter_by_prefix=True,
            timeout=ANSWER_SECONDS_MAX,
            **options,
        )
        with found:
            return list(found)

    def wrong_version(self, what, state, new):
        return fails(
            WrongCurrentVersionError,
            self.client.append_to_stream,
            self.name(what),
            current_version=state,
            events=new,
        )


def check_states(cases, store):
    """Each expected state, through BatchAppend and through Append, including the appends that must fail."""
    for way, form in [("BatchAppend", list), ("Append", lambda new: new[0])]:
        stream = way.lower()

        def append(state, *kinds, form=form, stream=stream):
            return store.append(stream, state, form(events(*kinds)))

        def wrong(state, form=form, stream=stream):
            return store.wrong_version(stream, state, form(events("never")))

        with cases.case(f"{way}: a stream that must exist and does not is refused"):
            equal(wrong(StreamState.EXISTS).actual_version, StreamState.NO_STREAM)
        with cases.case(f"{way}: a revision in a stream that does not exist is refused"):
            equal(wrong(0).actual_version, StreamState.NO_STREAM)
        with cases.case(f"{way}: no stream, then an exact revision, any, stream exists"):
            positions = [
                append(StreamState.NO_STREAM, "first"),
                append(0, "second"),
                append(StreamState.ANY, "third"),
                append(StreamState.EXISTS, "fourth"),
            ]
            equal(positions, sorted(set(positions)))
            found = store.read(stream)
            equal([event.stream_position for event in found], [0, 1, 2, 3])
            equal([event.commit_position for event in found], positions)
        for state, name in [
            (StreamState.NO_STREAM, "no stream where there is one"),
            (2, "a revision that has passed"),
            (4, "a revision that has not come"),
        ]:
            with cases.case(f"{way}: {name} is refused with the revision there is"):
                equal(wrong(state).actual_version, 3)
        with cases.case(f"{way}: what was refused left nothing behind"):
            equal([event.type for event in store.read(stream)][3:], ["fourth"])


def check_repeats(cases, store):
    first, second = events("one", "two"), events("three", "four")
    with cases.case("no stream, sent again, is the same success and writes nothing"):
        position = store.append("repeat", StreamState.NO_STREAM, first)
        equal(store.append("repeat", StreamState.NO_STREAM, first), position)
    with cases.case("an exact revision, sent again, is the same success and writes nothing"):
        position = store.append("repeat", 1, second)
        equal(store.append("repeat", 1, second), position)
        equal([event.id for event in store.read("repeat")], [e.id for e in first + second])
    with cases.case("any and stream exists, sent again, write nothing"):
        loose = events("five")
        for state in [StreamState.ANY, StreamState.ANY, StreamState.EXISTS]:
            store.append("repeat", state, loose)
        equal(len(store.read("repeat")), 5)
    with cases.case("a batch that was written in part only is refused"):
        store.wrong_version("repeat", 3, loose + events("six"))
        store.wrong_version("repeat", 1, [second[0], *events("other")])
        equal(len(store.read("repeat")), 5)
    with cases.case("equal ids in one new batch are all written"):
        same = events("same") * 6
        store.append("equal-ids", StreamState.ANY, same)
        equal(len(store.read("equal-ids")), 6)
        store.append("equal-ids", StreamState.ANY, same)
        store.append("equal-ids", StreamState.NO_STREAM, same)
        equal(len(store.read("equal-ids")), 6)


def check_reads(cases, store):
    written = events(*(f"kind-{n}" for n in range(100)))
    binary = NewEvent(
        type="binary", data=bytes(range(256)), content_type="application/octet-stream"
    )
    with cases.case("a stream reads forwards as it was written"):
        before = time.time()
        store.append("read", StreamState.NO_STREAM, written)
        store.append("read", 99, binary)
        found = store.read("read")
        equal([(e.id, e.type, e.data, e.metadata) for e in found],
              [(e.id, e.type, e.data, e.metadata) for e in [*written, binary]])
        equal([event.stream_position for event in found], list(range(101)))
        assert all(event.stream_name == store.name("read") for event in found)
        assert abs(found[0].recorded_at.timestamp() - before) < ANSWER_SECONDS_MAX, found[0]
        equal({event.content_type for event in found[:100]}, {"application/json"})
        equal(found[100].content_type, "application/octet-stream")
        positions = [event.commit_position for event in found]
        equal(positions, sorted(set(positions)))
    with cases.case("a stream reads backwards, from a revision, and no more than asked for"):
        equal([e.stream_position for e in store.read("read", backwards=True)],
              list(range(100, -1, -1)))
        equal([e.stream_position for e in store.read("read", stream_position=40, limit=3)],
              [40, 41, 42])
        equal([e.stream_position for e in
               store.read("read", stream_position=40, limit=3, backwards=True)], [40, 39, 38])
        equal(store.read("read", stream_position=101), ())
    with cases.case("a stream that does not exist is not found, either way"):
        fails(NotFoundError, store.client.get_stream, store.name("never"))
        fails(NotFoundError, store.client.get_stream, store.name("never"), backwards=True)
    with cases.case("$all reads both ways, filtered by prefixes of stream names"):
        store.append("readmore", StreamState.NO_STREAM, events("more"))
        forwards = store.read_all("read")
        equal([e.stream_name for e in forwards],
              [store.name("read")] * 101 + [store.name("readmore")])
        backwards = store.read_all("read", backwards=True)
        equal([facts(e) for e in backwards], [facts(e) for e in reversed(forwards)])
    with cases.case("$all from a position has that event forwards and not backwards"):
        middle = forwards[50].commit_position
        found = store.read_all("read", commit_position=middle, limit=2)
        equal([e.stream_position for e in found], [50, 51])
        found = store.read_all("read", commit_position=middle, limit=2, backwards=True)
        equal([e.stream_position for e in found], [49, 48])
    with cases.case("$all without a filter holds everything, in the order of positions"):
        everything = store.client.read_all(
            commit_position=forwards[0].commit_position,
            filter_exclude=(),
            limit=5,
            timeout=ANSWER_SECONDS_MAX,
        )
        with everything:
            positions = [event.commit_position for event in everything]
        equal(positions[0], forwards[0].commit_position)
        equal(positions, sorted(set(positions)))


def until_caught_up(subscription):
    """The events until the server reports that the client is caught up, and the number of checkpoints."""
    found, checkpoints = [], 0
    for message in subscription:
        if message.is_caught_up:
            return found, checkpoints
        if message.is_checkpoint:
            checkpoints += 1
        else:
            found.append(message)
    raise AssertionError(f"it ended after {len(found)} events and never caught up")


def check_subscriptions(cases, store):
    def subscribe(prefix="sub", **options):
        return store.client.subscribe_to_all(
            filter_include=[store.name(prefix)],
            filter_by_stream_name=True,
            filter_by_prefix=True,
            include_checkpoints=True,
            include_caught_up=True,
            timeout=ANSWER_SECONDS_MAX,
            **options,
        )

    store.append("sub", StreamState.NO_STREAM, events(*("sub" for _ in range(70))))
    store.append("other", StreamState.NO_STREAM, events(*("other" for _ in range(70))))
    store.append("sub2", StreamState.NO_STREAM, events("sub2"))
    with cases.case("$all by prefix: history, caught up, then live events"):
        with subscribe() as subscription:
            found, _ = until_caught_up(subscription)
            equal([e.stream_name for e in found],
                  [store.name("sub")] * 70 + [store.name("sub2")])
            store.append("other", 69, events("unseen"))
            store.append("sub", 69, events("live"))
            live = next(e for e in subscription if not e.is_checkpoint)
            equal((live.type, live.stream_position), ("live", 70))
    with cases.case("$all by prefix goes on after a position, without the event there"):
        with subscribe(commit_position=found[68].commit_position) as subscription:
            rest, _ = until_caught_up(subscription)
        equal([e.type for e in rest], ["sub", "sub2", "live"])
    with cases.case("$all from the end is caught up at once and then live"):
        with subscribe(from_end=True) as subscription:
            equal(until_caught_up(subscription)[0], [])
            store.append("sub2", 0, events("late"))
            late = next(e for e in subscription if not e.is_checkpoint)
            equal((late.type, late.stream_position), ("late", 1))
    with cases.case("$all by a prefix that matches nothing says how far it has come"):
        with subscribe("nobody") as subscription:
            found, checkpoints = until_caught_up(subscription)
        equal(found, [])
        assert checkpoints >= 1, "no checkpoint came"
    with cases.case("a stream: history after a revision, caught up, then live events"):
        one = store.client.subscribe_to_stream(
            store.name("sub2"),
            stream_position=0,
            include_caught_up=True,
            timeout=ANSWER_SECONDS_MAX,
        )
        with one as subscription:
            history, _ = until_caught_up(subscription)
            equal([e.type for e in history], ["late"])
            store.append("sub2", 1, events("live"))
            equal(next(subscription).type, "live")


def check_deletes(cases, store):
    def delete(what, state):
        store.client.delete_stream(store.name(what), current_version=state)

    def tombstone(what, state):
        store.client.tombstone_stream(store.name(what), current_version=state)

    def refuses_delete(kind, what, state):
        return fails(
            kind, store.client.delete_stream, store.name(what), current_version=state
        )

    with cases.case("a delete at a wrong revision, or of no stream, is refused"):
        store.append("soft", StreamState.NO_STREAM, events("one", "two", "three"))
        for state in [1, 3, StreamState.NO_STREAM]:
            equal(refuses_delete(WrongCurrentVersionError, "soft", state).actual_version, 2)
        for state in [0, StreamState.ANY, StreamState.EXISTS]:
            refuses_delete(NotFoundError, "absent", state)
        equal(len(store.read("soft")), 3)
    with cases.case("a deleted stream is not found; its events stay in $all"):
        delete("soft", 2)
        fails(NotFoundError, store.client.get_stream, store.name("soft"))
        equal([e.type for e in store.read_all("soft")], ["one", "two", "three"])
    with cases.case("a deleted stream does not exist for an append, but its revision is known"):
        fails(
            StreamIsDeletedError,
            store.client.append_to_stream,
            store.name("soft"),
            current_version=StreamState.EXISTS,
            events=events("never"),
        )
        equal(store.wrong_version("soft", 0, events("never")).actual_version, 2)
    with cases.case("a deleted stream that is written to again goes on counting"):
        store.append("soft", StreamState.NO_STREAM, events("four"))
        equal([(e.stream_position, e.type) for e in store.read("soft")], [(3, "four")])
        equal([e.stream_position for e in store.read("soft", backwards=True)], [3])
    with cases.case("a deleted stream that stays deleted"):
        store.append("gone", StreamState.NO_STREAM, events("one"))
        delete("gone", StreamState.EXISTS)
        fails(NotFoundError, store.client.get_stream, store.name("gone"))
    with cases.case("a tombstone at a wrong revision is refused"):
        store.append("hard", StreamState.NO_STREAM, events("one"))
        fails(
            WrongCurrentVersionError,
            store.client.tombstone_stream,
            store.name("hard"),
            current_version=7,
        )
    with cases.case("a tombstone ends a stream for ever, also one that never was"):
        tombstone("hard", 0)
        tombstone("unborn", StreamState.ANY)
        check_tombstones(store)
    with cases.case("metadata is set, read back, and bounds what a stream shows"):
        store.append("bounded", StreamState.NO_STREAM, events(*(f"n{n}" for n in range(10))))
        metadata = {"$maxCount": 3, "$maxAge": DECADE_SECONDS, "colour": "red"}
        store.client.set_stream_metadata(store.name("bounded"), metadata=metadata)
        equal(store.client.get_stream_metadata(store.name("bounded")), (metadata, 0))
        equal([e.type for e in store.read("bounded")], ["n7", "n8", "n9"])
        equal([e.type for e in store.read("bounded", backwards=True)], ["n9", "n8", "n7"])


def check_tombstones(store):
    for what in ["hard", "unborn"]:
        name = store.name(what)
        fails(StreamIsDeletedError, store.client.get_stream, name)
        # This client has no error of its own for what Append answers.
        forms = [(StreamIsDeletedError, list), (FailedPreconditionError, lambda new: new[0])]
        for state in [StreamState.ANY, StreamState.NO_STREAM, 0]:
            for kind, form in forms:
                fails(
                    kind,
                    store.client.append_to_stream,
                    name,
                    current_version=state,
                    events=form(events("never")),
                )
        fails(
            StreamIsDeletedError,
            store.client.delete_stream,
            name,
            current_version=StreamState.ANY,
        )


def check_restart(cases, store, server):
    streams = ["batchappend", "append", "repeat", "equal-ids", "read", "sub", "soft", "bounded"]
    new = events("before")

    def everything():
        found = {what: [facts(event) for event in store.read(what)] for what in streams}
        found["$all"] = [facts(event) for event in store.read_all("")]
        return found

    with cases.case("an append that is too large is refused and leaves nothing behind"):
        large = NewEvent(type="large", data=b'"' + b"x" * TOO_LARGE_BYTES + b'"')
        # This client has no error of its own for what Append answers.
        for kind, form in [(MaximumAppendSizeExceededError, [large]), (GrpcError, large)]:
            error = fails(
                kind,
                store.client.append_to_stream,
                store.name("large"),
                current_version=StreamState.ANY,
                events=form,
            )
            assert str(1 << 20) in str(error), error
        fails(NotFoundError, store.client.get_stream, store.name("large"))
    with cases.case("after a restart every event is where it was, as it was"):
        store.append("restart", StreamState.NO_STREAM, new)
        before = everything()
        code = server.stop()
        equal(code, 0)
        store.connect(server.start())
        after = everything()
        for what, found in before.items():
            equal(after[what], found)
    with cases.case("after a restart what was written is still recognised when it is sent again"):
        store.append("restart", StreamState.NO_STREAM, new)
        equal([event.id for event in store.read("restart")], [event.id for event in new])
        equal(store.wrong_version("restart", 4, events("never")).actual_version, 0)
    with cases.case("after a restart deleted streams are deleted"):
        fails(NotFoundError, store.client.get_stream, store.name("gone"))
        check_tombstones(store)
    with cases.case("after a restart streams go on where they were"):
        last = store.append("sub", 70, events("after"))
        assert last > before["$all"][-1][2], "a position was given twice"
        store.append("gone", StreamState.ANY, events("again"))
        equal([(e.stream_position, e.type) for e in store.read("gone")], [(1, "again")])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group()
    binary = REPOSITORY / "target" / "release" / "doorbuster"
    where.add_argument("--binary", type=pathlib.Path, default=binary)
    where.add_argument("--connection", help="a server that is there already; no restart then")
    arguments = parser.parse_args()
    if not arguments.connection and not arguments.binary.is_file():
        sys.exit(f"{arguments.binary} is missing: cargo build --release")

    cases, store = Cases(), Store()
    with tempfile.TemporaryDirectory(prefix="doorbuster-conformance-") as directory:
        server = Devstore(arguments.binary, directory)
        try:
            store.connect(arguments.connection or server.start())
            for check in [
                check_states,
                check_repeats,
                check_reads,
                check_subscriptions,
                check_deletes,
            ]:
                check(cases, store)
            if not arguments.connection:
                check_restart(cases, store, server)
        finally:
            if store.client:
                store.client.close()
            server.end()
    print(f"{cases.passed} passed, {cases.failed} failed", flush=True)
    sys.exit(1 if cases.failed else 0)


if __name__ == "__main__":
    main()
