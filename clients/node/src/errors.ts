/**
 * What can go wrong with a call, one class for each family. Every error of the client is a
 * `DoorbusterError`; no error of HTTP or of `fetch` reaches the caller.
 */

import type { PriceQuote } from "./v1/index.js";

/** What an error knows beside its message. */
export interface Failure {
  reason: string;
  field?: string;
  code?: string;
  retryAfterMs?: number | undefined;
  traceId?: string;
  maybeDone?: boolean;
}

/** A call that did not succeed. */
export class DoorbusterError extends Error {
  /** UPPER_SNAKE, and part of the API. */
  readonly reason: string;
  /** The field of the request that is in the way, as the proto files name it; empty if none is. */
  readonly field: string;
  /** The code of the Connect protocol; empty for a refusal. */
  readonly code: string;
  /** The delay that the server asks for. */
  readonly retryAfterMs: number | undefined;
  /** Finds the call in the traces of the server; empty if it has none. */
  readonly traceId: string;
  /**
   * The write may have been carried out although there is no answer: repeat it with `requestId`, or
   * ask what became of it.
   */
  maybeDone: boolean;
  /** The request id of a write: the same call with it gets the first answer. */
  requestId = "";

  constructor(message: string, failure: Failure, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.reason = failure.reason;
    this.field = failure.field ?? "";
    this.code = failure.code ?? "";
    this.retryAfterMs = failure.retryAfterMs;
    this.traceId = failure.traceId ?? "";
    this.maybeDone = failure.maybeDone ?? false;
  }
}

/** A business "no" of the server, such as SOLD_OUT. It is an answer: nothing is tried again. */
export class Refused extends DoorbusterError {
  /** Units at the decision, if it was about units. */
  readonly availableUnits: bigint | undefined;
  /** What the order would cost now, of PRICE_CHANGED. */
  readonly quote: PriceQuote | undefined;
  /** Why a coupon was denied, of COUPON_REFUSED; empty otherwise. */
  readonly couponReason: string;
  /** Place in the log, for the `minPosition` of a read. */
  readonly position: bigint;

  constructor(
    message: string,
    reason: string,
    facts: {
      availableUnits?: bigint | undefined;
      quote?: PriceQuote | undefined;
      couponReason?: string;
      position?: bigint;
    },
  ) {
    super(message, { reason });
    this.availableUnits = facts.availableUnits;
    this.quote = facts.quote;
    this.couponReason = facts.couponReason ?? "";
    this.position = facts.position ?? 0n;
  }
}

/** The request is wrong, and `field` says where. Also thrown before anything is sent. */
export class InvalidRequest extends DoorbusterError {}

/**
 * The resume token is of another log, or of an end that the log lost. Which events were missed is
 * unknown: compare with `listOrders`, and follow anew with `afterPosition`.
 */
export class LogChanged extends InvalidRequest {}

/** What `field` names does not exist, or belongs to another buyer. */
export class NotFound extends DoorbusterError {}

/** The request id was used for a request with other fields. */
export class RequestIdReused extends DoorbusterError {}

/** The token is missing, unknown, over, of another operator, or of a role that may not call this. */
export class NotAllowed extends DoorbusterError {}

/** The server cannot answer now or cannot be reached, and the attempts of the client are over. */
export class Unavailable extends DoorbusterError {}

/** There was no answer within the timeout of the call. */
export class DeadlineExceeded extends DoorbusterError {}

/** The server failed, or what answers is not a doorbuster server. */
export class ServerFault extends DoorbusterError {}

/** The family of each code of the Connect protocol. */
export const FAMILIES: Readonly<Record<string, typeof DoorbusterError>> = {
  invalid_argument: InvalidRequest,
  failed_precondition: InvalidRequest,
  out_of_range: InvalidRequest,
  not_found: NotFound,
  already_exists: RequestIdReused,
  unauthenticated: NotAllowed,
  permission_denied: NotAllowed,
  resource_exhausted: Unavailable,
  unavailable: Unavailable,
  aborted: Unavailable,
  deadline_exceeded: DeadlineExceeded,
  canceled: DeadlineExceeded,
  unimplemented: ServerFault,
  internal: ServerFault,
  unknown: ServerFault,
  data_loss: ServerFault,
};

/** A mistake that is found before anything is sent. */
export function invalid(field: string, message: string): InvalidRequest {
  return new InvalidRequest(message, {
    reason: "INVALID_ARGUMENT",
    field,
    code: "invalid_argument",
  });
}
