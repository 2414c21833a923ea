/** Lost answers, servers that are away, and what is not tried again. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import {
  DeadlineExceeded,
  Doorbuster,
  type DoorbusterError,
  InvalidRequest,
  NotAllowed,
  NotFound,
  Refused,
  ServerFault,
  type Settings,
  Unavailable,
  v1,
} from "@doorbuster/client";
import { FAMILIES } from "#dist/errors.js";
import { isPassing, pauseMs } from "#dist/retry.js";
import { errorOf, failureOf } from "#dist/wire.js";
import { draft, LossyProxy, Server, sell } from "./server.js";

let server: Server;
let shop: Doorbuster;

before(async () => {
  server = await new Server().start();
  shop = new Doorbuster(server.http, { operator: "olga" });
});

after(async () => {
  await server.remove();
});

async function throughProxy(
  losses: number,
  settings: Settings,
  use: (client: Doorbuster, proxy: LossyProxy) => Promise<void>,
  target = server.http,
): Promise<void> {
  const proxy = new LossyProxy(target, losses);
  const url = await proxy.listen();
  try {
    await use(new Doorbuster(url, { operator: "olga", ...settings }), proxy);
  } finally {
    await proxy.close();
  }
}

function requestIds(proxy: LossyProxy): Set<string> {
  const of = (body: Uint8Array) => fromBinary(v1.PlaceOrderRequestSchema, body).requestId;
  return new Set(proxy.bodies.map(of));
}

async function failureOfCall(call: Promise<unknown>): Promise<DoorbusterError> {
  return call.then(
    () => assert.fail("the call must fail"),
    (error: DoorbusterError) => error,
  );
}

test("a lost answer is asked for again with the same request id", async () => {
  const itemId = await sell(shop, 5);
  await throughProxy(2, {}, async (client, proxy) => {
    const { order } = await client.placeOrder({ itemId, buyer: "ann", units: 1 });
    assert.equal(proxy.bodies.length, 3);
    assert.equal(requestIds(proxy).size, 1);
    assert.ok(proxy.headers.every((headers) => headers["x-item-id"] === itemId));
    const request = { itemId, orderId: order.orderId, buyer: "ann" };
    assert.deepEqual((await shop.getOrder(request)).order, order);
  });
  assert.equal((await shop.getItem({ itemId })).item.heldUnits, 1n, "three requests, one order");
});

test("attempts are bounded, and the error has the request id", async () => {
  const itemId = await sell(shop, 5);
  await throughProxy(9, { attempts: 3 }, async (client, proxy) => {
    const request = { itemId, buyer: "ann", units: 1 };
    const error = await failureOfCall(client.placeOrder(request));
    assert.ok(error instanceof Unavailable);
    assert.deepEqual([error.reason, error.maybeDone], ["CONNECTION_LOST", true]);
    assert.equal(proxy.bodies.length, 3);
    await shop.placeOrder({ ...request, requestId: error.requestId });
  });
  assert.equal((await shop.getItem({ itemId })).item.heldUnits, 1n);
});

test("answers are not asked for again", async () => {
  const itemId = await sell(shop, 1);
  await throughProxy(0, {}, async (client, proxy) => {
    for (const [call, family] of [
      [() => client.placeOrder({ itemId, buyer: "ann", units: 2 }), Refused],
      [() => client.placeOrder({ itemId, buyer: "ann", units: 0 }), InvalidRequest],
      [() => client.getItem({ itemId: randomUUID() }), NotFound],
    ] as const) {
      const before = proxy.bodies.length;
      assert.ok((await failureOfCall(call())) instanceof family);
      assert.equal(proxy.bodies.length, before + 1);
    }
  });
});

test("a call outlasts a restart of the server", async () => {
  const other = await new Server().start();
  try {
    const settings = { operator: "olga", timeoutMs: 30_000, attempts: 1_000 };
    const client = new Doorbuster(other.http, settings);
    const itemId = await sell(client, 2);
    await client.placeOrder({ itemId, buyer: "ann", units: 1 });
    const address = other.http.replace("http://", "");
    await other.end("SIGKILL");
    const second = client.placeOrder({ itemId, buyer: "bob", units: 1 });
    await other.start(address);
    assert.equal((await second).order.units, 1n);
    assert.equal((await client.getItem({ itemId })).item.heldUnits, 2n);
  } finally {
    await other.remove();
  }
});

test("the delay of the server is kept", async () => {
  const other = await new Server().start();
  try {
    const client = new Doorbuster(other.http, { operator: "olga" });
    const itemId = await sell(client, 2);
    const level = (name: string) =>
      other.run("level", "set", name, "--reason", "a test", "--operator", "olga");
    await level("closed");
    const request = { itemId, buyer: "ann", units: 1 };
    const error = await failureOfCall(client.placeOrder(request, { timeoutMs: 4_000 }));
    assert.ok(error instanceof Unavailable);
    assert.deepEqual([error.reason, error.retryAfterMs], ["SERVICE_CLOSED", 5_000]);
    assert.equal(error.maybeDone, false);
    const use = async (patient: Doorbuster, proxy: LossyProxy) => {
      const placed = patient.placeOrder(request, { timeoutMs: 30_000 });
      // The first attempt is refused before the level is raised.
      while (proxy.bodies.length === 0) {
        await new Promise(setImmediate);
      }
      await level("full");
      assert.equal((await placed).order.units, 1n);
      assert.equal(proxy.bodies.length, 2);
      assert.equal(requestIds(proxy).size, 1);
    };
    await throughProxy(0, {}, use, other.http);
  } finally {
    await other.remove();
  }
});

test("a server that does not answer ends the call at its deadline", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => silent.once("listening", done));
  const { port } = silent.address() as { port: number };
  const client = new Doorbuster(`http://127.0.0.1:${port}`, { timeoutMs: 100 });
  const call = client.placeOrder({ itemId: "x", buyer: "ann", units: 1 });
  const error = await failureOfCall(call).finally(() => silent.close());
  assert.ok(error instanceof DeadlineExceeded);
  assert.ok(error.maybeDone && error.requestId !== "");
});

test("more calls than connections wait, and no longer than their deadline", async () => {
  const itemId = await sell(shop, 3);
  const counted = { now: 0, most: 0 };
  const counting: typeof fetch = async (...request) => {
    counted.now += 1;
    counted.most = Math.max(counted.most, counted.now);
    try {
      return await fetch(...request);
    } finally {
      counted.now -= 1;
    }
  };
  const client = new Doorbuster(server.http, { connections: 2, fetch: counting });
  const buyers = Array.from({ length: 20 }, (_, number) => `buyer-${number}`);
  const got = await Promise.allSettled(
    buyers.map((buyer) => client.placeOrder({ itemId, buyer, units: 1 })),
  );
  assert.equal(got.filter((one) => one.status === "fulfilled").length, 3);
  assert.equal(counted.most, 2);

  const never: typeof fetch = () => new Promise(() => {});
  const stuck = new Doorbuster(server.http, { connections: 1, timeoutMs: 100, fetch: never });
  const request = { itemId, buyer: "ann", units: 1 };
  void stuck.placeOrder(request);
  const error = await failureOfCall(stuck.placeOrder(request));
  assert.ok(error instanceof DeadlineExceeded);
  assert.equal(error.maybeDone, false, "nothing of it was sent");
  const left = AbortSignal.abort(new Error("the buyer left"));
  await assert.rejects(stuck.placeOrder(request, { signal: left }), /the buyer left/);
});

test("operators need their token", async () => {
  const other = new Server();
  const { token } = other.newToken("operator", "olga");
  await other.start();
  try {
    for (const [settings, reason] of [
      [{}, "TOKEN_MISSING"],
      [{ token: "fedcba9876543210" }, "TOKEN_UNKNOWN"],
    ] as const) {
      const client = new Doorbuster(other.http, settings);
      const error = await failureOfCall(client.createSale({ sale: draft(1) }));
      assert.ok(error instanceof NotAllowed);
      assert.equal(error.reason, reason);
    }
    const client = new Doorbuster(other.http, { token });
    const { saleId } = (await client.createSale({ sale: draft(1) })).sale;
    const foreign = client.pauseSale({ saleId, reason: "a test", operator: "eve" });
    assert.equal((await failureOfCall(foreign)).reason, "OPERATOR_MISMATCH");
  } finally {
    await other.remove();
  }
});

test("what is no doorbuster is told", async () => {
  for (const [url, reasons] of [
    [`http://${server.grpc}`, ["CONNECTION_LOST", "ANSWER_UNREADABLE", "HTTP_400"]],
    [`${server.http}/prefix`, ["METHOD_UNKNOWN"]],
    ["http://127.0.0.1:1", ["CONNECTION_FAILED"]],
  ] as const) {
    const error = await failureOfCall(new Doorbuster(url, { attempts: 2 }).listSales());
    assert.ok(error instanceof ServerFault || error instanceof Unavailable);
    assert.ok(([...reasons] as string[]).includes(error.reason), error.reason);
  }
  const page = async () => new Response("<p>hello", { headers: { "content-type": "text/html" } });
  const error = await failureOfCall(new Doorbuster(undefined, { fetch: page }).listSales());
  assert.match(error.message, /7423/);
});

test("pauses grow with jitter above the delay of the server", () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 8];
  const highest = attempts.map((attempt) => pauseMs(attempt, 500, () => 1));
  assert.deepEqual(highest, [550, 600, 700, 900, 1300, 2100, 2500, 2500]);
  assert.deepEqual(
    new Set(attempts.map((attempt) => pauseMs(attempt, 500, () => 0))),
    new Set([500]),
  );
});

test("only what passes is tried again", () => {
  const debug = { retryDelay: "0.200s" };
  const delay = [{ type: "google.rpc.RetryInfo", debug }];
  const passing = Object.keys(FAMILIES).filter((code) => isPassing(errorOf({ code })));
  assert.deepEqual(passing.sort(), ["aborted", "unavailable"]);
  assert.ok(isPassing(errorOf({ code: "resource_exhausted", details: delay })), "an overload");
  assert.ok(!isPassing(errorOf({ code: "resource_exhausted" })), "a message that is too large");
  for (const status of [429, 502, 503, 504]) {
    assert.ok(isPassing(failureOf(status, "<html>")), String(status));
  }
  assert.ok(failureOf(401, "") instanceof NotAllowed);
});
