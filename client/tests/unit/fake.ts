// A server that does what the test says: sockets whose other end is the test.

import { afterEach, beforeEach, vi } from "vitest";

import { RestLive, type RestLiveOptions, type SocketLike } from "rest-live";

export class FakeSocket implements SocketLike {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  readyState = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  sent: Record<string, unknown>[] = [];

  constructor(
    readonly url: string,
    readonly protocols?: string[],
  ) {
    FakeSocket.all.push(this);
  }

  send(data: string): void {
    if (this.readyState !== 1) throw new Error("not open");
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  opens(): this {
    this.readyState = 1;
    this.onopen?.({} as never);
    return this;
  }

  says(frame: object | string): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) } as never);
  }

  closes(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as never);
  }

  /** The messages of a type. */
  of(type: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message["type"] === type && message["id"] !== 0);
  }

  /** Acknowledges the newest subscription, or this one. */
  acks({ id = this.of("subscribe").at(-1)?.["id"], cursor = "c0", recovered = false } = {}): void {
    this.says({ type: "subscribed", id, cursor, recovered });
  }

  tells(action: string, instance: object, { id = this.of("subscribe").at(-1)?.["id"], cursor = "c1" } = {}): void {
    this.says({ type: "broadcast", id, model: "a.Task", action, instance, cursor });
  }

  refuses(reason: string, { id = this.of("subscribe").at(-1)?.["id"] as unknown, code = 404, temporary = false } = {}): void {
    this.says({ type: "error", ...(id !== null && { id }), code, reason, message: "no", temporary });
  }
}

export interface Task {
  id: number;
  text: string;
  done?: boolean;
}

// eslint-disable-next-line @typescript-eslint/consistent-type-definitions
export type Models = { "a.Task": { instance: Task; groups: { pk: number; list_id: number } } };

export const LIST = { model: "a.Task", property: "list_id", value: 1 } as const;

export function client(options: RestLiveOptions = {}): RestLive<Models> {
  FakeSocket.all = [];
  return new RestLive<Models>("ws://server/", { WebSocket: FakeSocket, ...options });
}

/** Time goes on when the test says so, and chance is always the same. */
export function handTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });
}

/** Lets promises go on. */
export const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** A promise that the test fulfils. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (cause: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
