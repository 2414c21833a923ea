// The board in the browser: inserts fragments rendered by the server, shows their age, and sends
// the acts of an operator. It never creates markup from data of any other source than this server.
"use strict";

const body = document.body;
const { page, lang, sale } = body.dataset;
const say = (name, values = {}) =>
  (body.getAttribute(`data-say-${name}`) ?? "").replace(/\{(\w+)\}/g, (gap, key) => values[key] ?? gap);
const byId = (id) => document.getElementById(id);
const clock = (ms) => new Date(ms).toISOString().slice(11, 19);

/** Inserts a fragment if it differs from the current one; keeps the focus. */
const standing = new WeakMap();
function put(place, html) {
  if (!place || standing.get(place) === html) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const scrolled = [...place.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
  place.innerHTML = html;
  standing.set(place, html);
  place.querySelectorAll(".wide").forEach((wide, at) => (wide.scrollLeft = scrolled[at] ?? 0));
  if (focused) {
    const again = [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === focused);
    again?.focus({ preventScroll: true });
  }
}

/** Fetches a fragment; undefined if that fails. */
async function fragment(path, values, signal) {
  const query = new URLSearchParams({ ...values, lang });
  try {
    const answer = await fetch(`${path}?${query}`, { signal });
    return answer.ok ? await answer.text() : undefined;
  } catch {
    return undefined;
  }
}

// --- the live page -------------------------------------------------------------------------------

const items = { sort: "", q: "", page: 0, asking: false, again: false };
const plain = () => !items.sort && !items.q && !items.page;
let source;
let arrived = 0;
let ahead = 0;

async function askItems() {
  if (items.asking) {
    items.again = true;
    return;
  }
  items.asking = true;
  const { sort, q, page } = items;
  const html = await fragment(`/sales/${sale}/items`, { sort, q, page });
  items.asking = false;
  if (html !== undefined && sort === items.sort && q === items.q && page === items.page) {
    put(byId("items"), html);
  }
  if (items.again) {
    items.again = false;
    askItems();
  }
}

const askedRows = new Set();
async function askRows(details) {
  const of = details.dataset.rows;
  if (askedRows.has(of)) return;
  askedRows.add(of);
  const html = await fragment(`/sales/${sale}/rows`, { of });
  askedRows.delete(of);
  if (html !== undefined) put(byId(`rows-${of}`), html);
}

function show(frame) {
  // The age of the figures, not of the frame: a late round sends older figures.
  arrived = performance.now() - Math.max(0, frame.now_ms - frame.at_ms);
  ahead = frame.now_ms - Date.now();
  body.dataset.position = frame.position;
  for (const [id, html] of Object.entries(frame.panels)) {
    if (id !== "items" || plain()) put(byId(id), html);
  }
  // Panels that the service level omits must not keep old figures.
  for (const card of document.querySelectorAll("section.card[aria-labelledby]")) {
    card.classList.toggle("is-absent", !(card.getAttribute("aria-labelledby").slice(2) in frame.panels));
  }
  if (!plain() && "items" in frame.panels) askItems();
  document.querySelectorAll(".card:not(.is-absent) details[data-rows][open]").forEach(askRows);
  tick();
}

function follow() {
  source?.close();
  source = new EventSource(`/sales/${sale}/events?lang=${lang}`);
  source.addEventListener("pulse", (event) => show(JSON.parse(event.data)));
  // The browser does not reconnect a refused stream by itself.
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED && !document.hidden) setTimeout(follow, 2000);
  };
}

function tick() {
  const fresh = byId("fresh");
  if (fresh) {
    const age = performance.now() - arrived;
    let text = say("connecting");
    let state = "waiting";
    // A round may be late; a lost connection is reported sooner.
    const patience = source?.readyState === EventSource.OPEN ? 3000 : 2000;
    if (document.hidden) text = say("resting");
    else if (arrived && age < patience) {
      state = "good";
      text = say("updated", { age: (age / 1000).toFixed(1) });
    } else if (arrived) {
      state = "stale";
      text = say("stale", { moment: clock(Date.now() - age + ahead) });
    }
    if (fresh.textContent !== text) fresh.textContent = text;
    if (fresh.dataset.state !== state) fresh.dataset.state = state;
    body.classList.toggle("is-stale", state === "stale");
  }
  for (const count of document.querySelectorAll("[data-until-ms]")) {
    const left = Math.max(0, Math.round((Number(count.dataset.untilMs) - Date.now() - ahead) / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const [h, m, s] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    const days = h >= 48 ? `${say("days", { n: Math.floor(h / 24) })} ` : "";
    const text = `${days}${two(days ? h % 24 : h)}:${two(m)}:${two(s)}`;
    if (count.textContent !== text) count.textContent = text;
  }
}

function live() {
  follow();
  setInterval(tick, 200);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else follow();
    tick();
  });
  let typed;
  byId("search").addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      Object.assign(items, { q: event.target.value, page: 0 });
      askItems();
    }, 150);
  });
  byId("items").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-sort],button[data-page]");
    if (!button) return;
    if (button.dataset.sort !== undefined) Object.assign(items, { sort: button.dataset.sort, page: 0 });
    else items.page = Number(button.dataset.page);
    askItems();
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details[data-rows][open]")) askRows(event.target);
  }, true);
}

// --- steering ------------------------------------------------------------------------------------

const KEPT = "doorbuster-operator";
/** A UUID of version 4. Browsers provide randomUUID only over TLS and on loopback. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
const token = () => sessionStorage.getItem(KEPT);

async function send(path, method, told) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (told) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: told && JSON.stringify(told) });
  const text = await answer.text();
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    said = { error: text };
  }
  return { ok: answer.ok, status: answer.status, said };
}

async function signedIn() {
  const [who, sign] = [byId("who"), byId("sign")];
  if (!sign) return {};
  who.dataset.none ??= who.textContent;
  let name, why;
  if (token()) {
    try {
      const { ok, status, said } = await send("/whoami", "GET");
      if (ok) {
        name = said.operator || "operator";
        // From now on pages are read with a cookie; acts are sent with the token itself.
        const { ok: kept } = await send("/session", "POST", {});
        if (kept && page === "door") location.reload();
      } else {
        if (status === 401) sessionStorage.removeItem(KEPT);
        why = say("refused", { error: said.error || String(status) });
      }
    } catch {
      why = say("unreachable");
    }
  }
  body.classList.toggle("operator", name !== undefined);
  who.textContent = name === undefined ? why ?? who.dataset.none : say("signed-in", { name });
  sign.textContent = name === undefined ? sign.dataset.in : sign.dataset.out;
  return { name, why };
}

/** The address of an act, and its fields beside the reason. */
function deed(act, facts, field) {
  const number = (name) => (field(name) === "" ? undefined : Number(field(name)));
  const at = (path, told) => [path, told];
  const item = `/items/${facts.item}/steer`;
  const whole = `/sales/${sale}/steer`;
  switch (act) {
    case "pause-item": return at(item, { action: "pause" });
    case "resume-item": return at(item, { action: "resume" });
    case "release": return at(item, { action: "release_reserve", units: number("units"), warehouse: field("warehouse") });
    case "allocate": {
      const place = field("newplace") ? { warehouse: field("newplace"), new_warehouse: true } : { warehouse: field("warehouse") };
      return at(item, { action: "allocate", units: number("units"), ...place });
    }
    case "limit": return at(item, { action: "set_limit", per_buyer: number("buyer"), per_order: number("order") });
    case "settle": return at(`/items/${facts.item}/orders`, { action: "settle", due_id: facts.due, reference: field("reference") });
    case "refund": return at(`/items/${facts.item}/orders`, {
      action: "refund", order_id: facts.order_id, units: number("units"), restock: field("restock") === "yes",
    });
    case "pause-sale": return at(whole, { action: "pause" });
    case "resume-sale": return at(whole, { action: "resume" });
    case "close-sale": return at(whole, { action: "close" });
    case "level": return at("/level", { level: field("level") });
    case "open-incident": return at("/incidents", { sale_id: sale, title: field("title") });
    case "incident-act": return at(`/incidents/${facts.incident}/act`, { action: field("action") });
    case "incident-assess": return at(`/incidents/${facts.incident}/assess`, {
      severity: field("severity"), impact: field("impact"), owner: field("owner"),
    });
    default: return at(`/incidents/${facts.incident}/resolve`, {});
  }
}

let opener;
function ask(dialog, from) {
  opener = from;
  dialog.querySelector(".answer").textContent = "";
  dialog.showModal();
  dialog.querySelector("label:not([hidden]) input, label:not([hidden]) select")?.focus();
}

/** Offers the current warehouses of the item; for the reserve only those that have any. */
async function offerWarehouses(form) {
  const { request } = form;
  const { warehouse: wanted } = form.facts;
  const released = form.facts.act === "release";
  const select = form.elements.warehouse;
  select.replaceChildren();
  let said = {};
  try {
    ({ said } = await send(`/items/${form.facts.item}/warehouses`, "GET"));
  } catch {
    said = { error: say("no-answer") };
  }
  // Another dialog may be open by now.
  if (form.request !== request) return;
  if (said.error) {
    form.querySelector(".answer").className = "answer bad";
    form.querySelector(".answer").textContent = said.error;
  }
  let first = true;
  for (const { warehouse, available, reserve, proposed } of said.warehouses ?? []) {
    const units = released ? reserve : available;
    const asked = released && proposed > 0;
    const told = asked ? `${units}, ${say("proposed", { n: proposed })}` : units;
    const option = new Option(`${warehouse} (${told})`, warehouse);
    if (!released || reserve > 0) select.append(option);
    // What the reserve plan proposes is filled in; the operator may change it.
    if (wanted ? warehouse === wanted : asked && first) {
      first = false;
      option.selected = true;
      if (!wanted) form.elements.units.value = proposed;
    }
  }
}

function openDeed(button) {
  const dialog = byId("steer");
  const told = document.querySelector(`.deed[data-deed="${button.dataset.act}"]`);
  const form = dialog.querySelector("form");
  form.reset();
  form.request = newId();
  form.facts = { ...button.dataset };
  form.done = false;
  dialog.querySelector("h2").textContent = told.dataset.name;
  dialog.querySelector(".subject").textContent = button.dataset.subject;
  dialog.querySelector(".will").textContent = told.dataset.will;
  dialog.querySelector(".go").hidden = false;
  dialog.querySelector(".go").disabled = false;
  const wanted = told.dataset.fields.split(" ");
  for (const label of dialog.querySelectorAll("[data-field]")) {
    const name = label.dataset.field;
    const input = form.elements[name];
    label.hidden = !wanted.includes(name);
    input.required = !label.hidden && !["buyer", "order", "newplace"].includes(name);
    input.disabled = label.hidden;
    if (!label.hidden && button.dataset[name]) input.value = button.dataset[name];
  }
  // Every act has a reason; some come with one.
  form.elements.reason.value = button.dataset.reason ?? "";
  ask(dialog, button);
  if (wanted.includes("warehouse")) offerWarehouses(form);
}

async function carryOut(event) {
  event.preventDefault();
  const form = event.target;
  const answer = form.querySelector(".answer");
  const [path, told] = deed(form.facts.act, form.facts, (name) => form.elements[name].value.trim());
  form.querySelector(".go").disabled = true;
  answer.textContent = say("working");
  answer.className = "answer";
  try {
    const reason = form.elements.reason.value.trim();
    const { ok, status, said } = await send(path, "POST", { request_id: form.request, reason, ...told });
    if (ok) {
      answer.classList.add("good");
      answer.textContent = say("effective", { revision: said.revision ?? said.position ?? "?" });
      form.querySelector(".go").hidden = true;
      form.done = true;
      form.querySelector("[data-close]").focus();
      return;
    }
    answer.classList.add("bad");
    const text = said.error ?? said.message ?? String(status);
    answer.textContent = say("refused", { error: said.field && !text.includes(said.field) ? `${said.field}: ${text}` : text });
    // A request refused for its content gets a new id when it is sent again. A failed one may have
    // taken effect: it keeps its id, so that it takes effect once.
    if (status < 500) form.request = newId();
  } catch {
    answer.classList.add("bad");
    answer.textContent = say("unreachable");
  }
  form.querySelector(".go").disabled = false;
}

function steering() {
  const given = /(?:^#|&)operator=([^&]+)/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(KEPT, decodeURIComponent(given[1]));
    history.replaceState(null, "", location.pathname + location.search);
  }
  signedIn();
  const enter = byId("enter");
  byId("sign").addEventListener("click", (event) => {
    if (body.classList.contains("operator")) {
      sessionStorage.removeItem(KEPT);
      send("/session", "DELETE").then(signedIn, signedIn);
    } else ask(enter, event.target);
  });
  enter.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT, event.target.elements.token.value.trim());
    event.target.reset();
    const { name, why } = await signedIn();
    if (name !== undefined) enter.close();
    else enter.querySelector(".answer").textContent = why ?? say("no-answer");
  });
  document.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]");
    if (act) openDeed(act);
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
  });
  byId("steer").querySelector("form").addEventListener("submit", carryOut);
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("close", () => {
      // A page of an order is not followed: it is loaded again with what was done.
      if (page === "order" && dialog.querySelector("form").done) return location.reload();
      const key = opener?.dataset.key;
      const again = opener?.isConnected ? opener : key && [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
      (again || byId("search") || byId("sign"))?.focus({ preventScroll: true });
    });
  }
}

// --- afterwards ----------------------------------------------------------------------------------

/** The answer of a slow request: polls until it is ready. */
async function answered(path) {
  const address = `${path}?${new URLSearchParams({ lang })}`;
  for (;;) {
    const answer = await fetch(address).catch(() => undefined);
    const seconds = Number(answer?.headers.get("Retry-After"));
    if (answer?.status !== 503 || !(seconds > 0)) return answer;
    await new Promise((later) => setTimeout(later, 1000 * seconds));
  }
}

async function load(place, path) {
  const answer = await answered(path);
  if (answer?.ok) put(place, await answer.text());
  else place.textContent = say("no-answer");
}

/** The waiting page, which is replaced by the page when it is ready. The figures come from
 *  same computation and are much smaller. */
async function waiting() {
  const answer = await answered(location.pathname.replace(/post-mortem$/, "figures"));
  if (answer?.ok) location.reload();
  else byId("waits").textContent = say("no-answer");
}

function afterwards() {
  load(byId("figures"), `/sales/${sale}/figures`);
  const track = byId("track");
  if (!track) return;
  const [play, speed, place, moment] = ["play", "speed", "then", "moment"].map(byId);
  // The slider has whole steps only: at 1x it would never leave the current one.
  let exact = Number(track.value);
  let wanted;
  let asking = false;
  let timer;
  async function look() {
    if (wanted === Number(track.value)) return;
    wanted = Number(track.value);
    moment.textContent = new Date(wanted).toISOString().slice(0, 19).replace("T", " ");
    track.setAttribute("aria-valuetext", moment.textContent);
    if (asking) return;
    asking = true;
    for (let asked; asked !== wanted; ) {
      asked = wanted;
      const html = await fragment(`/sales/${sale}/at`, { ms: asked });
      if (html !== undefined) put(place, html);
      else if (asked === wanted) {
        // Figures of another moment must not be shown under this one.
        standing.delete(place);
        place.textContent = say("no-answer");
        wanted = undefined;
        break;
      }
    }
    asking = false;
  }
  const goTo = (ms) => {
    exact = Math.min(Number(track.max), Math.max(Number(track.min), ms));
    track.value = exact;
    look();
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = play.dataset.play;
    play.setAttribute("aria-pressed", "false");
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (exact >= Number(track.max)) exact = Number(track.min);
    play.textContent = play.dataset.pause;
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      // Wait for a pending state.
      if (asking) return;
      goTo(exact + 250 * Number(speed.value));
      if (exact >= Number(track.max)) stop();
    }, 250);
  });
  track.addEventListener("input", () => {
    exact = Number(track.value);
    look();
  });
  document.querySelector(".marks")?.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-ms]");
    if (!mark) return;
    goTo(Number(mark.dataset.ms));
  });
  look();
}

function journal() {
  const story = byId("story");
  if (story) load(story, `/orders/${story.dataset.order}/story`);
  byId("find")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = event.target.elements.order.value.trim();
    if (id) location.href = `/orders/${encodeURIComponent(id)}`;
  });
}

if (page === "live") {
  live();
  steering();
} else if (page === "after") afterwards();
else if (page === "log") journal();
else if (page === "order") {
  journal();
  steering();
}
else if (page === "waiting") waiting();
else if (page === "door") steering();
