// The board in a real browser: a demonstration is watched, steered from its page by keyboard alone,
// killed and started again, and looked back at.
//
// What is checked: no complaint on the console, no request off this machine; figures move; a pause
// from the page turns attempts into refusals until it is taken back; charts are not blank; the page
// says that it is stale within three seconds of a kill and recovers without being loaded again; the
// figures of the last second equal the report; both languages; nothing is wider than the screen.
// What cannot be checked is kept to be looked at: target/screenshots.
//
// Run it with `tests/node/run.sh board.mjs [BINARY]`. CHROMIUM names the browser [default: chromium].

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../..");
const SCREENSHOTS = join(REPOSITORY, "target/screenshots");
const BINARY = resolve(process.argv[2] ?? join(REPOSITORY, "target/release/doorbuster"));
const QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE = 300_000;

const modules = process.env.DOORBUSTER_NODE ?? join(REPOSITORY, "target/node");
const { chromium } = createRequire(join(resolve(modules), "package.json"))("playwright-core");

const home = mkdtempSync(join(tmpdir(), "doorbuster-board-"));
const data = join(home, "data");
const children = [];

/** Starts the program and waits until it has said what it says when it is there. */
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
async function steer(page, button, reason) {
  await page.locator(button).first().focus();
  await page.keyboard.press("Enter");
  await page.locator("#steer[open] input[name=reason]").focus();
  await page.keyboard.type(reason);
  await page.keyboard.press("Enter");
  await page.locator("#steer .answer.good").waitFor({ timeout: 30_000 });
  assert.match(await page.locator("#steer .answer").textContent(), /revision \d+/);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#steer[open]").count(), 0, "Escape closes the dialog");
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "BODY", "focus returns");
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
    ["demo", "--data", data, "--units", "600", "--items", "3", "--stay"],
    /to (http:\S+)[^]*board: (http:\S+?)(#\S+)/,
  );
  const [, server, live, operator] = await demo.there;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB" });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => assert.match(request.url(), /^http:\/\/127\.0\.0\.1:/));
  await page.goto(live + operator);
  assert.equal(await page.evaluate(() => location.hash), "", "the token leaves the address");
  await page.locator("body.operator").waitFor();
  const before = await tile(page, "orders");
  await until("figures move", async () => (await tile(page, "orders")) > before);

  await steer(page, "[data-act=pause-item]", "seen in a browser");
  const paused = page.locator("#refusals h3", { hasText: "paused" });
  await until("attempts are refused as paused", async () => (await paused.count()) > 0);
  await steer(page, "[data-act=resume-item]", "enough seen");
  const drawn = await page.evaluate(() =>
    ["stock", "rate"].map((id) => {
      const lines = [...document.querySelectorAll(`#${id} path.line.one`)];
      return lines.some((line) => line.getBoundingClientRect().height > 5);
    }),
  );
  assert.deepEqual(drawn, [true, true], "charts are not blank");
  await page.locator("details[data-rows=rate] summary").click();
  await page.locator("#rows-rate tbody tr").first().waitFor();
  await page.locator("#search").fill("DEMO-2");
  await until("items are searched", async () => (await page.locator("#items tbody tr").count()) === 1);
  await page.locator("#search").fill("");
  await pictures(page, "live");

  await until("the sale ends", () => /serving what happened/.test(demo.said()));
  await until("the page says so", async () => (await page.locator(".state.closed").count()) > 0);
  assert.deepEqual(complaints, [], "the browser complains");
  return { demo, page, server, live, complaints };
}

/** Killed and started again on the same ports. */
async function recovered({ demo, page, server, live }) {
  await page.evaluate(() => (window.sameDocument = true));
  demo.child.kill("SIGKILL");
  const killed = Date.now();
  await page.locator("#fresh[data-state=stale]").waitFor({ timeout: 10_000 });
  const took = Date.now() - killed;
  assert.ok(took < 4_000, `stale only after ${took} ms`);
  const [listen, board] = [server, live].map((url) => new URL(url).host);
  const words = ["serve", "--data", data, "--listen", listen, "--web", "off", "--board", board];
  await start(words, /the board on/).there;
  await page.locator("#fresh[data-state=good]").waitFor({ timeout: 30_000 });
  assert.ok(await page.evaluate(() => window.sameDocument), "the page was loaded again");
  return took;
}

/** The sale as of its last second is what the report says, and an earlier one is less. */
async function lookedBack(page, server, live) {
  const sale = live.split("/").pop();
  await page.goto(`${live}/after`);
  const then = async (key) => number(await page.locator(`[data-then="${key}"] b`).textContent());
  await page.locator("[data-then=sold]").waitFor({ timeout: 30_000 });
  const report = execFileSync(BINARY, ["report", "sales", sale, "--server", server, "--json"], { encoding: "utf8" });
  const { total } = JSON.parse(report);
  assert.equal(await then("sold"), Number(total.units_sold));
  assert.equal(await then("placed"), Number(total.orders_placed));
  assert.equal(await then("paid"), Number(total.orders_paid));
  const sold = await then("sold");
  await page.locator("#track").focus();
  await page.keyboard.press("Home");
  await until("the slider shows the opening", async () => (await then("sold")) < sold);
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

const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({
  executablePath,
  // As root there is no sandbox to be had; the pages are ours.
  chromiumSandbox: process.getuid?.() !== 0,
  args: QUIET,
  env: { ...process.env, HOME: home },
});
try {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const seen = await watched(browser);
  const took = await recovered(seen);
  await lookedBack(seen.page, seen.server, seen.live);
  console.log(`ok board: moves, is steered, stale after ${took} ms, recovers, looks back`);
} finally {
  await browser.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
}
