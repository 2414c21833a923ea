/** The client: every unary RPC is a method, streams are followed, lost answers are asked for again. */

import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DeadlineExceeded, DoorbusterError, invalid, ServerFault } from "./errors.js";
import { type FollowOptions, type Open, OrderFollower } from "./follow.js";
import { type Input, messageOf, saleFromJson } from "./input.js";
import { isPassing, pauseMs } from "./retry.js";
import { Slots } from "./slots.js";
import * as v1 from "./v1/index.js";
import {
  type Answer,
  answerOf,
  enveloped,
  failureOf,
  foreign,
  lost,
  messagesOf,
  noSlot,
} from "./wire.js";

/** `minPosition` of a read that is to include all that was written so far, on all nodes. */
export const HEAD = 2n ** 64n - 1n;

/** How much longer the client waits than it tells the server: its word says more than silence. */
const GRACE_MS = 250;

/** Settings of a client. */
export interface Settings {
  /** A token, for a server that has tokens; its role decides what may be called. */
  token?: string;
  /** Recorded with acts that name no other operator. */
  operator?: string;
  /** Milliseconds for a call with all of its attempts; 10,000 if absent. */
  timeoutMs?: number;
  /** Attempts of a call; 8 if absent. */
  attempts?: number;
  /** Calls that are under way at once, each on a connection; the others wait. 100 if absent. */
  connections?: number;
  /** Sent with every call. */
  headers?: Record<string, string>;
  /** In place of the built-in `fetch`, for example with certificates or proxies of your own. */
  fetch?: typeof globalThis.fetch;
}

/** What one call may set. */
export interface CallOptions {
  /** Milliseconds for the call with all of its attempts. */
  timeoutMs?: number;
  /** Ends the call; what it throws then is the reason of the signal. */
  signal?: AbortSignal;
}

/** A method of a service as generated, with its types. */
type Method<Kind extends string, I extends DescMessage, O extends DescMessage> = DescMethod & {
  methodKind: Kind;
  input: I;
  output: O;
};

type Call<I extends DescMessage, O extends DescMessage> = (
  input?: Input<MessageShape<I>>,
  options?: CallOptions,
) => Promise<Answer<MessageShape<O>>>;

type Calls<S extends { method: object }> = {
  [K in keyof S["method"] as S["method"][K] extends { methodKind: "unary" }
    ? K
    : never]: S["method"][K] extends {
    input: infer I extends DescMessage;
    output: infer O extends DescMessage;
  }
    ? Call<I, O>
    : never;
};

/** An export as a warehouse reads it: the same lines as messages and as CSV. */
export interface FetchedExport {
  export: v1.Export;
  lines: v1.ExportLine[];
  csv: string;
}

class Caller {
  readonly url: string;
  readonly #settings: Required<Pick<Settings, "timeoutMs" | "attempts" | "operator" | "fetch">>;
  readonly #headers: Record<string, string>;
  readonly #slots: Slots;

  /** `url` is the address of the HTTP/JSON port. */
  constructor(url = "http://127.0.0.1:7423", settings: Settings = {}) {
    this.url = checkedUrl(url);
    const { token, headers = {}, timeoutMs = 10_000, attempts = 8, operator = "" } = settings;
    const { connections = 100 } = settings;
    checkedTimeout(timeoutMs);
    for (const [name, number] of Object.entries({ attempts, connections })) {
      if (!Number.isInteger(number) || number < 1) {
        throw invalid(name, `${name} must be a whole number from 1, not ${number}`);
      }
    }
    this.#slots = new Slots(connections);
    this.#settings = { timeoutMs, attempts, operator, fetch: settings.fetch ?? globalThis.fetch };
    this.#headers = { "connect-protocol-version": "1", ...headers };
    if (token !== undefined) {
      this.#headers.authorization = `Bearer ${token}`;
    }
    checkedHeaders(this.#headers);
  }

  /**
   * Calls any unary RPC, for example `v1.ReportService.method.getFunnel`. A write without a request
   * id gets one. Throws `Refused` for a business "no", else another `DoorbusterError`.
   */
  async call<I extends DescMessage, O extends DescMessage>(
    method: Method<"unary", I, O>,
    input: Input<MessageShape<I>> = {} as Input<MessageShape<I>>,
    options: CallOptions = {},
  ): Promise<Answer<MessageShape<O>>> {
    const { body, headers, requestId } = this.#prepared(method, input);
    const timeoutMs = checkedTimeout(options.timeoutMs ?? this.#settings.timeoutMs);
    const end = performance.now() + timeoutMs;
    let maybeDone = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.#attempt(method, body, headers, end, options.signal);
        return answer as Answer<MessageShape<O>>;
      } catch (error) {
        if (!(error instanceof DoorbusterError)) {
          throw error;
        }
        const [passing, pause] = [isPassing(error), pauseMs(attempt, error.retryAfterMs)];
        maybeDone ||= error.maybeDone;
        error.requestId = requestId;
        if (passing || error.maybeDone || error instanceof DeadlineExceeded) {
          error.maybeDone = maybeDone && requestId !== "";
        }
        // A pause that ends after the deadline would only delay the error.
        const late = performance.now() + pause >= end;
        if (!passing || attempt >= this.#settings.attempts || late) {
          throw error;
        }
        await sleep(pause, undefined, options.signal && { signal: options.signal }).catch(() => {
          throw options.signal?.reason;
        });
      }
    }
  }

  /**
   * The messages of an RPC that answers with a stream, for example
   * `v1.AlertService.method.followAlerts`. Without a timeout it may last for ever; nothing is retried.
   */
  async *stream<I extends DescMessage, O extends DescMessage>(
    method: Method<"server_streaming", I, O>,
    input: Input<MessageShape<I>> = {} as Input<MessageShape<I>>,
    options: CallOptions = {},
  ): AsyncGenerator<MessageShape<O>> {
    const left = options.timeoutMs === undefined ? undefined : checkedTimeout(options.timeoutMs);
    yield* await this.#opened(method, input, left, options.signal);
  }

  /**
   * What happens to orders, as an iterator over lost connections and restarts of the server. Store
   * `resumeToken` of a message after its event was handled, and give the stored one after a restart of
   * your own. Without a token it begins behind `afterPosition`, 0 for the whole log; without either, now.
   */
  followOrders(
    input: Input<v1.FollowOrdersRequest>,
    options: FollowOptions & { progress: true },
  ): OrderFollower<v1.FollowOrdersResponse>;
  followOrders(input?: Input<v1.FollowOrdersRequest>, options?: FollowOptions): OrderFollower;
  followOrders(
    input: Input<v1.FollowOrdersRequest> = {},
    options: FollowOptions = {},
  ): OrderFollower<v1.FollowOrdersResponse> {
    const method = v1.OrderService.method.followOrders;
    const open: Open = (request, signal) => this.#opened(method, request, undefined, signal);
    return new OrderFollower<v1.FollowOrdersResponse>(open, input, options);
  }

  /** An export with its lines, compared with the digest that stands in the log. */
  async fetchExport(
    input: Input<v1.FetchExportRequest>,
    options: CallOptions = {},
  ): Promise<FetchedExport> {
    const got: { export?: v1.Export; lines: v1.ExportLine[]; csv: string } = { lines: [], csv: "" };
    const timed = { timeoutMs: this.#settings.timeoutMs, ...options };
    for await (const part of this.stream(v1.OrderService.method.fetchExport, input, timed)) {
      got.export ??= part.export as v1.Export;
      got.lines.push(...part.lines);
      got.csv += part.csv;
    }
    const digest = createHash("sha256").update(got.csv).digest("hex");
    if (!got.export || got.export.sha256 !== digest) {
      const failure = { reason: "EXPORT_DIFFERS", code: "data_loss" };
      throw new ServerFault(`export ${input.number} is not that of its digest`, failure);
    }
    return { ...got, export: got.export };
  }

  /** The messages of a stream, as soon as the headers of its answer are there. */
  async #opened<O extends DescMessage>(
    method: DescMethod & { output: O },
    input: unknown,
    left: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AsyncGenerator<MessageShape<O>>> {
    const { body, headers } = this.#prepared(method, input);
    const answer = await this.#post(method, enveloped(body), headers, left, signal);
    if (answer.status !== 200 || !answer.body) {
      const said = await this.#read(answer, signal);
      throw failureOf(answer.status, new TextDecoder().decode(said));
    }
    const chunks = answer.body as unknown as AsyncIterable<Uint8Array>;
    return messagesOf(method.output, this.#guarded(chunks, signal));
  }

  #prepared(method: DescMethod, input: unknown) {
    // Of all requests, the fields that the client itself knows.
    const request = messageOf(method.input, input) as Message & {
      itemId?: string;
      requestId?: string;
      operator?: string;
    };
    const headers: Record<string, string> = {};
    // Load balancers route by it; what a header cannot hold is not the id of an item.
    if (request.itemId && /^[\x21-\x7e]+$/.test(request.itemId)) {
      headers["x-item-id"] = request.itemId;
    }
    let requestId = "";
    if (isWrite(method)) {
      request.requestId ||= randomUUID();
      requestId = request.requestId;
      if ("operator" in request) {
        request.operator ||= this.#settings.operator;
      }
    }
    return { body: toBinary(method.input, request), headers, requestId };
  }

  async #attempt(
    method: DescMethod,
    body: Uint8Array,
    headers: Record<string, string>,
    end: number,
    signal: AbortSignal | undefined,
  ): Promise<object> {
    const left = () => Math.max(1, Math.ceil(end - performance.now()));
    const signals = [AbortSignal.timeout(left()), ...(signal ? [signal] : [])];
    if (!(await this.#slots.taken(AbortSignal.any(signals)))) {
      throw signal?.aborted ? signal.reason : noSlot();
    }
    let answer: Response;
    let bytes: Uint8Array;
    try {
      answer = await this.#post(method, body, headers, left(), signal);
      bytes = await this.#read(answer, signal);
    } finally {
      this.#slots.release();
    }
    if (answer.status !== 200) {
      throw failureOf(answer.status, new TextDecoder().decode(bytes));
    }
    const kind = answer.headers.get("content-type") ?? "of no type";
    if (kind.split(";")[0]?.trim() !== "application/proto") {
      throw foreign(`the answer is ${kind}, not application/proto`);
    }
    return answerOf(method.output, bytes);
  }

  async #post(
    method: DescMethod,
    body: Uint8Array,
    headers: Record<string, string>,
    left: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const kind = method.methodKind === "unary" ? "application/proto" : "application/connect+proto";
    const sent: Record<string, string> = { ...this.#headers, ...headers, "content-type": kind };
    const signals = signal ? [signal] : [];
    if (left !== undefined) {
      sent["connect-timeout-ms"] = String(Math.max(1, Math.floor(left)));
      signals.push(AbortSignal.timeout(Math.max(1, Math.ceil(left)) + GRACE_MS));
    }
    const path = `${this.url}/${method.parent.typeName}/${method.name}`;
    try {
      const request = { method: "POST", headers: sent, body, signal: AbortSignal.any(signals) };
      return await this.#settings.fetch(path, request);
    } catch (error) {
      throw signal?.aborted ? signal.reason : lost(error, this.url);
    }
  }

  async #read(answer: Response, signal: AbortSignal | undefined): Promise<Uint8Array> {
    try {
      return new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      throw signal?.aborted ? signal.reason : lost(error, this.url);
    }
  }

  async *#guarded(
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      throw signal?.aborted ? signal.reason : lost(error, this.url);
    }
  }
}

/** Whether a method takes a request id of the client; GetOutcome asks for that of another request. */
export function isWrite(method: DescMethod): boolean {
  return "requestId" in method.input.field && "position" in method.output.field;
}

/** What no header can hold would look like a lost connection. */
function checkedHeaders(headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== "string" || !/^[\x20-\x7e]+$/.test(value)) {
      const field = name === "authorization" ? "token" : "headers";
      throw invalid(field, `${field}: ${name} must be printable ASCII`);
    }
  }
}

function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:") {
    throw invalid("url", `url must be like http://127.0.0.1:7423, not ${JSON.stringify(url)}`);
  }
  return url.replace(/\/+$/, "");
}

function checkedTimeout(timeoutMs: number): number {
  // Timers of Node hold 31 bits.
  if (!(timeoutMs > 0 && timeoutMs < 2 ** 31 - GRACE_MS - 1)) {
    throw invalid("timeoutMs", `timeoutMs must be above 0 and below 2^31, not ${timeoutMs}`);
  }
  return timeoutMs;
}

/** Reads the draft of a sale from a JSON file, the ProtoJSON of SaleDraft. */
export async function readSale(path: string | URL): Promise<v1.SaleDraft> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw invalid("path", `path cannot be read: ${error}`);
  });
  return saleFromJson(text);
}

const SERVICES = (Object.values(v1) as { kind?: string }[]).filter(
  (one): one is DescService => one.kind === "service",
);

for (const service of SERVICES) {
  for (const method of service.methods) {
    if (method.methodKind === "unary") {
      const unary = method as Method<"unary", DescMessage, DescMessage>;
      const value = function (this: Caller, input?: object, options?: CallOptions) {
        return this.call(unary, input, options);
      };
      Object.defineProperty(Caller.prototype, method.localName, { value });
    }
  }
}

type AllOf<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer A) => void
  ? A
  : never;
type Services = {
  [K in keyof typeof v1 as K extends `${string}Service` ? K : never]: (typeof v1)[K];
};

/** A doorbuster server: every unary RPC of the API is a method of the same name. */
export type Doorbuster = Caller &
  AllOf<{ [K in keyof Services]: Calls<Services[K]> }[keyof Services]>;

export const Doorbuster = Caller as unknown as new (
  url?: string,
  settings?: Settings,
) => Doorbuster;
