// Factree as a process, and its API as a story asks it.
//
// Ports are picked by the operating system, or by the story where it starts Factree again; the addresses are those
// of the
// start banner. Invariant: what was started here is ended here.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export class Factree {
  /**
   * Starts one: `command` is `serve` or `demo`; `http` and `mqtt` are ports; `users` are added before, each with a name, a
   * password and roles.
   */
  static async start({ command = "serve", config, http = 0, mqtt = 0, users = [] } = {}) {
    const factree = new Factree();
    factree.directory = await mkdtemp(join(tmpdir(), "factree-browser-"));
    factree.arguments = [command, "--data", join(factree.directory, "data")];
    if (config !== undefined) {
      const file = join(factree.directory, "factree.toml");
      await writeFile(file, config);
      factree.arguments.push("--config", file);
    }
    for (const user of users) factree.#add(user);
    await factree.again({ http, mqtt });
    return factree;
  }

  /** @param {{ name: string, password: string, roles: string[] }} user */
  #add({ name, password, roles }) {
    const [, ...where] = this.arguments;
    const asked = ["user", "add", name, "--password-stdin", ...roles.flatMap((role) => ["--role", role]), ...where];
    execFileSync(process.env.FACTREE_BIN, asked, { input: `${password}\n`, stdio: ["pipe", "ignore", "inherit"] });
  }

  /** Starts it again, where it was. */
  async again({ http = this.http, mqtt = this.mqtt } = {}) {
    const process = spawn(
      globalThis.process.env.FACTREE_BIN,
      [...this.arguments, "--http", `127.0.0.1:${http}`, "--mqtt", `127.0.0.1:${mqtt}`],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.process = process;
    this.log = "";
    process.stderr.on("data", (text) => (this.log += text));
    for await (const line of createInterface({ input: process.stdout })) {
      const said = /^ {2}(MQTT|HTTP) {3}\S*?127\.0\.0\.1:(\d+)/.exec(line);
      if (said) this[said[1].toLowerCase()] = Number(said[2]);
      if (line.startsWith("Ctrl-C")) break;
    }
    if (process.exitCode !== null) throw new Error(`it did not start: ${this.log}`);
    process.stdout.resume();
    this.url = `http://127.0.0.1:${this.http}`;
  }

  /** Stops it in order. */
  async stop() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    const [code] = await ended;
    if (code !== 0 || this.log.includes("panicked")) throw new Error(`it ended with ${code}: ${this.log}`);
  }

  async close() {
    if (this.process.exitCode === null) await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  async get(target) {
    const response = await fetch(this.url + target);
    return response.json();
  }
}

/** A port that stays free while its Factree is down: outside of the range that outgoing connections are given. */
export async function lastingPort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

/** Asks until the answer is wanted. */
export async function eventually(ask, isWanted, patience = 30_000) {
  const until = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > until) throw new Error(`still ${JSON.stringify(answer).slice(0, 400)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
