/** Order events as an iterator that outlasts lost connections and restarts of the server. */

import { setTimeout as sleep } from "node:timers/promises";
import { DeadlineExceeded, DoorbusterError, invalid, Unavailable } from "./errors.js";
import { type Input, messageOf } from "./input.js";
import { LONGEST_PAUSE_MS, Outage } from "./retry.js";
import {
  type FollowOrdersRequest,
  FollowOrdersRequestSchema,
  type FollowOrdersResponse,
  type OrderEvent,
} from "./v1/index.js";

/** An order event with the token by which a follower continues behind it. */
export type ToldOrder = FollowOrdersResponse & { event: OrderEvent };

/** How a follower follows. */
export interface FollowOptions {
  /** Ends the follower; what it throws then is the reason of the signal. */
  signal?: AbortSignal;
  /** Also gives the messages that have no event and only bring a newer token. */
  progress?: boolean;
  /** A connection on which nothing arrives for so long is replaced; 30,000 if absent. */
  idleTimeoutMs?: number;
  /** Throws the last failure after so long without the server; never if absent. */
  giveUpAfterMs?: number;
  /** Called before each pause, after which the follower connects again. */
  onRetry?: (error: DoorbusterError, pauseMs: number) => void;
}

/** Opens one stream; resolves as soon as the headers of its answer are there. */
export type Open = (
  request: FollowOrdersRequest,
  signal: AbortSignal,
) => Promise<AsyncGenerator<FollowOrdersResponse>>;

/**
 * The messages of FollowOrders, each once and in the order of the log.
 *
 * Where the connection is lost or the server ends the stream, the iterator connects again and continues
 * behind the last message that it gave. What the server says about the request (`LogChanged`,
 * `InvalidRequest`, `NotFound`, `NotAllowed`) is thrown. Leaving the loop closes the follower.
 */
export class OrderFollower<T extends FollowOrdersResponse = ToldOrder>
  implements AsyncIterableIterator<T>
{
  readonly #open: Open;
  readonly #request: FollowOrdersRequest;
  readonly #options: FollowOptions;
  readonly #closing = new AbortController();
  readonly #messages: AsyncGenerator<T>;
  #idleTimeoutMs = 30_000;
  #resumeToken: string;

  /** @internal */
  constructor(open: Open, input: Input<FollowOrdersRequest>, options: FollowOptions) {
    this.#open = open;
    this.#request = messageOf(FollowOrdersRequestSchema, input);
    this.#options = options;
    const { giveUpAfterMs, idleTimeoutMs = this.#idleTimeoutMs } = options;
    for (const [name, ms] of Object.entries({ idleTimeoutMs, giveUpAfterMs })) {
      if (ms !== undefined && !(ms > 0 && ms < 2 ** 31)) {
        throw invalid(name, `${name} must be above 0 and below 2^31, not ${ms}`);
      }
    }
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#resumeToken = this.#request.resumeToken;
    this.#messages = this.#follow();
  }

  /** That of the last message, also of one that was skipped. */
  get resumeToken(): string {
    return this.#resumeToken;
  }

  /** Ends the follower, also while its next message is awaited. */
  close(): void {
    this.#closing.abort();
  }

  next(): Promise<IteratorResult<T>> {
    return this.#messages.next();
  }

  async return(): Promise<IteratorResult<T>> {
    this.close();
    return this.#messages.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async *#follow(): AsyncGenerator<T> {
    const outage = new Outage(this.#options.giveUpAfterMs);
    while (!this.#closing.signal.aborted) {
      const connection = new AbortController();
      let openedAt = Number.POSITIVE_INFINITY;
      try {
        const messages = await this.#before(connection, (signal) =>
          this.#open(this.#nextRequest(), signal),
        );
        openedAt = performance.now();
        for (;;) {
          const { value, done } = await this.#before(connection, () => messages.next());
          if (done) {
            throw ended();
          }
          outage.ended();
          this.#resumeToken = value.resumeToken;
          if (value.event || this.#options.progress) {
            yield value as T;
          }
        }
      } catch (error) {
        // Without a message, only a connection that lasted shows that the server answers.
        if (performance.now() - openedAt >= LONGEST_PAUSE_MS) {
          outage.ended();
        }
        await this.#failed(error, outage);
      } finally {
        connection.abort();
      }
    }
  }

  /** Does a step of a connection, for at most as long as nothing may arrive. */
  async #before<R>(
    connection: AbortController,
    step: (signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const idle = setTimeout(
      () => connection.abort(silent(this.#idleTimeoutMs)),
      this.#idleTimeoutMs,
    );
    const given = this.#options.signal;
    const leave = () => connection.abort(given?.reason);
    const close = () => connection.abort();
    given?.addEventListener("abort", leave, { once: true });
    this.#closing.signal.addEventListener("abort", close, { once: true });
    try {
      given?.throwIfAborted();
      this.#closing.signal.throwIfAborted();
      return await step(connection.signal);
    } finally {
      clearTimeout(idle);
      given?.removeEventListener("abort", leave);
      this.#closing.signal.removeEventListener("abort", close);
    }
  }

  /** Pauses before the next attempt; throws the error where there is none. */
  async #failed(error: unknown, outage: Outage): Promise<void> {
    const { signal, onRetry } = this.#options;
    if (this.#closing.signal.aborted) {
      return;
    }
    if (signal?.aborted || !(error instanceof DoorbusterError)) {
      throw signal?.aborted ? signal.reason : error;
    }
    const pause = outage.pauseMs(error);
    onRetry?.(error, pause);
    const signals = [this.#closing.signal, ...(signal ? [signal] : [])];
    await sleep(pause, undefined, { signal: AbortSignal.any(signals) }).catch(() => {
      signal?.throwIfAborted();
    });
  }

  #nextRequest(): FollowOrdersRequest {
    if (this.#resumeToken === "") {
      return this.#request;
    }
    const { afterPosition: _, ...request } = this.#request;
    return { ...request, resumeToken: this.#resumeToken };
  }
}

function ended(): Unavailable {
  const failure = { reason: "STREAM_ENDED", code: "unavailable" };
  return new Unavailable("the server ended the stream, as one does that stops", failure);
}

function silent(ms: number): DeadlineExceeded {
  const failure = { reason: "DEADLINE_EXCEEDED", code: "deadline_exceeded" };
  return new DeadlineExceeded(`nothing arrived for ${ms} ms`, failure);
}
