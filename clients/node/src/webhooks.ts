/**
 * Webhooks: a delivery is verified before anything of it is used.
 *
 * doorbuster signs as Standard Webhooks 1.0.0 says, scheme v1: `webhook-id`, `webhook-timestamp` and
 * `webhook-signature`, which is the HMAC-SHA256 over id, timestamp and body.
 */

import { createHmac, timingSafeEqual } from "node:crypto";

const PREFIX = "whsec_";
const SCHEME = "v1,";

/** A delivery that must not be trusted: answer 400 and use nothing of it. */
export class WebhookError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A header of the signature is missing or not of its form. */
export class SignatureMissing extends WebhookError {}

/** The delivery was signed too long ago or in the future: a repeated one, or a wrong clock. */
export class TimestampTooOld extends WebhookError {}

/** No signature is that of the body by any of the secrets. */
export class SignatureWrong extends WebhookError {}

/** The body is signed, but not that of a delivery. */
export class BodyInvalid extends WebhookError {}

/** A verified delivery. Deliveries are at least once: `id` is the same for every attempt. */
export interface Delivery {
  id: string;
  /** alert.raised, alert.cleared, incident.detected or incident.resolved. */
  type: string;
  /** When the log recorded it. */
  timestamp: Date;
  /** Position, stream and event. Whole numbers beyond 2^53 are bigint. */
  data: Record<string, unknown>;
}

export interface VerifyOptions {
  /** The age that is still accepted, in seconds; 300 if absent. */
  tolerance?: number;
  /** The present as a Unix time in seconds; that of the clock if absent. */
  now?: number;
}

type HeaderBag = Headers | Record<string, string | string[] | undefined>;

/**
 * Verifies a delivery and returns it, or throws a `WebhookError`.
 *
 * `body` is what arrived, byte for byte. `secrets` is the base64 of the key with or without `whsec_`,
 * or several while one is replaced.
 */
export function verify(
  headers: HeaderBag,
  body: string | Uint8Array,
  secrets: string | readonly string[],
  { tolerance = 300, now = Date.now() / 1000 }: VerifyOptions = {},
): Delivery {
  const keys = [secrets].flat().map(keyOf);
  if (keys.length === 0) {
    throw new TypeError("there is no webhook secret");
  }
  const [id, stamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(
    (name) => headerOf(headers, name),
  ) as [string, string, string];
  if (!/^\d{1,15}$/.test(stamp)) {
    throw new SignatureMissing(`webhook-timestamp must be seconds, not ${JSON.stringify(stamp)}`);
  }
  const age = now - Number(stamp);
  if (!(Math.abs(age) <= tolerance)) {
    const accepted = `${tolerance} s are accepted`;
    throw new TimestampTooOld(`webhook-timestamp is ${Math.round(age)} s old; ${accepted}`);
  }
  const offered = signatures.split(" ").filter((word) => word.startsWith(SCHEME));
  if (offered.length === 0) {
    throw new SignatureMissing("webhook-signature has no signature of the scheme v1");
  }
  // All pairs are compared, so that the time tells nothing of which one fits.
  let fits = false;
  for (const key of keys) {
    const expected = createHmac("sha256", key).update(`${id}.${stamp}.`).update(body).digest();
    for (const word of offered) {
      const given = Buffer.from(word.slice(SCHEME.length), "base64");
      fits = (given.length === expected.length && timingSafeEqual(given, expected)) || fits;
    }
  }
  if (!fits) {
    throw new SignatureWrong("no signature in webhook-signature is that of the body and a secret");
  }
  return deliveryOf(id, typeof body === "string" ? body : new TextDecoder().decode(body));
}

function headerOf(headers: HeaderBag, name: string): string {
  let value: string | string[] | null | undefined;
  if (headers instanceof Headers) {
    value = headers.get(name);
  } else {
    value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  }
  const text = Array.isArray(value) ? value.join(" ") : value;
  if (!text) {
    throw new SignatureMissing(`the header ${name} is missing`);
  }
  return text;
}

function keyOf(secret: string): Buffer {
  const text = secret.trim().replace(PREFIX, "");
  const key = Buffer.from(text, "base64");
  if (key.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, "")) {
    throw new TypeError("a webhook secret is not base64");
  }
  if (key.length < 24 || key.length > 64) {
    throw new TypeError(`a webhook secret must be 24 to 64 bytes in base64, not ${key.length}`);
  }
  return key;
}

function deliveryOf(id: string, body: string): Delivery {
  try {
    const { type, timestamp, data } = exactJson(body) as Partial<Record<string, unknown>>;
    const time = new Date(timestamp as string);
    if (typeof type !== "string" || typeof data !== "object" || !data || !Number(time)) {
      throw new TypeError("type, timestamp or data is missing");
    }
    return { id, type, timestamp: time, data: data as Record<string, unknown> };
  } catch (error) {
    throw new BodyInvalid(`the body is not a delivery: ${error}`);
  }
}

/** JSON in which whole numbers beyond 2^53 become bigint and not the nearest number. */
function exactJson(text: string): unknown {
  const mark = "\u0000bigint:";
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token))
      ? JSON.stringify(mark + token)
      : token,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}
