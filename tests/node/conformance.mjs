// Tests `doorbuster devstore`, or any other server, with the Node clients of EventStoreDB.
//
// Each case is a typical use with the answers of the real server. After the last one the server is
// restarted and all data must be unchanged. With `--connection` the same cases run on an existing
// server, in streams of their own and without the restart.
//
// Run it with `tests/node/run.sh`.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { CLIENTS, Store } from "./clients.mjs";
import { Devstore } from "./devstore.mjs";

const CASE_MS_MAX = 30_000;
// Twice the maximum append of a 24.10 server.
const TOO_LARGE_CHARS = 2 << 20;
const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../..");

/** Counts cases and prints one line for each. */
class Cases {
  passed = 0;
  failed = 0;

  async run(store, name, body) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end after ${CASE_MS_MAX} ms`)), CASE_MS_MAX);
    });
    try {
      await Promise.race([body(), late]);
      this.passed += 1;
      console.log(`ok ${store.title} ${name}`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED ${store.title} ${name}: ${error.message}`);
      console.error(error.stack);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The error of this kind that the call must return. */
async function fails(type, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    assert.equal(error.type, type, error.stack);
    return error;
  }
  assert.fail(`it was answered instead of refused: ${answer}`);
}

/** The current state, as reported to a call that expected another one. */
async function wrongVersion(call) {
  const error = await fails("wrong-expected-version", call);
  return error.actualState ?? error.actualVersion;
}

const kinds = (events) => events.map((event) => event.type);
const revisions = (events) => events.map((event) => Number(event.revision));
const numbers = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);
const repeated = (kind, times) => Array.from({ length: times }, () => kind);

/** The properties of a recorded event that must not change. */
function facts(event) {
  const { streamId, id, revision, type, data, metadata, isJson, created, position } = event;
  return { streamId, id, revision, type, data, metadata, isJson, created, position };
}

async function checkStates(run, store) {
  const { ANY, NO_STREAM, STREAM_EXISTS } = store.words;
  const append = (state, kind) => store.append("states", state, store.events(kind));
  const wrong = (state) => wrongVersion(() => append(state, "never"));

  await run("a stream that must exist and does not is refused", async () => {
    assert.equal(await wrong(STREAM_EXISTS), "no_stream");
  });
  await run("a revision in a stream that does not exist is refused", async () => {
    assert.equal(await wrong(0n), "no_stream");
  });
  await run("no stream, then an exact revision, any, stream exists", async () => {
    const positions = [];
    const states = [NO_STREAM, 0n, ANY, STREAM_EXISTS];
    for (const [revision, state] of states.entries()) {
      const result = await append(state, `kind-${revision}`);
      assert.deepEqual([result.success, result.nextExpectedRevision], [true, BigInt(revision)]);
      assert.equal(result.position.commit, result.position.prepare);
      positions.push(result.position.commit);
    }
    assert.ok(positions.every((position, n) => n === 0 || position > positions[n - 1]));
    const found = await store.read("states");
    assert.deepEqual(revisions(found), [0, 1, 2, 3]);
    assert.deepEqual(found.map((event) => event.position.commit), positions);
  });
  for (const [state, name] of [
    [NO_STREAM, "no stream where there is one"],
    [2n, "a revision that has passed"],
    [4n, "a revision that has not come"],
  ]) {
    await run(`${name} is refused with the revision there is`, async () => {
      assert.equal(await wrong(state), 3n);
    });
  }
  await run("what was refused left nothing behind", async () => {
    assert.deepEqual(revisions(await store.read("states")), [0, 1, 2, 3]);
  });
}

async function checkRepeats(run, store) {
  const { ANY, NO_STREAM, STREAM_EXISTS } = store.words;
  const [first, second] = [store.events("one", "two"), store.events("three", "four")];
  const loose = store.events("five");
  const twice = async (state, events) => {
    const answers = [];
    for (let nth = 0; nth < 2; nth += 1) {
      const { success, nextExpectedRevision, position } = await store.append("repeat", state, events);
      answers.push({ success, nextExpectedRevision, position });
    }
    assert.deepEqual(answers[1], answers[0]);
    return answers[0].nextExpectedRevision;
  };
  await run("no stream, sent again, is the same success and writes nothing", async () => {
    assert.equal(await twice(NO_STREAM, first), 1n);
    assert.equal((await store.read("repeat")).length, 2);
  });
  await run("an exact revision, sent again, is the same success and writes nothing", async () => {
    assert.equal(await twice(1n, second), 3n);
    assert.equal(await twice(NO_STREAM, first), 1n);
    assert.equal((await store.read("repeat")).length, 4);
  });
  await run("any and stream exists, sent again, write nothing", async () => {
    assert.equal(await twice(ANY, loose), 4n);
    assert.equal(await twice(STREAM_EXISTS, loose), 4n);
    assert.equal((await store.read("repeat")).length, 5);
  });
  await run("a batch that was written in part only is refused", async () => {
    await wrongVersion(() => store.append("repeat", 3n, [...loose, ...store.events("six")]));
    await wrongVersion(() => store.append("repeat", 1n, [second[0], ...store.events("other")]));
    assert.equal((await store.read("repeat")).length, 5);
  });
}

async function checkReads(run, store) {
  const { NO_STREAM, FORWARDS, BACKWARDS, START, END } = store.words;
  const written = store.events(...numbers(0, 100).map((n) => `kind-${n}`));
  const bytes = Uint8Array.from(numbers(0, 256));
  const binary = store.words.binaryEvent({ type: "binary", data: bytes });
  let all = [];

  await run("a stream reads forwards as it was written", async () => {
    const before = Date.now();
    await store.append("read", NO_STREAM, written);
    await store.append("read", 99n, [binary]);
    const found = await store.read("read", { direction: FORWARDS, fromRevision: START });
    const told = ({ id, type, data, metadata }) => ({ id, type, data, metadata });
    assert.deepEqual(found.slice(0, 100).map(told), written.map(told));
    assert.deepEqual(revisions(found), numbers(0, 101));
    assert.ok(found.every((event) => event.streamId === store.name("read")));
    assert.deepEqual(found.map((event) => event.isJson), [...repeated(true, 100), false]);
    assert.deepEqual(Buffer.from(found[100].data), Buffer.from(bytes));
    assert.ok(Math.abs(found[0].created.getTime() - before) < CASE_MS_MAX);
  });
  await run("a stream reads backwards, from a revision, and no more than asked for", async () => {
    const backwards = await store.read("read", { direction: BACKWARDS, fromRevision: END });
    assert.deepEqual(revisions(backwards), numbers(0, 101).reverse());
    const three = { fromRevision: 40n, maxCount: 3 };
    assert.deepEqual(revisions(await store.read("read", three)), [40, 41, 42]);
    const back = await store.read("read", { ...three, direction: BACKWARDS });
    assert.deepEqual(revisions(back), [40, 39, 38]);
    assert.deepEqual(await store.read("read", { fromRevision: 101n }), []);
  });
  await run("a stream that does not exist is not found, either way", async () => {
    await fails("stream-not-found", () => store.read("never"));
    const backwards = { direction: BACKWARDS, fromRevision: END };
    await fails("stream-not-found", () => store.read("never", backwards));
  });
  await run("$all reads both ways", async () => {
    await store.append("readmore", NO_STREAM, store.events("more"));
    all = await store.readAll("read");
    const names = [...repeated(store.name("read"), 101), store.name("readmore")];
    assert.deepEqual(all.map((event) => event.streamId), names);
    assert.ok(all.every((event, n) => n === 0 || event.position.commit > all[n - 1].position.commit));
    const backwards = await store.readAll("read", { direction: BACKWARDS, fromPosition: END });
    assert.deepEqual(backwards.map(facts), all.map(facts).reverse());
  });
  await run("$all from a position has that event forwards and not backwards", async () => {
    const from = { fromPosition: all[50].position, maxCount: 2 };
    assert.deepEqual(revisions(await store.readAll("read", from)), [50, 51]);
    const back = await store.readAll("read", { ...from, direction: BACKWARDS });
    assert.deepEqual(revisions(back), [49, 48]);
  });
}

async function checkSubscriptions(run, store) {
  const { NO_STREAM, END } = store.words;
  const append = (what, state, ...types) => store.append(what, state, store.events(...types));
  await append("sub", NO_STREAM, ...repeated("sub", 70));
  await append("other", NO_STREAM, ...repeated("other", 70));
  await append("sub2", NO_STREAM, "sub2");
  const following = async (feed, body) => {
    try {
      return await body(feed);
    } finally {
      await feed.end();
    }
  };
  let history = [];

  await run("$all by prefix: history, caught up, then live events", () =>
    following(store.subscribe("sub"), async (feed) => {
      await feed.seen(71);
      assert.deepEqual(kinds(feed.events), [...repeated("sub", 70), "sub2"]);
      await append("other", 69n, "unseen");
      await append("sub", 69n, "live");
      history = await feed.seen(72);
      assert.deepEqual([history[71].type, history[71].revision], ["live", 70n]);
    }),
  );
  await run("$all by prefix goes on after a position, without the event there", () =>
    following(store.subscribe("sub", { fromPosition: history[68].position }), async (feed) => {
      assert.deepEqual(kinds(await feed.seen(3)), ["sub", "sub2", "live"]);
    }),
  );
  await run("$all from the end is caught up at once and then live", () =>
    following(store.subscribe("sub", { fromPosition: END }), async (feed) => {
      assert.deepEqual(await feed.seen(0), []);
      await append("sub2", 0n, "late");
      assert.deepEqual(kinds(await feed.seen(1)), ["late"]);
    }),
  );
  await run("$all by a prefix that matches nothing says how far it has come", () =>
    following(store.subscribe("nobody"), async (feed) => {
      assert.deepEqual(await feed.seen(0), []);
      assert.ok(feed.checkpoints >= 1, "no checkpoint came");
    }),
  );
  await run("a stream: history after a revision, caught up, then live events", () =>
    following(store.subscribeToStream("sub2", { fromRevision: 0n }), async (feed) => {
      assert.deepEqual(kinds(await feed.seen(1)), ["late"]);
      await append("sub2", 1n, "live");
      assert.deepEqual(kinds(await feed.seen(2)), ["late", "live"]);
    }),
  );
}

async function checkDeletes(run, store) {
  const { ANY, NO_STREAM, STREAM_EXISTS, BACKWARDS, END } = store.words;
  const append = (what, state, ...types) => store.append(what, state, store.events(...types));
  const remove = (what, expectedRevision) =>
    store.client.deleteStream(store.name(what), { expectedRevision });
  const tombstone = (what, expectedRevision) =>
    store.client.tombstoneStream(store.name(what), { expectedRevision });

  await run("a delete at a wrong revision, or of no stream, is refused", async () => {
    await append("soft", NO_STREAM, "one", "two", "three");
    for (const state of [1n, 3n, NO_STREAM]) {
      assert.equal(await wrongVersion(() => remove("soft", state)), 2n);
    }
    await wrongVersion(() => remove("absent", ANY));
    assert.equal((await store.read("soft")).length, 3);
  });
  await run("a deleted stream is not found; its events stay in $all", async () => {
    const { position } = await remove("soft", 2n);
    assert.equal(position.commit, position.prepare);
    await fails("stream-not-found", () => store.read("soft"));
    assert.deepEqual(kinds(await store.readAll("soft")), ["one", "two", "three"]);
  });
  await run("a deleted stream does not exist for an append, but its revision is known", async () => {
    await fails("stream-deleted", () => append("soft", STREAM_EXISTS, "never"));
    assert.equal(await wrongVersion(() => append("soft", 0n, "never")), 2n);
  });
  await run("a deleted stream that is written to again goes on counting", async () => {
    assert.equal((await append("soft", NO_STREAM, "four")).nextExpectedRevision, 3n);
    assert.deepEqual(revisions(await store.read("soft")), [3]);
    const backwards = { direction: BACKWARDS, fromRevision: END };
    assert.deepEqual(kinds(await store.read("soft", backwards)), ["four"]);
  });
  await run("a deleted stream that stays deleted", async () => {
    await append("gone", NO_STREAM, "one");
    await remove("gone", 0n);
    await fails("stream-not-found", () => store.read("gone"));
  });
  await run("a tombstone at a wrong revision is refused", async () => {
    await append("hard", NO_STREAM, "one");
    await wrongVersion(() => tombstone("hard", 7n));
  });
  await run("a tombstone ends a stream for ever, also one that never was", async () => {
    await tombstone("hard", 0n);
    await tombstone("unborn", ANY);
    await checkTombstones(store);
  });
  await run("metadata is set, read back, and bounds what a stream shows", async () => {
    await append("bounded", NO_STREAM, ...numbers(0, 10).map((n) => `n${n}`));
    await store.client.setStreamMetadata(store.name("bounded"), { maxCount: 3, colour: "red" });
    const { metadata } = await store.client.getStreamMetadata(store.name("bounded"));
    assert.deepEqual([metadata.maxCount, metadata.colour], [3, "red"]);
    assert.deepEqual(kinds(await store.read("bounded")), ["n7", "n8", "n9"]);
  });
}

async function checkTombstones(store) {
  const { ANY, NO_STREAM } = store.words;
  for (const what of ["hard", "unborn"]) {
    await fails("stream-deleted", () => store.read(what));
    for (const state of [ANY, NO_STREAM, 0n]) {
      await fails("stream-deleted", () => store.append(what, state, store.events("never")));
    }
    await fails("stream-deleted", () => store.client.deleteStream(store.name(what)));
  }
}

async function checkRestart(run, store, server) {
  const { ANY, NO_STREAM } = store.words;
  const streams = ["states", "repeat", "read", "sub", "soft", "bounded"];
  const written = store.events("before");
  const everything = async () => {
    const found = { $all: (await store.readAll("")).map(facts) };
    for (const what of streams) {
      found[what] = (await store.read(what)).map(facts);
    }
    return found;
  };

  await run("an append that is too large is refused and leaves nothing behind", async () => {
    const large = store.words.jsonEvent({ type: "large", data: "x".repeat(TOO_LARGE_CHARS) });
    const error = await fails("maximum-append-size-exceeded", () => store.append("large", ANY, [large]));
    assert.equal(error.maxAppendSize, 1 << 20);
    await fails("stream-not-found", () => store.read("large"));
  });
  await run("after a restart every event is where it was, as it was", async () => {
    await store.append("restart", NO_STREAM, written);
    const before = await everything();
    await store.dispose();
    assert.equal(await server.stop(), 0);
    await store.connect(await server.start());
    assert.deepEqual(await everything(), before);
  });
  await run("after a restart what was written is still recognised when it is sent again", async () => {
    const answer = await store.append("restart", NO_STREAM, written);
    assert.deepEqual([answer.success, answer.nextExpectedRevision], [true, 0n]);
    assert.deepEqual(revisions(await store.read("restart")), [0]);
    const never = () => store.append("restart", 4n, store.events("never"));
    assert.equal(await wrongVersion(never), 0n);
  });
  await run("after a restart deleted streams are deleted", async () => {
    await fails("stream-not-found", () => store.read("gone"));
    await checkTombstones(store);
  });
  await run("after a restart streams go on where they were", async () => {
    const answer = await store.append("sub", 70n, store.events("after"));
    assert.equal(answer.nextExpectedRevision, 71n);
    await store.append("gone", ANY, store.events("again"));
    assert.deepEqual(revisions(await store.read("gone")), [1]);
  });
}

async function checkClient(cases, kind, binary, connection) {
  const store = new Store(kind);
  const run = (name, body) => cases.run(store, name, body);
  const directory = mkdtempSync(join(tmpdir(), "doorbuster-conformance-"));
  const server = new Devstore(binary, directory);
  try {
    await store.connect(connection ?? (await server.start()));
    for (const check of [checkStates, checkRepeats, checkReads, checkSubscriptions, checkDeletes]) {
      await check(run, store);
    }
    if (!connection) {
      await checkRestart(run, store, server);
    }
    await store.dispose();
  } finally {
    server.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

const { values: given } = parseArgs({
  options: {
    binary: { type: "string", default: join(REPOSITORY, "target/release/doorbuster") },
    connection: { type: "string" },
  },
});
if (!given.connection && !existsSync(given.binary)) {
  console.error(`${given.binary} is missing: cargo build --release`);
  process.exit(1);
}
const cases = new Cases();
for (const kind of CLIENTS) {
  await checkClient(cases, kind, given.binary, given.connection);
}
console.log(`${cases.passed} passed, ${cases.failed} failed`);
// A client may keep a connection open, which would keep the process running.
process.exit(cases.failed ? 1 : 0);
