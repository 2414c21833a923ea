/** The Connect protocol without its transport: answers, failures, and the messages of streams. */

import {
  type DescEnum,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  DeadlineExceeded,
  type DoorbusterError,
  FAMILIES,
  LogChanged,
  Refused,
  ServerFault,
  Unavailable,
} from "./errors.js";
import {
  CouponReasonSchema,
  type CouponRefusal,
  type ExportRefusal,
  type Refusal,
} from "./v1/index.js";

const PREFIX_BYTES = 5;
const COMPRESSED = 1;
const END = 2;

/** The fields that every answer which knows them has; an answer without one is not of the server. */
type Always = "couponBatch" | "freshness" | "item" | "order" | "quote" | "sale" | "total";
const ALWAYS = new Set(["couponBatch", "freshness", "item", "order", "quote", "sale", "total"]);

type Chosen<O> = O extends { case: infer C extends string; value: infer V }
  ? C extends "refusal"
    ? never
    : { [K in C]: V }
  : never;

/**
 * What a call returns: its response, with the outcome in place of a `oneof`; a refusal is thrown as
 * `Refused`.
 */
export type Answer<T> = T extends { outcome: infer O }
  ? Omit<T, "outcome" | "$typeName" | "$unknown"> & Chosen<O>
  : Omit<T, "$typeName" | "$unknown"> & {
      [K in keyof T as K extends Always ? K : never]-?: Exclude<T[K], undefined>;
    };

/** The answer of a unary call; throws what it says instead. */
export function answerOf<S extends DescMessage>(schema: S, bytes: Uint8Array): object {
  const message = parsed(schema, bytes) as Message & Record<string, unknown>;
  const { $typeName: _name, $unknown: _unknown, outcome, ...fields } = message;
  if (schema.oneofs.some((oneof) => oneof.name === "outcome")) {
    const chosen = outcome as { case: string | undefined; value: unknown };
    if (chosen.case === "refusal") {
      throw refusalOf(schema, chosen.value as Refusal, fields);
    }
    if (chosen.case === undefined) {
      throw foreign(`the ${schema.name} has no outcome that this client knows`);
    }
    return { ...fields, [chosen.case]: chosen.value };
  }
  const lacking = schema.fields.find(
    (field) => ALWAYS.has(field.localName) && fields[field.localName] === undefined,
  );
  if (lacking) {
    throw foreign(`the ${schema.name} has no ${lacking.name}`);
  }
  return fields;
}

export function parsed<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw foreign(`the answer is not a ${schema.name}: ${error}`);
  }
}

export function foreign(what: string): ServerFault {
  const hint = "is the URL that of the HTTP/JSON port (7423) of a doorbuster server?";
  return new ServerFault(`${what}; ${hint}`, { reason: "ANSWER_UNREADABLE", code: "internal" });
}

function refusalOf(
  schema: DescMessage,
  refusal: Refusal | CouponRefusal | ExportRefusal,
  fields: Record<string, unknown>,
): Refused {
  const reasons = schema.field.refusal?.message?.field.reason?.enum;
  const position = { position: (fields.position as bigint | undefined) ?? 0n };
  const reason = reasons ? nameOf(reasons, refusal.reason) : String(refusal.reason);
  if (refusal.$typeName !== "doorbuster.v1.Refusal") {
    return new Refused(refusal.message, reason, position);
  }
  const { availableUnits, quote, couponReason } = refusal;
  const coupon = couponReason === 0 ? "" : nameOf(CouponReasonSchema, couponReason);
  const facts = { availableUnits, quote, couponReason: coupon, ...position };
  return new Refused(refusal.message, reason, facts);
}

/** The name of a value without that of its enum; of one that is newer than this client, its number. */
function nameOf(kind: DescEnum, number: number): string {
  return kind.value[number]?.localName ?? String(number);
}

/** Codes for answers that do not come from the server but from a proxy in front of it. */
const HTTP_CODES: Readonly<Record<number, string>> = {
  400: "internal",
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

/** A failure as the protocol writes it. */
export interface Said {
  code: string;
  message?: string;
  details?: { type?: string; debug?: Record<string, unknown> }[];
}

/** The error that the body of an answer says. */
export function failureOf(status: number, text: string): DoorbusterError {
  const said = jsonOf(text);
  if (typeof said?.code === "string") {
    return errorOf(said);
  }
  const debug = { reason: `HTTP_${status}` };
  return errorOf({
    code: HTTP_CODES[status] ?? "unknown",
    message: `the answer has the HTTP status ${status} and is not of doorbuster`,
    details: [{ type: "google.rpc.ErrorInfo", debug }],
  });
}

function jsonOf(text: string): Said | undefined {
  try {
    return JSON.parse(text) as Said;
  } catch {
    return undefined;
  }
}

export function errorOf(said: Said): DoorbusterError {
  const detail = (type: string) => said.details?.find((one) => one.type === type)?.debug;
  const info = detail("google.rpc.ErrorInfo") as
    | { reason?: string; metadata?: Record<string, string> }
    | undefined;
  const delay = detail("google.rpc.RetryInfo")?.retryDelay as string | undefined;
  const reason = info?.reason ?? said.code.toUpperCase();
  // Where the server promises that nothing happened, or says what is wrong with the request, it did
  // nothing. A write without an answer may have been carried out.
  const unsure = ["unavailable", "deadline_exceeded", "canceled", "unknown", "internal"];
  const closed = reason === "SERVICE_CLOSED" || reason === "SERVICE_DEGRADED";
  const family = reason === "LOG_CHANGED" ? LogChanged : (FAMILIES[said.code] ?? ServerFault);
  return new family(said.message || reason, {
    reason,
    field: info?.metadata?.field ?? "",
    code: said.code,
    retryAfterMs: delay === undefined ? undefined : Number.parseFloat(delay) * 1000,
    traceId: info?.metadata?.trace_id ?? "",
    maybeDone: unsure.includes(said.code) && !closed,
  });
}

const NOT_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  // A port that `fetch` does not connect to has this message and no code.
  "bad port",
]);

/** A call that got no answer, from what `fetch` threw. */
export function lost(thrown: unknown, url: string): DoorbusterError {
  const options = { cause: thrown };
  if (thrown instanceof Error && thrown.name === "TimeoutError") {
    const failure = { reason: "DEADLINE_EXCEEDED", code: "deadline_exceeded", maybeDone: true };
    return new DeadlineExceeded("no answer within the timeout of the call", failure, options);
  }
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const { code = "", message = String(thrown) } = (cause ?? {}) as Partial<Record<string, string>>;
  const why = [code, message].filter(Boolean).join(" ");
  if (NOT_SENT.has(code || message)) {
    const failure = { reason: "CONNECTION_FAILED", code: "unavailable" };
    return new Unavailable(`no connection to ${url}: ${why}`, failure, options);
  }
  const failure = { reason: "CONNECTION_LOST", code: "unavailable", maybeDone: true };
  const said = `the connection to ${url} was lost before the answer: ${why}`;
  return new Unavailable(said, failure, options);
}

/** A call that did not get a connection; nothing of it was sent. */
export function noSlot(): DeadlineExceeded {
  const said = "all connections of the client were in use until the deadline of the call";
  return new DeadlineExceeded(said, { reason: "DEADLINE_EXCEEDED", code: "deadline_exceeded" });
}

/** A message of a stream as it is sent. */
export function enveloped(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

/** The messages in the body of a stream, until its last one; throws the failure that ends it. */
export async function* messagesOf<S extends DescMessage>(
  schema: S,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<MessageShape<S>> {
  let bytes = new Uint8Array();
  for await (const chunk of body) {
    const grown = new Uint8Array(bytes.length + chunk.length);
    grown.set(bytes);
    grown.set(chunk, bytes.length);
    bytes = grown;
    while (bytes.length >= PREFIX_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const [flags, end] = [view.getUint8(0), PREFIX_BYTES + view.getUint32(1)];
      if (bytes.length < end) {
        break;
      }
      const message = bytes.subarray(PREFIX_BYTES, end);
      bytes = bytes.subarray(end);
      if (flags & COMPRESSED) {
        throw foreign("a message of the stream is compressed");
      }
      if (flags & END) {
        const { error } = JSON.parse(new TextDecoder().decode(message)) as { error?: Said };
        if (error) {
          throw errorOf(error);
        }
        return;
      }
      yield parsed(schema, message);
    }
  }
  const failure = { reason: "CONNECTION_LOST", code: "unavailable" };
  throw new Unavailable("the stream ended without its last message", failure);
}
