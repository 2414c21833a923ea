/** Which failures are tried again, and after which pause. */

import type { DoorbusterError } from "./errors.js";

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
const PASSING = new Set(["unavailable", "aborted"]);

/**
 * Whether the same request may succeed later. RESOURCE_EXHAUSTED also stands for a message that is too
 * large; only an overload comes with a delay.
 */
export function isPassing(error: DoorbusterError): boolean {
  const overload = error.code === "resource_exhausted" && error.retryAfterMs !== undefined;
  return PASSING.has(error.code) || overload;
}

/**
 * Milliseconds before the next attempt: never less than the server asks for, and full jitter above
 * that, so that clients which failed together do not return together.
 */
export function pauseMs(attempt: number, hintMs: number | undefined, random = Math.random): number {
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return (hintMs ?? 0) + random() * most;
}
