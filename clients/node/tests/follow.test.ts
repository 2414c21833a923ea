/** Order events: each once and in the order of the log, over kills and closed connections. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  type AddressInfo,
  connect,
  createServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  Doorbuster,
  DoorbusterError,
  type FollowOptions,
  type Input,
  InvalidRequest,
  LogChanged,
  type OrderFollower,
  Unavailable,
  v1,
} from "@doorbuster/client";
import { draft, Server, sell } from "./server.js";

const { PLACED, PAID } = v1.OrderEventKind;
const ORDERS = 40;
let server: Server;
let shop: Doorbuster;

before(async () => {
  server = await new Server().start();
  shop = new Doorbuster(server.http, { operator: "olga" });
});

after(async () => {
  await server.remove();
});

/** The next so many messages. */
async function taken<T>(follower: AsyncIterator<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  while (found.length < count) {
    const { value, done } = await follower.next();
    assert.ok(!done, "the follower ended");
    found.push(value);
  }
  return found;
}

/** The events of orders in the log, read by the command line from the data directory. */
async function logged(of: Server): Promise<{ position: bigint; eventId: string }[]> {
  const words = ["log", "read", "--json", "--data", join(of.directory, "data")];
  const size = { maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)(process.env.DOORBUSTER_BIN ?? "", words, size);
  const lines = stdout.trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as Record<string, string>);
  return events
    .filter(({ kind }) => kind === "OrderPlaced" || kind === "OrderPaid")
    .map(({ position, id }) => ({ position: BigInt(position ?? 0), eventId: id ?? "" }));
}

test("events come with tokens that continue", async () => {
  const itemId = await sell(shop, 3);
  const { order } = await shop.placeOrder({ itemId, buyer: "ann", units: 1 });
  await shop.placeOrder({ itemId, buyer: "bob", units: 1 });
  const { orderId, total } = order;
  await shop.recordPayment({ itemId, orderId, paymentReference: "bank-1", amount: total });
  const follower = shop.followOrders({ itemId, afterPosition: 0 });
  const [first, ...rest] = await taken(follower, 3);
  assert.ok(first);
  assert.deepEqual(
    [first, ...rest].map(({ event }) => event.kind),
    [PLACED, PLACED, PAID],
  );
  assert.equal(first.event.order?.order?.orderId, orderId);
  assert.equal(follower.resumeToken, rest[1]?.resumeToken);
  follower.close();
  assert.ok((await follower.next()).done);
  // The token counts, not the position where a consumer without a token begins.
  const { resumeToken } = first;
  const found = [];
  for await (const told of shop.followOrders({ itemId, resumeToken, afterPosition: 0 })) {
    found.push(told);
    if (found.length === 2) {
      break;
    }
  }
  assert.deepEqual(found, rest);
  const paid = shop.followOrders({ itemId, afterPosition: 0, kinds: [PAID] });
  assert.equal((await taken(paid, 1))[0]?.event.eventId, rest[1]?.event.eventId);
  await paid.return();
});

test("a follower outlasts kills of the server", async () => {
  const other = await new Server().start();
  const address = other.http.replace("http://", "");
  const failures: DoorbusterError[] = [];
  try {
    const client = new Doorbuster(other.http, { operator: "o", timeoutMs: 30_000, attempts: 1000 });
    const { sale } = await client.createSale({ sale: draft(ORDERS) });
    const itemId = sale.items[0]?.itemId ?? "";
    const onRetry = (error: DoorbusterError) => failures.push(error);
    const follower = client.followOrders({ afterPosition: 0, kinds: [PLACED, PAID] }, { onRetry });
    const following = taken(follower, 2 * ORDERS);
    for (let number = 0; number < ORDERS; number += 1) {
      const { order } = await client.placeOrder({ itemId, buyer: `buyer-${number}`, units: 1 });
      const { orderId, total } = order;
      const paymentReference = `bank-${number}`;
      await client.recordPayment({ itemId, orderId, paymentReference, amount: total });
      if (number === 13 || number === 26) {
        await other.end("SIGKILL");
        await other.start(address);
      }
    }
    const found = await following;
    await follower.return();
    assert.equal(await other.end(), 0);
    assert.deepEqual(
      found.map(({ event: { position, eventId } }) => ({ position, eventId })),
      await logged(other),
    );
    assert.ok(failures.length >= 2);
    assert.ok(failures.every((error) => error instanceof Unavailable));
  } finally {
    await other.remove();
  }
});

test("a server that stops ends no follower", async () => {
  const other = await new Server().start();
  const address = other.http.replace("http://", "");
  try {
    const client = new Doorbuster(other.http, { operator: "o", attempts: 1000 });
    const { sale } = await client.createSale({ sale: draft(2) });
    const itemId = sale.items[0]?.itemId ?? "";
    await client.placeOrder({ itemId, buyer: "ann", units: 1 });
    const follower = client.followOrders({ afterPosition: 0 });
    await taken(follower, 1);
    assert.equal(await other.end(), 0);
    await other.start(address);
    const { order } = await client.placeOrder({ itemId, buyer: "bob", units: 1 });
    const [told] = await taken(follower, 1);
    assert.equal(told?.event.orderId, order.orderId);
    await follower.return();
  } finally {
    await other.remove();
  }
});

test("a follower that waits or pauses is closed", async () => {
  const gone = new Doorbuster("http://127.0.0.1:1");
  for (const [client, options] of [
    [shop, {}],
    [gone, {}],
  ] as [Doorbuster, FollowOptions][]) {
    const follower = client.followOrders({}, options);
    const waiting = follower.next();
    await sleep(200);
    follower.close();
    assert.ok((await waiting).done);
    const left = new AbortController();
    const next = client.followOrders({}, { ...options, signal: left.signal }).next();
    await sleep(200);
    left.abort(new Error("the page was left"));
    await assert.rejects(next, /the page was left/);
  }
});

test("messages without an event move the token", async () => {
  const [itemId, other] = [await sell(shop, 1), await sell(shop, 200)];
  const over = new AbortController();
  const buying = (async () => {
    while (!over.signal.aborted) {
      await shop.placeOrder({ itemId: other, buyer: crypto.randomUUID(), units: 1 });
      await sleep(200);
    }
  })();
  const all = shop.followOrders({ itemId }, { progress: true });
  const told = await taken(all, 2);
  await all.return();
  assert.ok(told.every(({ event, resumeToken }) => !event && resumeToken));
  assert.equal(new Set(told.map(({ resumeToken }) => resumeToken)).size, 2);
  const resumeToken = told[0]?.resumeToken ?? "";
  const events = shop.followOrders({ itemId, resumeToken });
  const waiting = events.next();
  const end = Date.now() + 30_000;
  while (events.resumeToken === resumeToken) {
    assert.ok(Date.now() < end, "the token stayed");
    await sleep(100);
  }
  events.close();
  assert.ok((await waiting).done);
  over.abort();
  await buying;
});

/** Accepts connections, swallows what the first one sends, and forwards the others. */
async function muted(
  target: string,
): Promise<{ url: string; sockets: Socket[]; proxy: NetServer }> {
  const { port } = new URL(target);
  const sockets: Socket[] = [];
  const proxy = createServer((client) => {
    sockets.push(client);
    if (sockets.length > 1) {
      const forward = connect(Number(port), "127.0.0.1");
      client.pipe(forward).pipe(client);
      client.on("error", () => forward.destroy());
      forward.on("error", () => client.destroy());
    }
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, sockets, proxy };
}

test("a silent connection is replaced", async () => {
  const itemId = await sell(shop, 1);
  const { order } = await shop.placeOrder({ itemId, buyer: "ann", units: 1 });
  const { url, sockets, proxy } = await muted(server.http);
  const options = { idleTimeoutMs: 300 };
  const follower = new Doorbuster(url).followOrders({ itemId, afterPosition: 0 }, options);
  const [told] = await taken(follower, 1);
  assert.equal(told?.event.orderId, order.orderId);
  // What the consumer takes is no silence of the connection.
  const accepted = sockets.length;
  await sleep(600);
  await shop.cancelOrder({ itemId, orderId: order.orderId, buyer: "ann" });
  await taken(follower, 1);
  assert.equal(sockets.length, accepted);
  await follower.return();
  for (const socket of sockets) {
    socket.destroy();
  }
  proxy.close();
});

test("a follower gives up where it is told to", async () => {
  const gone = new Doorbuster("http://127.0.0.1:1").followOrders({}, { giveUpAfterMs: 500 });
  await assert.rejects(gone.next(), (error) => {
    assert.ok(error instanceof Unavailable);
    return error.reason === "CONNECTION_FAILED" && !error.maybeDone;
  });
  assert.ok((await gone.next()).done);
});

test("what the server says about the request is thrown", async () => {
  const itemId = await sell(shop, 1);
  await shop.placeOrder({ itemId, buyer: "ann", units: 1 });
  const follower = shop.followOrders({ itemId, afterPosition: 0 });
  const [told] = await taken(follower, 1);
  await follower.return();
  const other = await new Server().start();
  try {
    const resumeToken = told?.resumeToken ?? "";
    const elsewhere = new Doorbuster(other.http).followOrders({ resumeToken });
    await assert.rejects(elsewhere.next(), (error) => {
      assert.ok(error instanceof LogChanged && error instanceof InvalidRequest);
      return error.reason === "LOG_CHANGED" && error.field === "resume_token";
    });
  } finally {
    await other.remove();
  }
  const nonsense = "nonsense" as unknown as undefined;
  const mistakes: [string, Input<v1.FollowOrdersRequest>, FollowOptions][] = [
    ["resume_token", { resumeToken: "nonsense" }, {}],
    ["after_position", { afterPosition: 2n ** 40n }, {}],
    ["after_position", { afterPosition: -1 }, {}],
    ["item_id", { itemId: "nonsense" }, {}],
    ["sale_id", { saleId: "nonsense" }, {}],
    ["kinds[0]", { kinds: [99 as typeof PAID] }, {}],
    ["kinds", { kinds: nonsense ?? [] }, {}],
    ["idleTimeoutMs", {}, { idleTimeoutMs: 0 }],
    ["giveUpAfterMs", {}, { giveUpAfterMs: -1 }],
  ];
  for (const [field, input, options] of mistakes) {
    const first = async (): Promise<unknown> => (await takenFrom(input, options)).next();
    await assert.rejects(first(), (error) => {
      assert.ok(error instanceof InvalidRequest, String(error));
      assert.equal(error.field, field);
      return true;
    });
  }
  const lost = new Doorbuster(`${server.http}/prefix`).followOrders();
  await assert.rejects(
    lost.next(),
    (error) => error instanceof DoorbusterError && error.reason === "METHOD_UNKNOWN",
  );
});

async function takenFrom(
  input: Input<v1.FollowOrdersRequest>,
  options: FollowOptions,
): Promise<OrderFollower> {
  return shop.followOrders(input, options);
}
