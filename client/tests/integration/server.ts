// An example as a process of its own, and lines to it that a test can cut.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import type { Collection } from "rest-live";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Builds an example; gives the path of the program. */
export function build(example: "todolist" | "tokens"): string {
  const output = execFileSync("cargo", ["build", "--example", example, "--message-format=json"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 28,
  });
  const artifacts = output.trim().split("\n").map((line) => JSON.parse(line) as { executable?: string; target?: { name: string } });
  return artifacts.find(({ executable, target }) => executable && target?.name === example)!.executable!;
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The example, on a database of its own. It can be killed and started again on the same one. */
export class Server {
  port = 0;
  #process: ChildProcess | null = null;
  readonly #directory = mkdtempSync(path.join(tmpdir(), "rest-live-"));

  constructor(
    readonly program: string,
    readonly settings: Record<string, string> = {},
  ) {}

  async start(): Promise<this> {
    if (!this.port) {
      const probe = net.createServer();
      this.port = await listen(probe);
      probe.close();
    }
    const env = { ...process.env, ...this.settings, PORT: String(this.port), DATABASE_URL: path.join(this.#directory, "example.db") };
    this.#process = spawn(this.program, { env, stdio: ["ignore", "ignore", "inherit"] });
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error("the example does not start");
      if (await fetch(this.url("/")).then(() => true, () => false)) return this;
      await sleep(30);
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  url(address: string): string {
    return `http://127.0.0.1:${this.port}${address}`;
  }

  async request<T>(method: string, address: string, body?: object, { signal, token }: { signal?: AbortSignal; token?: string } = {}): Promise<T> {
    const response = await fetch(this.url(address), {
      method,
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? null : await response.json()) as T;
  }
}

const CHUNK = 16 * 1024;

const sleep = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));

/** How a line breaks: both ends hear of it, nobody hears of it, or only one side's bytes come no further. */
export type Break = "cut" | "freeze" | "half";

/** A port of its own in front of the server, which a test can break, and slow down. */
export class Line {
  port = 0;
  delay = 0;
  /** How long each 16 KiB take, in ms. */
  trickle = 0;
  #isDown = false;
  readonly #sockets = new Set<Socket>();
  readonly #listener = net.createServer((near) => this.#connect(near));

  constructor(readonly server: Server) {}

  async open(): Promise<this> {
    this.port = await listen(this.#listener);
    return this;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws/subscribe/`;
  }

  #connect(near: Socket): void {
    if (this.#isDown) return void near.destroy();
    const far = net.connect(this.server.port, "127.0.0.1");
    this.#pass(near, far);
    this.#pass(far, near);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    // In order, whatever the delay was when they came.
    let last = Promise.resolve();
    from.setNoDelay();
    from.on("error", () => {});
    from.on("data", (data) => {
      const { delay } = this;
      last = last.then(() => this.#forward(to, data, delay));
    });
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }

  async #forward(to: Socket, data: Buffer, delay: number): Promise<void> {
    if (delay) await sleep(delay);
    for (let at = 0; at < data.length; at += CHUNK) {
      if (this.trickle) await sleep(this.trickle);
      if (!to.destroyed) to.write(data.subarray(at, at + CHUNK));
    }
  }

  /** Breaks what is connected now. */
  break(how: Break): void {
    for (const socket of this.#sockets) {
      if (how === "cut") socket.destroy();
      else if (how === "half") socket.end();
      else socket.pause();
    }
  }

  down(): void {
    this.#isDown = true;
    this.break("cut");
  }

  up(): void {
    this.#isDown = false;
  }

  close(): void {
    this.down();
    this.#listener.close();
  }
}

/** Waits until it is so. */
export async function until(holds: () => boolean, what: () => string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`it did not come to this: ${what()}`);
    await sleep(10);
  }
}

/** What REST reads is what the collection comes to. */
export async function converges<T extends object>(rows: Collection<T>, truth: readonly T[]): Promise<void> {
  const expected = JSON.stringify(truth);
  await until(
    () => rows.status === "live" && JSON.stringify(rows.rows) === expected,
    () => `${expected}, but ${JSON.stringify(rows.state)}`,
  );
}
