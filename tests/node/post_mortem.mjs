// Tests the post-mortem's page in a real browser: Chromium opens the golden pages, and those named on
// the command line, from disk.
//
// Checked: no external resource is loaded, no error is logged, every chart contains something in a
// colour that differs from the background, there is no horizontal overflow, and in print all rows
// behind the charts are included. Screenshots for inspection are kept in target/screenshots.
//
// Run it with `tests/node/run.sh post_mortem.mjs`. CHROMIUM names the browser [default: chromium].

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../..");
const GOLDEN = join(REPOSITORY, "tests/golden/pages");
const SCREENSHOTS = join(REPOSITORY, "target/screenshots");
const WIDTHS = [360, 1280, 1920];
const QUIET = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const modules = process.env.DOORBUSTER_NODE ?? join(REPOSITORY, "target/node");
const { chromium } = createRequire(join(resolve(modules), "package.json"))("playwright-core");

/** Titles of blank charts. */
function blankCharts() {
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  const seen = (shape) => {
    const style = getComputedStyle(shape);
    const paint = shape.classList.contains("fill") ? style.fill : style.stroke;
    const box = shape.getBoundingClientRect();
    return paint !== "none" && paint !== paper && (box.width > 1 || box.height > 1);
  };
  const charts = [...document.querySelectorAll("figure")];
  const isBlank = (figure) => {
    const shapes = [...figure.querySelectorAll("svg.chart path")];
    const drawn = shapes.filter((shape) => !/\b(grid|axis|mark)\b/.test(shape.className.baseVal));
    return !drawn.some(seen) || figure.querySelectorAll("svg.chart text").length < 2;
  };
  return charts.filter(isBlank).map((figure) => figure.querySelector("figcaption").textContent);
}

async function check(browser, file, dark) {
  const context = await browser.newContext({ colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  const complaints = [];
  const asked = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => asked.push(request.url()));
  const url = pathToFileURL(file).href;
  const name = `${basename(file, ".html") === "post-mortem" ? basename(dirname(file)) : basename(file, ".html")}`;
  await page.goto(url);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} wide on a screen of ${width}`);
    assert.deepEqual(await page.evaluate(blankCharts), [], `${name}: charts without a drawing`);
    const path = join(SCREENSHOTS, `${name}-${width}${dark ? "-dark" : ""}.png`);
    await page.screenshot({ path, fullPage: true });
  }
  const charts = await page.locator("svg.chart").count();
  if (!dark) {
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 680, height: 960 });
    const hidden = await page.evaluate(() => {
      const tables = [...document.querySelectorAll("details table")];
      return tables.filter((table) => !table.checkVisibility({ contentVisibilityAuto: true })).length;
    });
    assert.equal(hidden, 0, `${name}: rows behind charts are not on paper`);
    const cut = await page.evaluate(() => {
      const charts = [...document.querySelectorAll("svg.chart")];
      return charts.filter((chart) => chart.getBoundingClientRect().right > innerWidth).length;
    });
    assert.equal(cut, 0, `${name}: charts are cut on paper`);
    const path = join(SCREENSHOTS, `${name}.pdf`);
    await page.pdf({ path, preferCSSPageSize: true, printBackground: true });
    assert.ok(statSync(path).size > 10_000, `${name} is nothing on paper`);
  }
  assert.deepEqual(complaints, [], `${name}: the browser complains`);
  assert.deepEqual(asked, [url], `${name}: something was loaded`);
  await context.close();
  console.log(`ok ${name}${dark ? ", dark" : ""}: ${charts} charts, nothing loaded`);
}

const home = mkdtempSync(join(tmpdir(), "doorbuster-browser-"));
const executablePath =
  process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const browser = await chromium.launch({
  executablePath,
  // Chromium has no sandbox as root; only our own pages are loaded.
  chromiumSandbox: process.getuid?.() !== 0,
  args: QUIET,
  env: { ...process.env, HOME: home },
});
try {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const golden = ["en", "zh"].map((lang) => join(GOLDEN, `post-mortem.${lang}.html`));
  const named = process.argv.slice(2).map((file) => resolve(file));
  for (const file of [...golden, ...named]) {
    await check(browser, file, false);
    await check(browser, file, true);
  }
} finally {
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
