/**
 * A bound on the calls that are under way at once. `fetch` opens a connection for each of them, and a
 * server has a limit of connections.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a slot until the signal aborts; whether there is one. */
  async taken(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) {
      return false;
    }
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const take = () => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      };
      const leave = () => resolve(!this.#waiting.delete(take));
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(take);
    });
  }

  /** Hands the slot to the call that waits for longest. */
  release(): void {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next();
    } else {
      this.#free += 1;
    }
  }
}
