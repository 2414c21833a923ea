// `doorbuster devstore` as a child process that can be started, stopped and restarted on the same data.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Devstore {
  #binary;
  #directory;
  #child = null;

  constructor(binary, directory) {
    this.#binary = binary;
    this.#directory = directory;
  }

  /** Starts the server and returns the connection string that it prints. */
  async start() {
    const listen = ["--data", this.#directory, "--listen", "127.0.0.1:0"];
    this.#child = spawn(this.#binary, ["devstore", "--json", "--quiet", ...listen], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(this.#child, "exit").then(([code]) => {
      throw new Error(`devstore ended with ${code} before it listened`);
    });
    ended.catch(() => {});
    const [line] = await Promise.race([once(createInterface(this.#child.stdout), "line"), ended]);
    return JSON.parse(line).connection;
  }

  /** Asks the server to end and returns its exit code. */
  async stop() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const [code] = await ended;
    return code;
  }

  /** Ends the server in any case. */
  end() {
    if (this.#child && this.#child.exitCode === null) {
      this.#child.kill("SIGKILL");
    }
  }
}
