/** What the tests run against: the binary named by DOORBUSTER_BIN, and a proxy that loses answers. */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Doorbuster, Input, v1 } from "@doorbuster/client";

const run = promisify(execFile);

/** The first line that a child prints. */
export async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) {
    return line;
  }
  throw new Error("the child ended without a line");
}

export class Server {
  readonly directory = mkdtempSync(join(tmpdir(), "doorbuster-node-"));
  http = "";
  grpc = "";
  readonly #binary: string;
  #child: ChildProcess | undefined;

  constructor(readonly options: string[] = []) {
    const named = process.env.DOORBUSTER_BIN;
    assert.ok(named, "DOORBUSTER_BIN must name the binary of the server");
    this.#binary = resolve(named);
  }

  async start(http = "127.0.0.1:0"): Promise<this> {
    const off = ["--web", "off", "--board", "off", "--listen", "127.0.0.1:0", "--http", http];
    const words = ["serve", "--json", "--data", join(this.directory, "data"), ...off];
    const stderr = openSync(join(this.directory, "stderr"), "a");
    this.#child = spawn(this.#binary, [...words, ...this.options], {
      stdio: ["ignore", "pipe", stderr],
    });
    const said = JSON.parse(await firstLine(this.#child)) as { http: string; address: string };
    this.http = said.http;
    this.grpc = said.address;
    return this;
  }

  /** A verb of the command line, on this server. */
  async run(...words: string[]): Promise<void> {
    await run(this.#binary, [...words, "--server", `http://${this.grpc}`]);
  }

  /** A token of the role, made before the server is started. */
  newToken(role: string, name: string): { id: string; token: string } {
    const data = join(this.directory, "data");
    const words = ["token", "new", "--json", "--role", role, "--name", name, "--data", data];
    return JSON.parse(execFileSync(this.#binary, words, { encoding: "utf8" }));
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) {
      return null;
    }
    const ended = new Promise<number | null>((done) => child.once("exit", done));
    child.kill(signal);
    return ended;
  }

  async remove(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

let skus = 0;

/** A sale of one item that is open. */
export function draft(
  units: number,
  item: Input<v1.ItemDraft> = {},
  sale: Input<v1.SaleDraft> = {},
): Input<v1.SaleDraft> {
  skus += 1;
  const opened = Date.now() - 1_000;
  return {
    name: "双十一",
    currencyCode: "CNY",
    openTime: new Date(opened),
    closeTime: new Date(opened + 3_600_000),
    items: [
      {
        sku: `PHONE-${skus}`,
        title: "A phone",
        unitPriceMinor: 199_900,
        timeToPay: { seconds: 900 },
        units: [{ warehouse: "north", units }],
        ...item,
      },
    ],
    ...sale,
  };
}

/** The id of a new item as SALE_ID/SKU. */
export async function sell(shop: Doorbuster, units = 10): Promise<string> {
  const { sale } = await shop.createSale({ sale: draft(units) });
  return `${sale.saleId}/${sale.items[0]?.draft?.sku}`;
}

/** Forwards requests, and closes the connection in place of the first `losses` answers. */
export class LossyProxy {
  readonly bodies: Uint8Array[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  readonly #server: HttpServer;

  constructor(target: string, losses: number) {
    let left = losses;
    this.#server = createServer(async (request, response) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) {
        chunks.push(chunk as Uint8Array);
      }
      const body = Buffer.concat(chunks);
      this.bodies.push(body);
      this.headers.push(request.headers);
      const names = ["content-type", "connect-timeout-ms", "authorization"];
      const kept = names.map((name) => [name, request.headers[name]]);
      const headers = kept.filter(([, value]) => value !== undefined) as [string, string][];
      const answer = await fetch(target + request.url, { method: "POST", body, headers });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      if (left > 0) {
        left -= 1;
        request.socket.destroy();
        return;
      }
      const kind = answer.headers.get("content-type") ?? "";
      response.writeHead(answer.status, { "content-type": kind }).end(bytes);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
