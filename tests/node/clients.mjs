// A common interface to the two Node clients.

import { randomBytes, randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";

const load = createRequire(join(process.env.DOORBUSTER_NODE, "package.json"));

/** The clients, and their differences. */
export const CLIENTS = [
  // Reads through a library written in Rust, and can filter a read of $all.
  { module: "@kurrent/kurrentdb-client", client: "KurrentDBClient", state: "streamState", filters: true },
  // Pure JavaScript.
  { module: "@eventstore/db-client", client: "EventStoreDBClient", state: "expectedRevision", filters: false },
];

/** A client, and streams used by no other client. */
export class Store {
  #kind;
  #library;
  #run = randomBytes(6).toString("hex");

  constructor(kind) {
    this.#kind = kind;
    this.#library = load(kind.module);
    this.title = `${kind.module}-${load(`${kind.module}/package.json`).version}`;
  }

  async connect(connection) {
    await this.dispose();
    this.client = this.#library[this.#kind.client].connectionString(connection);
  }

  async dispose() {
    await this.client?.dispose();
  }

  get words() {
    return this.#library;
  }

  name(what) {
    return `conform${this.#run}-${what}`;
  }

  /** New events of these kinds, each with data and metadata of its own. */
  events(...kinds) {
    return kinds.map((type) =>
      this.#library.jsonEvent({
        id: randomUUID(),
        type,
        data: { type, note: "秒杀" },
        metadata: { $correlationId: randomUUID() },
      }),
    );
  }

  append(what, state, events) {
    return this.client.appendToStream(this.name(what), events, { [this.#kind.state]: state });
  }

  async read(what, options = {}) {
    return collect(this.client.readStream(this.name(what), options));
  }

  /** The events of $all in streams with that prefix. */
  async readAll(what, options = {}) {
    const prefix = this.name(what);
    if (this.#kind.filters) {
      const filter = this.#library.streamNameFilter({ prefixes: [prefix] });
      return collect(this.client.readAll({ ...options, filter }));
    }
    const all = await collect(this.client.readAll(options));
    return all.filter((event) => event.streamId.startsWith(prefix));
  }

  subscribe(what, options = {}) {
    const checkpoints = { reached: 0 };
    const filter = this.#library.streamNameFilter({
      prefixes: [this.name(what)],
      checkpointReached: () => {
        checkpoints.reached += 1;
      },
    });
    return new Feed(this.client.subscribeToAll({ ...options, filter }), checkpoints);
  }

  subscribeToStream(what, options = {}) {
    return new Feed(this.client.subscribeToStream(this.name(what), options), { reached: 0 });
  }
}

async function collect(reading) {
  const found = [];
  for await (const resolved of reading) {
    found.push(resolved.event);
  }
  return found;
}

/** A subscription, and a way to wait for its events. */
class Feed {
  events = [];
  caughtUp = 0;
  #subscription;
  #checkpoints;
  #waiting = [];
  #failure = null;

  constructor(subscription, checkpoints) {
    this.#subscription = subscription;
    this.#checkpoints = checkpoints;
    subscription.on("data", (resolved) => {
      this.events.push(resolved.event);
      this.#look();
    });
    subscription.on("caughtUp", () => {
      this.caughtUp += 1;
      this.#look();
    });
    subscription.on("error", (error) => {
      this.#failure = error;
      this.#look();
    });
  }

  get checkpoints() {
    return this.#checkpoints.reached;
  }

  /** Resolves when it is caught up and has delivered that many events. */
  seen(events) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, resolve, reject });
      this.#look();
    });
  }

  async end() {
    await this.#subscription.unsubscribe();
  }

  #look() {
    this.#waiting = this.#waiting.filter(({ events, resolve, reject }) => {
      if (this.#failure) {
        reject(this.#failure);
        return false;
      }
      if (this.caughtUp === 0 || this.events.length < events) {
        return true;
      }
      resolve(this.events);
      return false;
    });
  }
}
