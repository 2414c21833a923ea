// Tests the board in a real browser: a demonstration is watched, steered by keyboard alone, killed and
// restarted, and viewed afterwards.
//
// Checked: no errors on the console, no request to another host; figures change; a pause from the page
// turns attempts into refusals until it is lifted; pausing and resuming the sale, a limit, added and
// released units and the level are confirmed and appear on the page and in the log; what a reserve plan
// proposes is released from its panel; charts are not blank; the page reports stale data within three
// seconds of a kill and recovers without a reload; the figures of the last second equal the report, and
// those of two earlier ones a replay of the log; playback works; a waiting page is replaced by the
// post-mortem; markup in names is shown as text; a sale of 3,000 items is searched, sorted and paged
// quickly; the nodes that share a store are listed, and one that is killed is suspected; both languages;
// no horizontal overflow.
// Screenshots for inspection are kept in target/screenshots.
//
// Run it with `tests/node/run.sh board.mjs [BINARY]`. CHROMIUM names the browser [default: chromium].

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../..");
const SCREENSHOTS = join(REPOSITORY, "target/screenshots");
const BINARY = resolve(process.argv[2] ?? join(REPOSITORY, "target/release/doorbuster"));
const QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE = 90_000;
/** Console messages of a browser whose server is down; expected after the kill. */
const NOBODY_THERE = /net::ERR_(CONNECTION|INCOMPLETE|EMPTY)/;
/** Close to the maximum that fits into the event that creates a sale. */
const ITEMS = 3_000;
const HOSTILE = [
  `<img src=x onerror="window.hacked=1">`,
  `"><script>window.hacked=1</script>`,
  `' data-act='close-sale' x='`,
];

const modules = process.env.DOORBUSTER_NODE ?? join(REPOSITORY, "target/node");
const { chromium } = createRequire(join(resolve(modules), "package.json"))("playwright-core");

const home = mkdtempSync(join(tmpdir(), "doorbuster-board-"));
const data = join(home, "data");
const children = [];

/** Starts the program and waits for its start message. */
function start(words, ready) {
  const child = spawn(BINARY, words, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let said = "";
  const there = new Promise((found, lost) => {
    const hear = (bytes) => {
      said += bytes;
      const match = ready.exec(said);
      if (match) found(match);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => lost(new Error(`${words[0]} ended with ${code}: ${said}`)));
  });
  return { child, there, said: () => said };
}

async function until(what, check) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    if (await check()) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  assert.fail(`never: ${what}`);
}

const number = (text) => Number(text.replace(/[^0-9-]/g, ""));
const tile = async (page, key) => number(await page.locator(`[data-tile="${key}"] b`).textContent());

/** Steers with keys only. */
async function steer(page, button, reason, fields = {}) {
  await page.locator(button).first().focus();
  await page.keyboard.press("Enter");
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`#steer[open] [name=${name}]`);
    // The dialog loads the warehouses when it opens.
    if (name === "warehouse") await field.locator("option").first().waitFor({ state: "attached" });
    await field.focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.type(value);
    assert.equal(await field.inputValue(), value, `${name} takes what is typed`);
  }
  await page.locator("#steer[open] input[name=reason]").focus();
  await page.keyboard.type(reason);
  await page.keyboard.press("Enter");
  await page.locator("#steer .answer.good").waitFor({ timeout: 30_000 });
  assert.match(await page.locator("#steer .answer").textContent(), /revision \d+/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#steer[open]").count(), 0, "Escape closes the dialog");
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "BODY", "focus returns");
}

/** A failed request may have taken effect; a repeat uses the same request id. */
async function sentAgain(page, complaints) {
  const sent = [];
  await page.route("**/items/*/steer", (route) => {
    sent.push(route.request().postDataJSON().request_id);
    return sent.length === 1 ? route.fulfill({ status: 503, json: { error: "the store is unavailable" } }) : route.continue();
  });
  await page.locator("#items tbody tr:last-child [data-act=pause-item]").click();
  await page.locator("#steer[open] input[name=reason]").fill("sent twice");
  await page.keyboard.press("Enter");
  await page.locator("#steer .answer.bad").waitFor();
  await page.locator("#steer .go").click();
  await page.locator("#steer .answer.good").waitFor();
  await page.keyboard.press("Escape");
  await page.unroute("**/items/*/steer");
  assert.match(sent[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(sent, [sent[0], sent[0]]);
  assert.match(complaints.pop() ?? "", /503/);
  await steer(page, "#items tbody tr:last-child [data-act=resume-item]", "enough seen");
}

async function pictures(page, name) {
  for (const [size, width] of Object.entries({ phone: 360, desk: 1280, wall: 1920 })) {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
      assert.ok(wide <= width, `${name} is ${wide} wide on a screen of ${width}`);
      await page.screenshot({ path: join(SCREENSHOTS, `board-${name}-${size}-${colorScheme}.png`), fullPage: true });
    }
  }
}

async function watched(browser) {
  const demo = start(
    ["demo", "--data", data, "--units", "600", "--items", "3", "--seconds", "40", "--stay"],
    /to (http:\S+)[^]*board: (http:\S+)\s+token: (\S+)/,
  );
  const [, server, live, token] = await demo.there;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => assert.match(request.url(), /^http:\/\/127\.0\.0\.1:/));
  await page.goto(`${live}#operator=${token}`);
  assert.equal(await page.evaluate(() => location.hash), "", "the token leaves the address");
  await page.locator("body.operator").waitFor();
  const before = await tile(page, "orders");
  await until("figures move", async () => (await tile(page, "orders")) > before);

  await steer(page, "[data-act=pause-item]", "seen in a browser");
  const paused = page.locator("#refusals h3", { hasText: "paused" });
  await until("attempts are refused as paused", async () => (await paused.count()) > 0);
  await steer(page, "[data-act=resume-item]", "enough seen");
  await sentAgain(page, complaints);
  const drawn = await page.evaluate(() =>
    ["stock", "rate"].map((id) => {
      const lines = [...document.querySelectorAll(`#${id} path.line.one`)];
      return lines.some((line) => line.getBoundingClientRect().height > 5);
    }),
  );
  assert.deepEqual(drawn, [true, true], "charts are not blank");
  const latency = await page.locator("#latency path.line.four").first().evaluate((line) => line.getBoundingClientRect().width);
  assert.ok(latency > 2, "how long orders take is drawn");
  await page.locator("details[data-rows=rate] summary").click();
  await page.locator("#rows-rate tbody tr").first().waitFor();
  await page.locator("#search").fill("DEMO-2");
  await until("items are searched", async () => (await page.locator("#items tbody tr").count()) === 1);
  await page.locator("#search").fill("");
  await pictures(page, "live");

  assert.deepEqual(complaints, [], "the browser complains");
  await until("the sale ends", () => /the board stays/.test(demo.said()));
  await page.locator("#fresh[data-state=good]").waitFor({ timeout: 30_000 });
  await until("the page says so", async () => (await page.locator(".state.closed").count()) > 0);
  const file = join(home, "token");
  writeFileSync(file, token, { mode: 0o600 });
  process.env.DOORBUSTER_TOKEN_FILE = file;
  return { demo, page, server, live, complaints };
}

/** Kills the program and restarts it on the same ports. */
async function recovered({ demo, page, server, live }) {
  await page.evaluate(() => (window.sameDocument = true));
  demo.child.kill("SIGKILL");
  const killed = Date.now();
  await page.locator("#fresh[data-state=stale]").waitFor({ timeout: 10_000 });
  const took = Date.now() - killed;
  assert.ok(took < 3_000, `stale only after ${took} ms`);
  const [listen, board] = [server, live].map((url) => new URL(url).host);
  const words = ["serve", "--data", data, "--listen", listen, "--http", "off", "--web", "off", "--board", board];
  words.push("--tokens-file", join(data, "demo-tokens"), "--public-routes", "board");
  await start(words, /the board on/).there;
  await page.locator("#fresh[data-state=good]").waitFor({ timeout: 30_000 });
  assert.ok(await page.evaluate(() => window.sameDocument), "the page was loaded again");
  return took;
}

const then = async (page, key) => number(await page.locator(`[data-then="${key}"] b`).textContent());

/** The name of a time on the page and in a replay of the log. */
const FIGURES = {
  allocated: "allocated_units",
  available: "available_units",
  held: "held_units",
  sold: "units_sold",
  placed: "orders_placed",
  paid: "orders_paid",
};

/** Moves the slider to a time and waits until it shows the result of a replay up to there. */
async function asReplayed(page, sale, ms) {
  await page.locator("#track").evaluate((track, at) => {
    track.value = at;
    track.dispatchEvent(new Event("input"));
  }, ms);
  assert.equal(Number(await page.locator("#track").inputValue()), ms);
  const words = ["replay", sale, "--data", data, "--unpaced", "--json", "--to", new Date(ms).toISOString()];
  const told = JSON.parse(execFileSync(BINARY, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const expected = Object.fromEntries(Object.entries(FIGURES).map(([key, name]) => [key, Number(told[name])]));
  await until(`the slider shows ${JSON.stringify(expected)}`, async () => {
    const shown = {};
    for (const key of Object.keys(FIGURES)) shown[key] = await then(page, key);
    return JSON.stringify(shown) === JSON.stringify(expected);
  });
  return expected;
}

/** The sale as of its last second equals the report, earlier seconds equal a replay of the log. */
async function lookedBack(page, server, live) {
  const sale = live.split("/").pop();
  await page.goto(`${live}/after`);
  await page.locator("[data-then=sold]").waitFor({ timeout: 30_000 });
  const report = execFileSync(BINARY, ["report", "sales", sale, "--server", server, "--json"], { encoding: "utf8" });
  const { total } = JSON.parse(report);
  const sold = await then(page, "sold");
  assert.equal(sold, Number(total.units_sold));
  assert.equal(await then(page, "placed"), Number(total.orders_placed));
  assert.equal(await then(page, "paid"), Number(total.orders_paid));

  const track = page.locator("#track");
  const [from, last] = await track.evaluate(({ min, max }) => [Number(min), Number(max)]);
  const seconds = Math.floor((last - from) / 1000);
  const early = await asReplayed(page, sale, from + Math.floor(seconds / 4) * 1000);
  const later = await asReplayed(page, sale, from + Math.floor(seconds / 2) * 1000);
  assert.ok(early.placed > 0 && early.placed < later.placed, "the moments differ");

  await track.focus();
  await page.keyboard.press("Home");
  await until("the slider shows the opening", async () => (await then(page, "sold")) < sold);
  await page.locator("#speed").selectOption("1");
  await page.locator("#play").click();
  await until("playback at 1x moves", async () => Number(await track.inputValue()) >= from + 2_000);
  await page.locator("#play").click();
  await page.locator("#figures .tiles").waitFor({ timeout: 30_000 });
  await pictures(page, "after");

  await page.goto(`${live}?lang=zh`);
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-Hans");
  assert.match(await page.locator("#t-items").textContent(), /商品/);
  await pictures(page, "zh");
  await page.goto(new URL("/log?lang=en", live).href);
  await page.locator(".log tbody tr").first().waitFor();
  await pictures(page, "log");
}

/** The waiting page of a post-mortem is replaced by it when it is ready. */
async function waited(page, live, complaints) {
  const before = complaints.length;
  const list = await (await fetch(new URL("/?lang=en", live))).text();
  const body = list.replace('data-page="list"', 'data-page="waiting"').replace("</h1>", '</h1><p id="waits"></p>');
  let asked = 0;
  const headers = { "Retry-After": "1", "Content-Type": "text/html" };
  const written = /\/(post-mortem|figures)(\?|$)/;
  await page.route(written, (route) => {
    asked += 1;
    return asked <= 2 ? route.fulfill({ status: 503, headers, body }) : route.continue();
  });
  await page.goto(`${live}/post-mortem`);
  assert.equal(await page.locator("#waits").count(), 1, "the page waits");
  await page.locator("body:not([data-page]) h1").first().waitFor({ timeout: 30_000 });
  await page.unroute(written);
  const said = complaints.splice(before);
  assert.ok(said.every((complaint) => /503/.test(complaint)), `the browser complains: ${said}`);
}

/** Creates a sale from a file and opens its page. */
async function putUp(page, server, live, name, text) {
  const file = join(home, `${name}.toml`);
  writeFileSync(file, text);
  const words = ["sale", "create", "-f", file, "--server", server, "--json"];
  const { sale } = JSON.parse(execFileSync(BINARY, words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  await page.goto(new URL(`/sales/${sale.sale_id}?lang=en`, live).href);
  await page.locator("#fresh[data-state=good]").waitFor({ timeout: 30_000 });
}

/** The other acts of an operator: each is confirmed and appears on the page and in the log. */
async function steered(page, server, live) {
  const item = 'sku = "S-1"\ntitle = "thing"\nunit_price_minor = 1\ntime_to_pay_seconds = 60';
  const head = ['name = "Steered"', 'currency = "CNY"', 'opens_at = "now"', 'closes_at = "+1h"', ""].join("\n");
  await putUp(page, server, live, "steered", `${head}[[items]]\n${item}\n[items.units]\nmain = 5\n[items.reserve]\nmain = 7\n`);
  await page.locator("body.operator").waitFor();
  const shows = (selector, text) => async () => (await page.locator(selector).first().textContent()).includes(text);
  const counts = (available, reserve) => async () => {
    const cells = await page.locator("#items tbody tr td.n").allTextContents();
    return cells.length > 4 && number(cells[1]) === available && number(cells[4]) === reserve;
  };
  await until("the item is there", counts(5, 7));
  const acts = [
    ["pause-sale", {}, "Sale paused", "sale", shows("#head .state", "paused")],
    ["resume-sale", {}, "Sale resumed", "sale", shows("#head .state", "open")],
    ["limit", { buyer: "3", order: "2" }, "Purchase limit set", "item", shows("#items tbody tr", "limit 3")],
    ["release", { units: "4", warehouse: "main" }, "Reserve released", "item", counts(9, 3)],
    ["allocate", { units: "6", warehouse: "main" }, "Stock allocated", "item", counts(15, 3)],
    ["level", { level: "no_traffic" }, "Service level set", "level", shows("#level", "no beacons")],
    ["level", { level: "full" }, "Service level set", "level", async () => !(await shows("#level", "Reduced")())],
  ];
  const reason = (nth) => `act ${nth} of steering`;
  for (const [nth, [act, fields, , , seen]] of acts.entries()) {
    await steer(page, `[data-act=${act}]`, reason(nth), fields);
    await until(`${act} is seen on the page`, seen);
  }
  assert.equal(await page.locator("[data-act=limit]").getAttribute("data-order"), "2", "the dialog knows the limit");
  for (const category of new Set(acts.map(([, , , category]) => category))) {
    await page.goto(new URL(`/log?category=${category}&lang=en`, live).href);
    for (const [nth, [act, , event, of]] of acts.entries()) {
      if (of !== category) continue;
      const row = page.locator(".log tbody tr", { hasText: reason(nth) });
      assert.equal(await row.locator("b").textContent(), event, `${act} stands in the log`);
    }
  }
  return acts.length;
}

/** What the reserve plan proposes has a panel, whose buttons open the release filled in. */
async function proposed(page, server, live) {
  const item = 'sku = "S-1"\ntitle = "thing"\nunit_price_minor = 1\ntime_to_pay_seconds = 60';
  const places = "[items.units]\nnorth = 9\nsouth = 9\n[items.reserve]\nnorth = 2\nsouth = 7\n";
  const step = (units) => `[[items.reserve_plan]]\nbelow_units = 18\nrelease_units = ${units}\nfrom = ["south"]\nact = "propose"\n`;
  const head = ['name = "Proposed"', 'currency = "CNY"', 'opens_at = "now"', 'closes_at = "+1h"', ""].join("\n");
  await putUp(page, server, live, "proposed", `${head}[[items]]\n${item}\n${places}${step(4)}${step(3)}`);
  await page.locator("body.operator").waitFor();
  const buttons = page.locator(".proposals [data-act=release]");
  await page.locator("#items tbody tr").first().waitFor();
  assert.equal(await page.locator("#proposals *").count(), 0, "nothing is proposed yet");
  const ordered = await page.locator("#items tbody tr").first().getAttribute("data-item");
  const words = ["order", "place", "--item", ordered, "--buyer", "ann", "--units", "1", "--server", server, "--quiet"];
  execFileSync(BINARY, words, { stdio: ["ignore", "ignore", "inherit"] });
  await until("both steps propose", async () => (await buttons.count()) === 2);
  await pictures(page, "proposals");
  for (const [nth, units, left] of [[1, "3", 1], [0, "4", 0]]) {
    await buttons.nth(nth).focus();
    await page.keyboard.press("Enter");
    const field = (name) => page.locator(`#steer[open] [name=${name}]`);
    await field("warehouse").locator("option[value=south]").waitFor({ state: "attached" });
    const filled = [await field("units").inputValue(), await field("warehouse").inputValue()];
    assert.deepEqual(filled, [units, "south"], "the dialog is filled in");
    assert.match(await field("reason").inputValue(), /^proposed by step \d of the reserve plan$/);
    await page.locator("#steer[open] .go").click();
    await page.locator("#steer .answer.good").waitFor({ timeout: 30_000 });
    await page.keyboard.press("Escape");
    await until(`${left} are left`, async () => (await buttons.count()) === left);
  }
  assert.equal(await page.locator("#proposals *").count(), 0, "the panel is gone");
}

/** Creates a sale with very many items, some with markup in their names, and opens its page. */
async function manyItems(page, server, live) {
  const items = Array.from({ length: ITEMS }, (_, nth) => {
    const title = JSON.stringify(HOSTILE[nth] ?? `thing ${nth}`);
    const terms = `unit_price_minor = ${nth + 1}\ntime_to_pay_seconds = 60`;
    return `[[items]]\nsku = "S-${nth}"\ntitle = ${title}\n${terms}\n[items.units]\nm = 1\n`;
  });
  const head = [`name = ${JSON.stringify(HOSTILE[0])}`, 'currency = "CNY"', 'opens_at = "now"', 'closes_at = "+1h"', ""];
  await putUp(page, server, live, "many", head.join("\n") + items.join(""));
}

/** Markup in names is shown as text, and a page of very many items stays quick. */
async function crowded(page, server, live) {
  await manyItems(page, server, live);
  assert.equal((await page.locator("#head h1").textContent()).trim(), HOSTILE[0]);
  const rows = page.locator("#items tbody tr");
  const first = async () => (await rows.first().locator(".sku").textContent()).trim();
  const quick = async (what, act, check) => {
    const begun = Date.now();
    await act();
    await until(what, check);
    const took = Date.now() - begun;
    assert.ok(took < 5_000, `${what}: only after ${took} ms`);
  };
  for (const [nth, name] of HOSTILE.entries()) {
    const found = async () => (await rows.count()) === 1 && (await first()) === `S-${nth}`;
    await quick(`${name} is found`, () => page.locator("#search").fill(name), found);
    assert.equal((await rows.first().locator(".title").textContent()).trim(), name);
  }
  const press = (key) => () => page.locator(`#items [data-key=${key}]`).click();
  await quick("the search ends", () => page.locator("#search").fill(""), async () => (await rows.count()) > 10);
  await quick("items are sorted", press("sort-price"), async () => (await first()) === `S-${ITEMS - 1}`);
  const second = `S-${ITEMS - 1 - (await rows.count())}`;
  await quick("items are leafed through", press("page-next"), async () => (await first()) === second);
  await rows.first().locator(".sku").click();
  await new Promise((later) => setTimeout(later, 1_500));
  assert.equal(await first(), second, "a press beside the buttons changes nothing");
  await page.locator("#fresh[data-state=good]").waitFor({ timeout: 10_000 });
  assert.equal(await page.locator("main img, main script, main [data-act] [data-act]").count(), 0);
  await pictures(page, "many");
  await page.goto(new URL("/?lang=en", live).href);
  assert.ok((await page.locator("main").textContent()).includes(HOSTILE[0]), "the list names it");
  assert.equal(await page.evaluate(() => window.hacked), undefined, "a name was run");
}

/** Two nodes on one store: the card lists both, and says when one is suspected and when it is back. */
async function amongNodes(page) {
  const store = start(["devstore", "--json", "--data", join(home, "store"), "--listen", "127.0.0.1:0"], /"connection":"([^"]+)"/);
  const [, connection] = await store.there;
  const secret = join(home, "peers-secret");
  writeFileSync(secret, "0123456789abcdef".repeat(4), { mode: 0o600 });
  const node = async (name, peers) => {
    const words = ["serve", "--store", connection, "--data", join(home, name), "--http", "off", "--web", "off"];
    words.push("--listen", "127.0.0.1:0", "--board", "127.0.0.1:0", "--peers-listen", peers, "--peers-secret-file", secret);
    const { child, there } = start(words, /listening on (http:\S+)[^]*the board on (http:\S+)/);
    const [, server, live] = await there;
    return { child, server, live };
  };
  const first = await node("node-1", "127.0.0.1:0");
  const item = (nth) => `[[items]]\nsku = "S-${nth}"\ntitle = "thing"\nunit_price_minor = 1\ntime_to_pay_seconds = 60\n[items.units]\nm = 9\n`;
  const head = ['name = "Nodes"', 'currency = "CNY"', 'opens_at = "now"', 'closes_at = "+1h"', ""].join("\n");
  await putUp(page, first.server, first.live, "nodes", head + [...Array(20).keys()].map(item).join(""));
  await page.locator("#items tbody tr").first().waitFor();
  assert.ok(await page.locator(".of-nodes").isHidden(), "a node that is alone has no such card");

  const second = await node("node-2", "127.0.0.1:0");
  const cells = (row) => page.locator(`#nodes tr[data-node=${row}] td`).allTextContents();
  const shows = (row, state) => async () => (await page.locator(".of-nodes").isVisible()) && (await cells(row))[2]?.startsWith(state);
  await until("both nodes are listed", shows("other", "answers"));
  await until("each owns some items, all of them together", async () => {
    const owned = [number((await cells("this"))[3]), number((await cells("other"))[3])];
    return owned[0] > 0 && owned[1] > 0 && owned[0] + owned[1] === 20;
  });
  await pictures(page, "nodes");
  second.child.kill("SIGKILL");
  await until("the one that was killed is suspected", shows("other", "suspected"));
  assert.equal(number((await cells("this"))[3]), 20, "the other one owns everything");
  await until("the alert is there", async () => (await page.locator("#alerts").textContent()).includes("node_suspected"));
  await pictures(page, "nodes-suspected");
  for (const { child } of [first, store]) child.kill("SIGTERM");
}

const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({
  executablePath,
  // Chromium has no sandbox as root; only our own pages are loaded.
  chromiumSandbox: process.getuid?.() !== 0,
  args: QUIET,
  env: { ...process.env, HOME: home },
});
try {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const seen = await watched(browser);
  const took = await recovered(seen);
  const acts = await steered(seen.page, seen.server, seen.live);
  await proposed(seen.page, seen.server, seen.live);
  await lookedBack(seen.page, seen.server, seen.live);
  await waited(seen.page, seen.live, seen.complaints);
  await crowded(seen.page, seen.server, seen.live);
  await amongNodes(seen.page);
  const unexpected = seen.complaints.filter((complaint) => !NOBODY_THERE.test(complaint));
  assert.deepEqual(unexpected, [], "the browser complains");
  console.log(`ok board: moves, is steered in ${acts} more ways, stale after ${took} ms, recovers, looks back, holds ${ITEMS} items`);
} finally {
  await browser.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
}
