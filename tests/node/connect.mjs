// The Connect client for browsers, run in Node, against `doorbuster serve`:
//
//     tests/node/run.sh connect.mjs [BINARY]
//
// Its messages come from the descriptors that the binary serves, so no code is generated. Covers
// unary calls in JSON and protobuf, a stream, failures with details, and what is refused.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const load = createRequire(join(process.env.DOORBUSTER_NODE, "package.json"));
const { createFileRegistry, createRegistry, fromBinary } = load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = load("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = load("@connectrpc/connect");
const { createConnectTransport } = load("@connectrpc/connect-web");

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const binary = resolve(process.argv[2] ?? join(repository, "target/release/doorbuster"));
const descriptors = readFileSync(join(repository, "crates/wire/src/generated/doorbuster.v1.bin"));
const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const registry = createRegistry(...files.files);

/** A server of its own; `end` stops it. */
async function serve() {
  const data = mkdtempSync(join(tmpdir(), "doorbuster-connect-"));
  const off = ["--web", "off", "--board", "off"];
  const words = ["serve", "--json", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const child = spawn(binary, [...words, ...off], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  for await (const line of createInterface({ input: child.stdout })) {
    const end = async () => {
      child.kill("SIGTERM");
      const code = await ended;
      rmSync(data, { recursive: true, force: true });
      return code;
    };
    return { url: JSON.parse(line).http, end };
  }
  throw new Error("the server ended before it listened");
}

function client(url, name, options = {}) {
  const transport = createConnectTransport({ baseUrl: url, jsonOptions: { registry }, ...options });
  return createClient(files.getService(`doorbuster.v1.${name}`), transport);
}

/** The failure of a call that must fail. */
async function failure(call) {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call must fail");
}

const seconds = (milliseconds) => ({ seconds: BigInt(Math.floor(milliseconds / 1000)), nanos: 0 });

async function createSale(url) {
  const now = Date.now();
  const answer = await client(url, "SaleService").createSale({
    requestId: randomUUID(),
    operator: "olga",
    sale: {
      name: "双十一",
      currencyCode: "CNY",
      openTime: seconds(now - 1_000),
      closeTime: seconds(now + 3_600_000),
      items: [
        {
          sku: "phone",
          title: "The phone",
          unitPriceMinor: 199_900n,
          timeToPay: { seconds: 900n, nanos: 0 },
          units: [{ warehouse: "north", units: 5n }],
        },
      ],
    },
  });
  return answer.sale.items[0].itemId;
}

const cases = {
  async "an order is placed and repeated"({ url, item }) {
    const shop = client(url, "PurchaseService");
    const request = { requestId: randomUUID(), itemId: item, buyer: "ming", units: 1n };
    const first = await shop.placeOrder(request);
    assert.equal(first.outcome.case, "order");
    assert.equal(first.outcome.value.units, 1n);
    assert.deepEqual(await shop.placeOrder(request), first);
  },
  async "protobuf is the same as JSON"({ url, item }) {
    const request = { requestId: randomUUID(), itemId: item, buyer: "li", units: 1n };
    const text = await client(url, "PurchaseService").placeOrder(request);
    const binary = client(url, "PurchaseService", { useBinaryFormat: true });
    assert.deepEqual(await binary.placeOrder(request), text);
  },
  async "a failure has its code, its reason and its field"({ url, item }) {
    const request = { requestId: randomUUID(), itemId: item, buyer: "ming", units: 0n };
    const error = await failure(client(url, "PurchaseService").placeOrder(request));
    assert.equal(error.code, Code.InvalidArgument);
    const details = error.details.map((detail) => [detail.type, detail.debug]);
    const of = Object.fromEntries(details);
    assert.equal(of["google.rpc.ErrorInfo"].reason, "INVALID_ARGUMENT");
    assert.equal(of["google.rpc.BadRequest"].fieldViolations[0].field, "units");
    assert.ok(error.details.every((detail) => detail.value.length > 0));
  },
  async "what is not there is not found"({ url }) {
    const error = await failure(client(url, "ItemService").getItem({ itemId: randomUUID() }));
    assert.equal(error.code, Code.NotFound);
  },
  async "a stream comes message by message"({ url, item }) {
    const kinds = [];
    for await (const event of client(url, "ReplayService").replayItem({ itemId: item, unpaced: true })) {
      kinds.push(event.kind);
    }
    assert.ok(kinds.includes("OrderPlaced"), kinds.join());
  },
  async "a stream that fails says why"({ url }) {
    const events = client(url, "ReplayService").replayItem({ itemId: "garbage", unpaced: true });
    const error = await failure(events[Symbol.asyncIterator]().next());
    assert.equal(error.code, Code.InvalidArgument);
  },
  async "a deadline ends a stream"({ url }) {
    const alerts = client(url, "AlertService").followAlerts({}, { timeoutMs: 300 });
    const error = await failure(alerts[Symbol.asyncIterator]().next());
    assert.equal(error.code, Code.DeadlineExceeded);
  },
};

const server = await serve();
let failed = 0;
try {
  const item = await createSale(server.url);
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run({ url: server.url, item });
      console.log(`  ok      ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`  FAILED  ${name}: ${error.stack}`);
    }
  }
} finally {
  const code = await server.end();
  if (code !== 0) {
    failed += 1;
    console.log(`  FAILED  the server ended with ${code}`);
  }
}
console.log(`${Object.keys(cases).length} cases, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
