// The React example, built or as its developers see it, served by Vite in front of a server.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(import.meta.dirname, "../../examples/react-todolist");
const vite = await import(pathToFileURL(createRequire(path.join(root, "package.json")).resolve("vite")));

// What the proxy has to say about servers that are killed is no news.
const config = (more) => ({ root, logLevel: "silent", ...more });

export class Front {
  #server;

  constructor(server) {
    this.#server = server;
  }

  /** The bundle, in front of the server that listens on this port of this machine. */
  static async built(port) {
    process.env.TODOLIST = `http://127.0.0.1:${port}`;
    await vite.build(config());
    return new Front(await vite.preview(config({ preview: { host: "127.0.0.1", port: 0 } })));
  }

  /** With React's checks, and with `StrictMode` that mounts twice. */
  static async developed(port) {
    process.env.TODOLIST = `http://127.0.0.1:${port}`;
    const server = await vite.createServer(config({ server: { host: "127.0.0.1", port: 0 } }));
    return new Front(await server.listen());
  }

  get port() {
    return this.#server.httpServer.address().port;
  }

  async close() {
    await this.#server.close();
  }
}
