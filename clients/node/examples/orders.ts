/**
 * A shop's order book: a line for each order event, once, over restarts of either side.
 *
 *     npx tsc --module nodenext --target es2022 orders.ts
 *     node orders.js orders.jsonl           # the token is in orders.jsonl.token
 *     DOORBUSTER_URL=http://127.0.0.1:7423  # the server's HTTP/JSON port
 *
 * A shop with a database writes the event and the token in one transaction, and finds no event twice.
 * Here the token is written once in a while: after a restart the events since then come again, and are
 * recognised by their ids.
 */

import {
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { checkedNumber, Doorbuster, type ToldOrder, v1 } from "@doorbuster/client";

/** Events after which the token is written. */
const TOKEN_EVENTS = 50;

class Book {
  readonly token: string;
  sinceToken = 0;
  readonly #eventIds: Set<string>;
  readonly #file: number;
  readonly #tokenPath: string;

  constructor(path: string) {
    this.#tokenPath = `${path}.token`;
    this.token = existsSync(this.#tokenPath) ? readFileSync(this.#tokenPath, "utf8") : "";
    this.#file = openSync(path, "a+");
    const text = readFileSync(path, "utf8");
    // What was being written when the process ended is no line, and comes again.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    ftruncateSync(this.#file, Buffer.byteLength(whole));
    const lines = whole.split("\n").filter(Boolean);
    this.#eventIds = new Set(lines.map((line) => JSON.parse(line).event_id as string));
  }

  /** Writes an event down; false if the book has it. */
  add(event: ToldOrder["event"]): boolean {
    this.sinceToken += 1;
    if (this.#eventIds.has(event.eventId)) {
      return false;
    }
    const line = {
      event_id: event.eventId,
      position: checkedNumber(event.position),
      item_id: event.itemId,
      kind: v1.OrderEventKind[event.kind],
      order_id: event.orderId,
    };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    this.#eventIds.add(event.eventId);
    return true;
  }

  /** Writes the token, after the events that it stands behind are on the disk. */
  keep(token: string): void {
    fsyncSync(this.#file);
    writeFileSync(`${this.#tokenPath}.written`, token);
    renameSync(`${this.#tokenPath}.written`, this.#tokenPath);
    this.sinceToken = 0;
  }
}

const book = new Book(process.argv[2] ?? "orders.jsonl");
const shop = new Doorbuster(process.env.DOORBUSTER_URL, { operator: "shop" });
const request = { resumeToken: book.token, afterPosition: 0 };
for await (const { event, resumeToken } of shop.followOrders(request, { progress: true })) {
  if (event && !book.add(event)) {
    console.log(`again ${event.eventId}`);
  }
  if (!event || book.sinceToken >= TOKEN_EVENTS) {
    book.keep(resumeToken);
  }
}
