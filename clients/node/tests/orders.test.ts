/** The life of orders against a running server: placed, paid, refunded, found, exported. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import {
  checkedNumber,
  Doorbuster,
  HEAD,
  NotFound,
  Refused,
  RequestIdReused,
  readSale,
  timestampDate,
  v1,
} from "@doorbuster/client";
import { draft, Server, sell } from "./server.js";

const PRICE = 199_900n;
let server: Server;
let shop: Doorbuster;

before(async () => {
  server = await new Server().start();
  shop = new Doorbuster(server.http, { operator: "olga" });
});

after(async () => {
  assert.equal(await server.end(), 0);
  await server.remove();
});

const refusedFor = (reason: string) => (error: unknown) =>
  error instanceof Refused && error.reason === reason;

test("a sale is planned from a file and opens at its time", async () => {
  const planned = await readSale(new URL("../../../../examples/sale.json", import.meta.url));
  const requestId = randomUUID();
  const created = await shop.createSale({ sale: planned, requestId });
  const { saleId, openTime, items } = created.sale;
  assert.deepEqual(openTime && timestampDate(openTime), new Date("2098-11-10T16:00:00Z"));
  assert.deepEqual(await shop.createSale({ sale: planned, requestId }), created);
  assert.deepEqual((await shop.getSale({ saleId })).sale, created.sale);
  const phone = await shop.getItem({ itemId: `${saleId}/PHONE-256-BLACK` });
  assert.equal(phone.item.reserveUnits, 100n);
  const order = { itemId: items[0]?.itemId, buyer: "ann", units: 1 };
  await assert.rejects(shop.placeOrder(order), refusedFor("NOT_OPEN_YET"));
});

test("a sale is steered and closed", async () => {
  const created = await shop.createSale({ sale: draft(1) });
  const { saleId } = created.sale;
  const itemId = created.sale.items[0]?.itemId ?? "";
  const listed = await shop.listSales({ minPosition: created.position });
  assert.ok(listed.sales.some((line) => line.saleId === saleId));
  const closeTime = new Date(Date.now() + 7_200_000);
  const longer = await shop.rescheduleSale({ saleId, closeTime, reason: "units are left" });
  assert.deepEqual(longer.sale.closeTime && timestampDate(longer.sale.closeTime), closeTime);
  await shop.pauseSale({ saleId, reason: "the price is wrong" });
  await assert.rejects(shop.placeOrder({ itemId, buyer: "ann", units: 1 }), refusedFor("PAUSED"));
  await shop.resumeSale({ saleId, reason: "the price is right" });
  await shop.placeOrder({ itemId, buyer: "ann", units: 1 });
  await shop.closeSale({ saleId, reason: "over" });
  assert.equal((await shop.getItem({ itemId })).item.phase, v1.ItemPhase.CLOSED);
});

test("an order is placed, paid, refunded and settled", async () => {
  const itemId = await sell(shop, 3);
  const saleId = itemId.split("/")[0] ?? "";
  const { quote } = await shop.quotePrice({ itemId, units: 2 });
  const label = { name: "store", value: "pudong" };
  const { order } = await shop.placeOrder({
    itemId,
    buyer: "ann",
    units: 2,
    maxTotalMinor: quote.totalMinor,
    shopOrderId: "2026-17",
    labels: [label],
  });
  const { orderId } = order;
  assert.deepEqual([order.state, order.total?.amountMinor], [v1.OrderState.HELD, 2n * PRICE]);
  assert.equal((await shop.getItem({ itemId })).item.heldUnits, 2n);
  assert.deepEqual((await shop.getOrder({ itemId, orderId, buyer: "ann" })).order, order);
  const payment = { itemId, orderId, paymentReference: "p1", amount: order.total };
  const wrong = { ...payment, amount: { currencyCode: "CNY", amountMinor: 1 } };
  await assert.rejects(shop.recordPayment(wrong), refusedFor("WRONG_AMOUNT"));
  const declined = { itemId, orderId, paymentReference: "p0", code: "declined" };
  assert.equal((await shop.recordPaymentFailure(declined)).order.failedPayments, 1);
  const paid = await shop.recordPayment(payment);
  assert.equal(paid.order.state, v1.OrderState.PAID);
  assert.equal((await shop.recordPayment(payment)).position, paid.position, "a repeated callback");

  const reason = "it came back";
  const refunded = await shop.refundOrder({ orderId, units: 1, restock: true, reason });
  const due = refunded.order.dues.at(-1);
  assert.equal(due?.amountMinor, PRICE);
  const open = await shop.listRefundsDue({ orderId, minPosition: refunded.position });
  assert.deepEqual(
    open.refunds.map(({ dueId }) => dueId),
    [due?.dueId],
  );
  const dueId = due?.dueId ?? "";
  const settled = await shop.settleRefund({ dueId, reference: "transfer-1", reason });
  const report = await shop.getRefundReport({ itemId, minPosition: settled.position });
  assert.equal(report.totals[0]?.settled?.amount?.amountMinor, PRICE);

  const minPosition = HEAD;
  for (const found of [
    await shop.findOrder({ orderId, minPosition }),
    await shop.findOrder({ shopOrderId: "2026-17", saleId, minPosition }),
    await shop.findOrder({ label, saleId, minPosition }),
    await shop.listOrders({ buyer: "ann", itemId, state: v1.OrderState.PAID, minPosition }),
  ]) {
    assert.deepEqual(
      found.orders.map((record) => record.order?.orderId),
      [orderId],
    );
    assert.ok(found.freshness.position > 0n);
  }
  const { total } = await shop.getSalesSummary({ saleId, minPosition });
  assert.deepEqual([total.unitsSold, total.revenue?.amountMinor], [1n, PRICE]);
  const { levels } = await shop.getStockLevels({ itemId, minPosition });
  assert.deepEqual([levels[0]?.availableUnits, levels[0]?.soldUnits], [2n, 1n]);

  const exported = await shop.exportOrders({ saleId, reason: "noon" });
  const { number, sha256 } = exported.export;
  const fetched = await shop.fetchExport({ saleId, number, minPosition });
  assert.deepEqual(
    fetched.lines.map((line) => line.unitsToShip),
    [1n],
  );
  assert.equal(fetched.csv.split("\n").length, 3);
  const listed = await shop.listExports({ saleId, minPosition });
  assert.deepEqual(
    listed.exports.map((one) => one.sha256),
    [sha256],
  );
  const nothing = shop.exportOrders({ saleId, reason: "evening" });
  await assert.rejects(nothing, refusedFor("NOTHING_TO_EXPORT"));
});

test("holds are cancelled and extended", async () => {
  const itemId = await sell(shop, 2);
  const one = (await shop.placeOrder({ itemId, buyer: "ann", units: 1 })).order;
  const other = (await shop.placeOrder({ itemId, buyer: "bob", units: 1 })).order;
  await assert.rejects(
    shop.cancelOrder({ itemId, orderId: one.orderId, buyer: "eve" }),
    (error) => error instanceof NotFound && error.field === "order_id",
  );
  assert.ok(other.payByTime);
  const payByTime = new Date(timestampDate(other.payByTime).getTime() + 300_000);
  const extension = { orderId: other.orderId, payByTime, reason: "the bank is slow" };
  const extended = (await shop.extendHold(extension)).order;
  assert.deepEqual(extended.payByTime && timestampDate(extended.payByTime), payByTime);
  await shop.cancelOrder({ itemId, orderId: one.orderId, buyer: "ann" });
  await shop.cancelHold({ orderId: other.orderId, reason: "a bot" });
  const late = { itemId, orderId: one.orderId, paymentReference: "late", amount: one.total };
  let position = 0n;
  await assert.rejects(shop.recordPayment(late), (error) => {
    assert.ok(refusedFor("ORDER_CANCELLED")(error));
    position = (error as Refused).position;
    return true;
  });
  const dues = await shop.listRefundsDue({ orderId: one.orderId, minPosition: position });
  assert.deepEqual(
    dues.refunds.map((due) => due.amount?.amountMinor),
    [PRICE],
  );
});

test("a refusal tells why, and a repeated request gets the first answer", async () => {
  const itemId = await sell(shop, 2);
  const request = { itemId, buyer: "ann", units: 1, requestId: randomUUID() };
  const first = await shop.placeOrder(request);
  assert.deepEqual(await shop.placeOrder(request), first);
  const asked = { itemId, buyer: "ann", requestId: request.requestId };
  assert.deepEqual((await shop.getOutcome(asked)).order, first.order);
  await assert.rejects(
    shop.placeOrder({ ...request, units: 2 }),
    (error) => error instanceof RequestIdReused && error.requestId === request.requestId,
  );
  await assert.rejects(shop.placeOrder({ itemId, buyer: "bob", units: 2 }), (error) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual([error.reason, error.availableUnits], ["NOT_ENOUGH_UNITS", 1n]);
    return error.message !== "" && !error.maybeDone;
  });
  const cheap = { itemId, buyer: "bob", units: 1, maxTotalMinor: 1 };
  await assert.rejects(shop.placeOrder(cheap), (error) => {
    assert.ok(refusedFor("PRICE_CHANGED")(error));
    return (error as Refused).quote?.totalMinor === PRICE;
  });
});

test("numbers beyond 2^53 arrive as they were sent", async () => {
  const beyond = 2n ** 53n + 1n;
  const coupons = [
    { name: "ten", amountMinor: 1_000, minSpendMinor: 2_000, coupons: 5, budgetMinor: beyond },
  ];
  const goals = { revenueMinor: beyond };
  const { sale } = await shop.createSale({ sale: draft(5, {}, { coupons, goals }) });
  assert.equal(sale.goals?.revenueMinor, beyond);
  const batchId = sale.coupons[0]?.batchId ?? "";
  const { couponBatch } = await shop.getBatch({ batchId });
  assert.equal(couponBatch.budgetMinor, beyond);
  assert.notEqual(BigInt(Number(beyond)), beyond, "a number would be another one");
  assert.throws(() => checkedNumber(beyond), RangeError);
  assert.equal(checkedNumber(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);

  const itemId = sale.items[0]?.itemId ?? "";
  const { coupon } = await shop.claimCoupon({ batchId, buyer: "ann" });
  await assert.rejects(shop.claimCoupon({ batchId, buyer: "ann" }), refusedFor("OVER_BUYER_LIMIT"));
  const choice = { batch: batchId, couponId: coupon.couponId };
  const { order } = await shop.placeOrder({ itemId, buyer: "ann", units: 1, coupon: choice });
  assert.equal(order.total?.amountMinor, PRICE - 1_000n);
  const left = (await shop.getBatch({ batchId })).couponBatch;
  assert.equal(left.budgetLeftMinor, beyond - 1_000n);
  const listed = await shop.listCoupons({ saleId: sale.saleId, buyer: "ann" });
  assert.deepEqual(
    listed.coupons.map((one) => one.orderId),
    [order.orderId],
  );
  const foreign = shop.placeOrder({ itemId, buyer: "bob", units: 1, coupon: choice });
  await assert.rejects(foreign, (error) => {
    assert.ok(refusedFor("COUPON_REFUSED")(error));
    return (error as Refused).couponReason === "UNKNOWN";
  });
});

test("a hundred buyers at once get what there is", async () => {
  const itemId = await sell(shop, 10);
  const buyers = Array.from({ length: 100 }, (_, number) => `buyer-${number}`);
  const buy = async (buyer: string) => (await shop.placeOrder({ itemId, buyer, units: 1 })).order;
  const got = await Promise.allSettled(buyers.map(buy));
  const bought = got.filter((one) => one.status === "fulfilled");
  assert.equal(new Set(bought.map((one) => one.value.orderId)).size, 10);
  for (const one of got) {
    assert.ok(one.status === "fulfilled" || refusedFor("SOLD_OUT")(one.reason));
  }
});

test("any RPC can be called, and streams are followed", async () => {
  const itemId = await sell(shop, 1);
  const { position } = await shop.placeOrder({ itemId, buyer: "ann", units: 1 });
  const level = await shop.call(v1.DegradationService.method.getLevel);
  assert.equal(level.level, v1.ServiceLevel.FULL);
  const replay = v1.ReplayService.method.replayItem;
  let last = 0n;
  for await (const event of shop.stream(replay, { itemId, unpaced: true })) {
    last = event.position;
  }
  assert.equal(last, position);
  const unknown = shop.stream(replay, { itemId: randomUUID(), unpaced: true });
  await assert.rejects(unknown.next(), (error) => error instanceof NotFound);
  const left = new AbortController();
  const alerts = shop.stream(v1.AlertService.method.followAlerts, {}, { signal: left.signal });
  const first = alerts.next();
  left.abort(new Error("the page was left"));
  await assert.rejects(first, /the page was left/);
});
