// The example as a process of its own, and lines to it that a test can cut.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Builds the example; gives the path of the program. */
export function build() {
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 };
  const output = execFileSync("cargo", ["build", "--example", "todolist", "--message-format=json"], options);
  const artifacts = output.trim().split("\n").map((line) => JSON.parse(line));
  const example = artifacts.find(({ executable, target }) => executable && target.name === "todolist");
  return example.executable;
}

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The example, on a port that is free and a database of its own. It can be stopped and started again on the same ones. */
export class Server {
  #program;
  #process = null;
  #directory = mkdtempSync(path.join(tmpdir(), "todolist-"));

  constructor(program, port) {
    this.#program = program;
    this.port = port;
  }

  async start() {
    const env = { ...process.env, PORT: this.port, DATABASE_URL: path.join(this.#directory, "todolist.db") };
    this.#process = spawn(this.#program, { env, stdio: ["ignore", "pipe", "inherit"] });
    let log = "";
    for await (const chunk of this.#process.stdout.iterator({ destroyOnReturn: false })) {
      log += chunk;
      if (log.includes(`http://127.0.0.1:${this.port}/`)) break;
    }
    if (this.#process.exitCode !== null) throw new Error(`the example does not start: ${log}`);
    this.#process.stdout.resume();
  }

  /** Without a warning, as when the power fails. */
  async kill() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  async end() {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** A request past all windows; gives the body of the answer. */
  async request(method, address, body) {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`http://127.0.0.1:${this.port}${address}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${address}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }
}

/** A port of its own in front of the server. While it is cut, nothing passes. */
export class Line {
  #sockets = new Set();
  #isCut = false;
  #listener;

  async open(server) {
    this.#listener = net.createServer((near) => this.#connect(near, server)).listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    this.url = `http://127.0.0.1:${this.#listener.address().port}/`;
    return this;
  }

  #connect(near, server) {
    if (this.#isCut) return near.destroy();
    const far = net.connect(server.port, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.setNoDelay().pipe(other);
    }
  }

  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing passes any more, and nobody is told: as when somebody walks out of the reach of a network. */
  freeze() {
    for (const socket of this.#sockets) socket.pause();
  }

  mend() {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}
