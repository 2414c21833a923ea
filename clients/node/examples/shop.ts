/**
 * A shop's backend on doorbuster: a product page with live stock, orders, payments, refunds.
 *
 *     npx tsc --module nodenext --target es2022 shop.ts && node shop.js
 *     DOORBUSTER_URL=http://127.0.0.1:7423  # the server's HTTP/JSON port
 *     SHOP_PORT=8080
 *     SHOP_UNITS=5                          # how many there are to sell
 */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import {
  checkedNumber,
  Doorbuster,
  DoorbusterError,
  InvalidRequest,
  NotFound,
  Refused,
  timestampDate,
  v1,
} from "@doorbuster/client";

const PAGE = `<!doctype html><meta charset="utf-8"><title>TITLE</title><link rel="icon" href="data:,">
<h1>TITLE</h1><p id="price"></p><p><b id="stock"></b> left</p>
<input id="buyer" value="ann"> <button id="buy">Buy one</button><pre id="said"></pre>
<script>
const show = async () => {
  const item = await (await fetch("stock")).json();
  stock.textContent = item.available;
  price.textContent = (item.price_minor / 100).toFixed(2) + " " + item.currency;
  buy.disabled = item.available === 0;
};
buy.onclick = async () => {
  const body = JSON.stringify({ buyer: buyer.value });
  const answer = await fetch("orders", { method: "POST", body });
  said.textContent = JSON.stringify(await answer.json(), null, 2);
  await show();
};
show();
setInterval(show, 1000);
</script>`;

const shop = new Doorbuster(process.env.DOORBUSTER_URL, { operator: "shop" });

// Phones on sale for an hour; a buyer has three seconds to pay.
const phone = {
  sku: "PHONE",
  title: "Phone, 256 GB",
  unitPriceMinor: 199_900,
  timeToPay: { seconds: 3 },
  units: [{ warehouse: "hangzhou", units: Number(process.env.SHOP_UNITS ?? 5) }],
};
const times = { openTime: new Date(), closeTime: new Date(Date.now() + 3_600_000) };
const { sale } = await shop.createSale({
  sale: { name: "Double Eleven", currencyCode: "CNY", ...times, items: [phone] },
});
const itemId = `${sale.saleId}/${phone.sku}`;

type Form = Record<string, string & number>;

async function stock() {
  const { item } = await shop.getItem({ itemId });
  const { amountMinor = 0n, currencyCode } = item.unitPrice ?? {};
  // JSON.stringify takes no bigint.
  const [available, price_minor] = [item.availableUnits, amountMinor].map(checkedNumber);
  return { available, price_minor, currency: currencyCode };
}

/** The browser may send the id of its form, so that a second click is the same order. */
async function place({ buyer, request_id }: Form) {
  const request = { itemId, buyer, units: 1, channel: "web", requestId: request_id };
  const { order } = await shop.placeOrder(request);
  const total_minor = checkedNumber(order.total?.amountMinor ?? 0n);
  return {
    order: order.orderId,
    total_minor,
    pay_by: order.payByTime && timestampDate(order.payByTime),
  };
}

/** The payment provider's callback; it may come twice, and too late. */
async function payment({ order, reference, currency, amount_minor }: Form) {
  const amount = { currencyCode: currency, amountMinor: amount_minor };
  const paid = { itemId, orderId: order, paymentReference: reference, amount };
  try {
    return { state: v1.OrderState[(await shop.recordPayment(paid)).order.state] };
  } catch (late) {
    const bought_nothing = ["ORDER_EXPIRED", "ORDER_CANCELLED", "ALREADY_PAID"];
    if (!(late instanceof Refused) || !bought_nothing.includes(late.reason)) {
      throw late;
    }
    return { refused: late.reason, sent_back: await sendBack(order ?? "", late.position) };
  }
}

async function refund({ order, units }: Form) {
  const act = { orderId: order, units, restock: true, reason: "the buyer sent it back" };
  const { position } = await shop.refundOrder(act);
  return { sent_back: await sendBack(order ?? "", position) };
}

/** Settles what is due back for an order; here the shop would ask its provider for the transfer. */
async function sendBack(orderId: string, minPosition: bigint) {
  const { refunds } = await shop.listRefundsDue({ orderId, minPosition });
  return Promise.all(
    refunds.map(async ({ dueId, amount }) => {
      const reference = `transfer-${dueId}`;
      await shop.settleRefund({ dueId, reference, reason: "sent back" });
      return { amount_minor: checkedNumber(amount?.amountMinor ?? 0n), reference };
    }),
  );
}

async function formOf(request: IncomingMessage): Promise<Form> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
  }
  const form: unknown = JSON.parse(Buffer.concat(chunks).toString() || "{}");
  if (typeof form !== "object" || form === null || Array.isArray(form)) {
    throw new SyntaxError("not an object");
  }
  return form as Form;
}

function failed(error: unknown): [number, object] {
  if (error instanceof Refused) {
    return [409, { refused: error.reason, message: error.message }];
  }
  if (error instanceof InvalidRequest || error instanceof NotFound) {
    return [400, { field: error.field, message: error.message }];
  }
  if (error instanceof SyntaxError) {
    return [400, { field: "", message: "the body must be a JSON object" }];
  }
  if (error instanceof DoorbusterError) {
    return [503, { message: error.message, request_id: error.requestId }];
  }
  return [500, { message: String(error) }];
}

const PATHS: Record<string, (form: Form) => Promise<object>> = {
  "GET /stock": stock,
  "POST /orders": place,
  "POST /payments": payment,
  "POST /refunds": refund,
};

const server = createServer(async (request, response) => {
  const call = PATHS[`${request.method} ${request.url}`];
  if (request.url === "/") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(PAGE.replaceAll("TITLE", phone.title));
  } else if (!call) {
    response.writeHead(404).end();
  } else {
    const answered = formOf(request).then(call);
    const [status, said] = await answered.then((said) => [200, said] as const, failed);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(said));
  }
}).listen(Number(process.env.SHOP_PORT ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/ sells ${itemId}`);
});
