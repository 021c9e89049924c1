// The todolist example as a process of its own, and lines to it that a test can cut.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Builds the example; gives the path of the program. */
export function build(): string {
  const output = execFileSync("cargo", ["build", "--example", "todolist", "--message-format=json"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 28,
  });
  const artifacts = output.trim().split("\n").map((line) => JSON.parse(line) as { executable?: string; target?: { name: string } });
  return artifacts.find(({ executable, target }) => executable && target?.name === "todolist")!.executable!;
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export interface Task {
  id: number;
  text: string;
}

/** The example, on a database of its own. It can be killed and started again on the same one. */
export class Server {
  port = 0;
  #process: ChildProcess | null = null;
  readonly #directory = mkdtempSync(path.join(tmpdir(), "todolist-"));

  constructor(readonly program: string) {}

  async start(): Promise<this> {
    if (!this.port) {
      const probe = net.createServer();
      this.port = await listen(probe);
      probe.close();
    }
    const env = { ...process.env, PORT: String(this.port), DATABASE_URL: path.join(this.#directory, "todolist.db") };
    this.#process = spawn(this.program, { env, stdio: ["ignore", "ignore", "inherit"] });
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error("the example does not start");
      if (await this.request("GET", "/me/").then(() => true, () => false)) return this;
      await new Promise((resolve) => setTimeout(resolve, 30));
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

  async request<T>(method: string, address: string, body?: object, signal?: AbortSignal): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${address}`, {
      method,
      headers: { "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  tasks(list: number, signal?: AbortSignal): Promise<Task[]> {
    return this.request("GET", `/tasks/?list_id=${list}`, undefined, signal);
  }
}

/** How a line breaks: both ends hear of it, nobody hears of it, or only one side's bytes come no further. */
export type Break = "cut" | "freeze" | "half";

/** A port of its own in front of the server, which a test can break, and slow down. */
export class Line {
  port = 0;
  delay = 0;
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
      last = last.then(() => (delay ? new Promise<void>((resolve) => setTimeout(resolve, delay)) : undefined)).then(() => void (to.destroyed || to.write(data)));
    });
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
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
