/**
 * The example shop over HTTP. DOORBUSTER_EXAMPLE names the compiled one beside an installed package; the
 * code of the README is there, too.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { firstLine, Server } from "./server.js";

const installed = process.env.DOORBUSTER_EXAMPLE;
const example = installed ?? fileURLToPath(new URL("../examples/shop.js", import.meta.url));

/** The parts of the answers that are looked at. */
interface Said {
  available: number;
  order: string;
  total_minor: number;
  sent_back: { amount_minor: number }[];
  refused: string;
  field: string;
}

test("the example sells and takes back", async () => {
  const server = await new Server().start();
  const env = { ...process.env, DOORBUSTER_URL: server.http, SHOP_PORT: "0" };
  const child = spawn(process.execPath, [example], { env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const url = (await firstLine(child)).split(" ")[0] ?? "";
    const get = async (path: string) => (await (await fetch(url + path)).json()) as Said;
    const post = async (path: string, body: unknown) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const answer = await fetch(url + path, { method: "POST", body: text });
      return { status: answer.status, said: (await answer.json()) as Said };
    };
    assert.match(await (await fetch(url)).text(), /Phone, 256 GB/);
    assert.equal((await get("stock")).available, 5);
    const late = (await post("orders", { buyer: "late" })).said.order;
    const { said: order } = await post("orders", { buyer: "ann" });
    assert.equal(order.total_minor, 199_900);
    assert.equal((await get("stock")).available, 3);
    const callback = {
      order: order.order,
      reference: "bank-1",
      currency: "CNY",
      amount_minor: 199_900,
    };
    for (const _ of [1, 2]) {
      assert.deepEqual((await post("payments", callback)).said, { state: "PAID" });
    }
    const back = (await post("refunds", { order: order.order, units: 1 })).said.sent_back;
    assert.deepEqual(
      back.map((one) => one.amount_minor),
      [199_900],
    );
    // The other hold lasts three seconds.
    const end = Date.now() + 30_000;
    while ((await get("stock")).available < 5) {
      assert.ok(Date.now() < end, "the hold did not expire");
      await sleep(50);
    }
    const tooLate = await post("payments", { ...callback, order: late, reference: "bank-2" });
    assert.equal(tooLate.said.refused, "ORDER_EXPIRED");
    assert.equal(tooLate.said.sent_back[0]?.amount_minor, 199_900);
    for (const [path, body, field] of [
      ["orders", {}, "buyer"],
      ["orders", "nonsense", ""],
      ["refunds", { order: order.order, units: "many" }, "units"],
    ] as const) {
      const wrong = await post(path, body);
      assert.deepEqual([wrong.status, wrong.said.field], [400, field]);
    }
    const refused = await post("refunds", { order: late, units: 1 });
    assert.deepEqual([refused.status, refused.said.refused], [409, "ORDER_EXPIRED"]);
  } finally {
    child.kill();
    await once(child, "exit");
    await server.remove();
  }
});

if (installed) {
  test("the code of the README runs", async () => {
    const server = await new Server().start();
    try {
      const code = readFileSync(join(dirname(installed), "readme.js"), "utf8");
      assert.ok(code.includes("http://127.0.0.1:7423"));
      const program = join(dirname(installed), "readme-here.js");
      writeFileSync(program, code.replace("http://127.0.0.1:7423", server.http));
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [program]);
      assert.deepEqual([stdout, stderr], ["5n\nPAID\n", ""]);
    } finally {
      await server.remove();
    }
  });
}
