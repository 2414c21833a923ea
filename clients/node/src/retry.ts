/** Which failures are tried again, and after which pause. */

import { DeadlineExceeded, type DoorbusterError } from "./errors.js";

const FIRST_PAUSE_MS = 50;
export const LONGEST_PAUSE_MS = 2_000;
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

/** The failures of a stream since its server answered last. */
export class Outage {
  readonly #giveUpAfterMs: number | undefined;
  #attempts = 0;
  #since = 0;

  constructor(giveUpAfterMs: number | undefined) {
    this.#giveUpAfterMs = giveUpAfterMs;
  }

  /** The server answers: a later failure is the first one again. */
  ended(): void {
    this.#attempts = 0;
  }

  /** Milliseconds before the next attempt; throws the error where there is none. */
  pauseMs(error: DoorbusterError): number {
    error.maybeDone = false;
    if (!isPassing(error) && !(error instanceof DeadlineExceeded)) {
      throw error;
    }
    if (this.#attempts === 0) {
      this.#since = performance.now();
    }
    this.#attempts += 1;
    const pause = pauseMs(this.#attempts, error.retryAfterMs);
    const lasts = performance.now() - this.#since + pause;
    if (this.#giveUpAfterMs !== undefined && lasts >= this.#giveUpAfterMs) {
      throw error;
    }
    return pause;
  }
}
