// The tokens example, for tests: users with their tokens, and the notes that they write and see.

import { RestLive, type Collection, type LiveError, type RestLiveOptions } from "rest-live";

import { Socket } from "./journey.js";
import { until, type Line, type Server } from "./server.js";

export interface Note {
  id: number;
  room: number;
  author: string;
  text: string;
  is_private: boolean;
}

export const room = (value: number) => ({ model: "tokens.Note", property: "room", value });

export class Notes {
  constructor(
    readonly server: Server,
    readonly line: Line,
  ) {}

  async token(name: string): Promise<string> {
    const response = await fetch(this.server.url("/token/"), { method: "POST", body: name });
    return response.text();
  }

  /** As somebody whose token is a new one each time: tokens end soon. */
  async request<T>(name: string, method: string, address: string, body?: object): Promise<T> {
    return this.server.request<T>(method, address, body, { token: await this.token(name) });
  }

  add(author: string, text: string, more: Partial<Note> = {}): Promise<Note> {
    return this.request(author, "POST", "/notes/", { room: 1, text, ...more });
  }

  edit({ id, author }: Note, patch: Partial<Note>): Promise<Note> {
    return this.request(author, "PATCH", `/notes/${id}/`, patch);
  }

  remove({ id, author }: Note): Promise<void> {
    return this.request(author, "DELETE", `/notes/${id}/`);
  }

  /** What a user may see of a room. */
  seen(name: string, value: number): Promise<Note[]> {
    return this.request(name, "GET", `/notes/?room=${value}`);
  }

  client(options: RestLiveOptions): Heard {
    return new Heard(this.line.url, options);
  }
}

/** A client, and all that its sockets said and sent, and what went wrong. */
export class Heard extends RestLive {
  readonly frames: Record<string, unknown>[];
  readonly sent: Record<string, unknown>[];
  readonly errors: LiveError[];
  readonly sockets: { code?: number }[];

  constructor(url: string, options: RestLiveOptions) {
    const [frames, sent, errors, sockets] = [[] as Record<string, unknown>[], [] as Record<string, unknown>[], [] as LiveError[], [] as { code?: number }[]];
    class Recorded extends (Socket as unknown as typeof import("ws").WebSocket) {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols);
        const socket: { code?: number } = {};
        sockets.push(socket);
        this.on("message", (data) => frames.push(JSON.parse(String(data)) as Record<string, unknown>));
        this.on("close", (code) => (socket.code = code));
      }

      override send(data: string): void {
        sent.push(JSON.parse(data) as Record<string, unknown>);
        super.send(data);
      }
    }
    super(url, { WebSocket: Recorded as never, probeAfter: 1_000, onError: (error) => errors.push(error), ...options });
    this.frames = frames;
    this.sent = sent;
    this.errors = errors;
    this.sockets = sockets;
  }

  notes(value: number): Collection<Note> {
    return this.collection(room(value), { snapshot: true, compare: (a: Note, b: Note) => a.id - b.id });
  }

  /** The frames of a type. */
  of(type: string): Record<string, unknown>[] {
    return this.frames.filter((frame) => frame["type"] === type);
  }

  async hears(type: string, times = 1): Promise<void> {
    await until(
      () => this.of(type).length >= times,
      () => `${times} of ${type} in ${JSON.stringify(this.frames)}`,
    );
  }
}
