/** Mistakes of the caller: each is an InvalidRequest that names its field. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Doorbuster, InvalidRequest, NotFound, readSale } from "@doorbuster/client";
import { saleFromJson } from "#dist/input.js";
import { draft, Server, sell } from "./server.js";

let server: Server;
let shop: Doorbuster;
let itemId: string;

before(async () => {
  server = await new Server().start();
  shop = new Doorbuster(server.http, { operator: "olga" });
  itemId = await sell(shop);
});

after(async () => {
  await server.remove();
});

/** What only a caller without a type checker can write. */
// biome-ignore lint/suspicious/noExplicitAny: that is the point of it
type Wrong = any;
const place = (fields: Wrong) => shop.placeOrder({ itemId, buyer: "ann", units: 1, ...fields });
const item = (fields: Wrong) => shop.createSale({ sale: draft(1, fields) });

const MISTAKES: [string, () => unknown][] = [
  ["units", () => place({ units: 0 })],
  ["units", () => place({ units: 1.5 })],
  ["units", () => place({ units: 2n ** 63n })],
  ["units", () => place({ units: "2" })],
  ["units", () => place({ units: null })],
  ["unitz", () => place({ unitz: 2 })],
  ["buyer", () => place({ buyer: "" })],
  ["buyer", () => place({ buyer: 7 })],
  ["item_id", () => place({ itemId: "nothing" })],
  ["request_id", () => place({ requestId: "7" })],
  ["max_total_minor", () => place({ maxTotalMinor: 0 })],
  ["max_total_minor", () => place({ maxTotalMinor: 2 ** 53 })],
  ["labels", () => place({ labels: { store: "pudong" } })],
  ["labels[0].value", () => place({ labels: [{ name: "store", value: 7 }] })],
  ["labels[0]", () => place({ labels: ["store"] })],
  ["coupon.cod", () => place({ coupon: { cod: "SAVE20" } })],
  ["if_denied", () => place({ ifDenied: 7 })],
  ["request", () => shop.getItem([] as Wrong)],
  ["timeoutMs", () => shop.getItem({ itemId }, { timeoutMs: 0 })],
  ["reason", () => shop.pauseSale({ saleId: itemId.split("/")[0] ?? "", reason: "" })],
  ["pay_by_time", () => shop.extendHold({ orderId: "x", payByTime: new Date("x"), reason: "r" })],
  ["sale", () => shop.createSale({ sale: "sale.json" as Wrong })],
  ["sale.nme", () => shop.createSale({ sale: { nme: "x" } as Wrong })],
  ["sale.open_time", () => shop.createSale({ sale: { openTime: "tomorrow" as Wrong } })],
  ["sale.items[0].unitPrice", () => item({ unitPrice: 3 })],
  ["sale.items[0].unit_price_minor", () => item({ unitPriceMinor: 1.5 })],
  ["sale.items[0].unit_price_minor", () => item({ unitPriceMinor: 0 })],
  ["sale.nme", () => saleFromJson('{"nme": "x"}')],
  ["sale.currency_code", () => saleFromJson('{"currencyCode": 3}')],
  ["sale", () => saleFromJson("name = 'a sale file of the command line'")],
  ["path", () => readSale("nothing.json")],
  ["url", () => new Doorbuster("127.0.0.1:7423")],
  ["url", () => new Doorbuster("ftp://127.0.0.1")],
  ["token", () => new Doorbuster(undefined, { token: "0123456789abcdef\n" })],
  ["headers", () => new Doorbuster(undefined, { headers: { traceparent: "ä" } })],
  ["connections", () => new Doorbuster(undefined, { connections: 0 })],
  ["attempts", () => new Doorbuster(undefined, { attempts: 0 })],
];

for (const [index, [field, mistake]] of MISTAKES.entries()) {
  test(`a mistake names its field: ${field} (${index})`, async () => {
    await assert.rejects(
      async () => mistake(),
      (error) => {
        assert.ok(error instanceof InvalidRequest, String(error));
        assert.equal(error.field, field, error.message);
        assert.ok(error.message.includes(field.split(".").at(-1) ?? ""), error.message);
        return !error.maybeDone;
      },
    );
  });
}

test("what is not there names its field", async () => {
  const orderId = "00000000-0000-4000-8000-000000000000";
  await assert.rejects(
    shop.getOrder({ itemId, orderId, buyer: "ann" }),
    (error) => error instanceof NotFound && error.field === "order_id",
  );
});
