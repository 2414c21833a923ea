/** Webhooks: what a running server sends is accepted, and nothing else is. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Doorbuster, webhooks } from "@doorbuster/client";
import { draft, Server } from "./server.js";

const SECRET = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString("base64")}`;
const OTHER = `whsec_${Buffer.from(Array.from({ length: 32 }, (_, n) => n + 1)).toString("base64")}`;
const NOW = 1_794_355_203;
const BODY =
  '{"type":"alert.raised","timestamp":"2026-11-11T00:00:03.000Z","data":{"position":9007199254740993,' +
  '"note":"9007199254740993 \\" 1","small":7,"part":0.5}}';

/** Headers as the specification says, without the code under test. */
function signed(secret = SECRET): Record<string, string> {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const digest = createHmac("sha256", key).update(`id-1.${NOW}.${BODY}`).digest("base64");
  const stamp = String(NOW);
  return { "webhook-id": "id-1", "webhook-timestamp": stamp, "webhook-signature": `v1,${digest}` };
}

const at = (now: number, tolerance = 300) => ({ now, tolerance });

test("the example of the specification is accepted", () => {
  // The signature that the libraries of Standard Webhooks have in their tests.
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const verified = () =>
    webhooks.verify(headers, '{"test": 2432232314}', secret, at(1_614_265_330));
  assert.throws(verified, webhooks.BodyInvalid);
});

test("a delivery is read, and its large numbers are exact", () => {
  for (const secret of [SECRET, SECRET.replace("whsec_", ""), [OTHER, SECRET]]) {
    for (const headers of [signed(), new Headers(signed())]) {
      const delivery = webhooks.verify(headers, Buffer.from(BODY), secret, at(NOW));
      assert.deepEqual([delivery.id, delivery.type], ["id-1", "alert.raised"]);
      assert.equal(delivery.timestamp.getTime(), NOW * 1000);
      const note = '9007199254740993 " 1';
      const data = { position: 9_007_199_254_740_993n, note, small: 7, part: 0.5 };
      assert.deepEqual(delivery.data, data);
    }
  }
});

test("one of several signatures is enough", () => {
  const headers = signed(OTHER);
  headers["webhook-signature"] += ` v1a,AAAA ${signed()["webhook-signature"]}`;
  assert.equal(webhooks.verify(headers, BODY, SECRET, at(NOW)).id, "id-1");
});

const { SignatureMissing, SignatureWrong, TimestampTooOld } = webhooks;
const WRONG: [Record<string, string>, string, typeof webhooks.WebhookError, RegExp][] = [
  [{ "webhook-id": "" }, BODY, SignatureMissing, /webhook-id/],
  [{ "webhook-timestamp": "" }, BODY, SignatureMissing, /webhook-timestamp/],
  [{ "webhook-timestamp": "soon" }, BODY, SignatureMissing, /webhook-timestamp/],
  [{ "webhook-signature": "" }, BODY, SignatureMissing, /webhook-signature/],
  [{ "webhook-signature": "v2,AA==" }, BODY, SignatureMissing, /v1/],
  [{ "webhook-signature": "v1,AA==" }, BODY, SignatureWrong, /no signature/],
  [{ "webhook-signature": "v1,ä" }, BODY, SignatureWrong, /no signature/],
  [{ "webhook-id": "id-2" }, BODY, SignatureWrong, /no signature/],
  [{ "webhook-timestamp": String(NOW - 1) }, BODY, SignatureWrong, /no signature/],
  [{}, `${BODY} `, SignatureWrong, /no signature/],
];

for (const [index, [headers, body, family, says]] of WRONG.entries()) {
  test(`what is not signed is refused (${index})`, () => {
    const verified = () => webhooks.verify({ ...signed(), ...headers }, body, SECRET, at(NOW));
    assert.throws(verified, (error) => error instanceof family && says.test(error.message));
  });
}

test("an old delivery and one of the future are refused", () => {
  for (const seconds of [-301, 301]) {
    const verified = (tolerance: number) =>
      webhooks.verify(signed(), BODY, SECRET, at(NOW + seconds, tolerance));
    assert.throws(() => verified(300), TimestampTooOld);
    assert.equal(verified(301).id, "id-1");
  }
  assert.throws(() => webhooks.verify(signed(), BODY, OTHER, at(NOW)), SignatureWrong);
  assert.throws(() => webhooks.verify(signed(), BODY, SECRET), TimestampTooOld, "by the clock");
});

test("a secret that cannot be is the caller's mistake", () => {
  for (const secret of ["", [], "whsec_!", `whsec_${"A".repeat(12)}`]) {
    assert.throws(() => webhooks.verify(signed(), BODY, secret, at(NOW)), /secret/);
  }
});

test("deliveries of a running server are verified", async () => {
  const received: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    received.push({ headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(204).end();
    receiver.emit("delivery");
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const server = new Server();
  const file = join(server.directory, "secret");
  writeFileSync(file, SECRET, { mode: 0o600 });
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  server.options.push("--webhook-url", url, "--webhook-secret-file", file);
  try {
    await server.start();
    const shop = new Doorbuster(server.http, { operator: "olga" });
    const { sale } = await shop.createSale({ sale: draft(1) });
    const delivered = once(receiver, "delivery");
    await shop.placeOrder({ itemId: sale.items[0]?.itemId ?? "", buyer: "ann", units: 1 });
    await delivered;
    const [first] = received;
    assert.ok(first);
    const delivery = webhooks.verify(first.headers, first.body, [OTHER, SECRET]);
    assert.equal(delivery.type, "alert.raised");
    assert.ok((delivery.data.position as number) > 0);
    assert.ok(Math.abs(delivery.timestamp.getTime() - Date.now()) < 60_000);
    const other = first.body.toString().replace("alert", "Alert");
    assert.throws(() => webhooks.verify(first.headers, other, SECRET), SignatureWrong);
  } finally {
    await server.remove();
    receiver.closeAllConnections();
    receiver.close();
  }
});
