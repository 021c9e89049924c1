// The connection: one socket at a time, which is opened when somebody wants it, and comes back when it breaks.

import { afterClose } from "./backoff.js";
import type { LiveError } from "./errors.js";
import { isHidden, watchPage, type Notice } from "./page.js";
import { NOT_AUTHENTICATED, parse, REVOKED, TOO_MANY_MESSAGES, type ErrorFrame, type Frame, type Message } from "./protocol.js";

/** As much of a `WebSocket` as is needed. Those of browsers and of the package `ws` have it. */
export interface SocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export type SocketConstructor = new (url: string, protocols?: string[]) => SocketLike;

/** Gives the token of the user, or `null` for nobody. */
export type Auth = () => string | null | Promise<string | null>;

export interface ConnectionOptions {
  /** Asked for a token at each connect, and before the server's `expires_in` runs out. Leave it out where a cookie says who it is. */
  auth?: Auth;
  /** How the token goes: in the first message (the default), or already in the request, as the subprotocol `bearer.<token>`. */
  authBy?: "message" | "subprotocol";
  /** The constructor of sockets, where there is no global one: that of the package `ws`. */
  WebSocket?: SocketConstructor;
  /** For how long the socket stays when nobody needs it any more, in ms. 5,000. */
  linger?: number;
  /** After how long a silence the server is asked for a sign of life, in ms. 45,000; `Infinity` for never. */
  probeAfter?: number;
}

/** Where the socket is. */
type State =
  /** Nobody needs it. */
  | { readonly at: "idle" }
  /** The application is asked for a token. */
  | { readonly at: "connecting" }
  | { readonly at: "connecting"; readonly socket: SocketLike }
  /** The token is sent and not answered. */
  | { readonly at: "connecting"; readonly socket: SocketLike; readonly token: string }
  | { readonly at: "open"; readonly socket: SocketLike; readonly since: number }
  /** It broke, and is opened again in a while. A firm while is not cut short. */
  | { readonly at: "waiting"; readonly firm: boolean }
  /** It does not come back by itself. */
  | { readonly at: "stopped" };

/** Where the connection is, for an indicator. */
export type ConnectionState = "idle" | "connecting" | "open" | "waiting" | "stopped";

export interface ConnectionEvents {
  opened(): void;
  received(frame: Frame): void;
  lost(): void;
  /** The login has ended: nobody knows what the next one may see. */
  expired(): void;
  failed(error: LiveError): void;
  changed(): void;
}

const OPEN_WITHIN = 15_000;
const STABLE_AFTER = 10_000;
const ANSWER_WITHIN = 8_000;
/** A timer that is later than this proves nothing: the page slept, and so did what it waited for. */
const LATE = 2_000;
const RENEW_AT = 0.8;
const LONGEST_TIMER = 2 ** 31 - 1;
const NO_CODE = 1006;

type Timer = ReturnType<typeof setTimeout> | undefined;

export class Connection {
  readonly #url: string;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  #state: State = { at: "idle" };
  #isWanted = false;
  #attempt = 0;
  #heard = 0;
  /** That of the state: the end of a wait, or the next look at a silent socket. */
  #timer: Timer;
  #renewal: Timer;
  #lingering: Timer;
  #unwatch: (() => void) | undefined;

  constructor(url: string | URL, options: ConnectionOptions, events: ConnectionEvents) {
    this.#url = String(url);
    this.#options = options;
    this.#events = events;
  }

  get state(): ConnectionState {
    return this.#state.at;
  }

  /** Somebody needs it. */
  want(): void {
    this.#isWanted = true;
    clearTimeout(this.#lingering);
    if (this.#state.at === "idle") this.#connect();
  }

  /** Nobody needs it any more; perhaps soon somebody does. */
  leave(): void {
    this.#isWanted = false;
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => this.close(), this.#options.linger ?? 5_000);
  }

  /** Ends it at once. */
  close(): void {
    this.#isWanted = false;
    clearTimeout(this.#lingering);
    this.#drop({ at: "idle" });
  }

  /** Lets go of the socket, and of what went wrong before. */
  reset(): void {
    this.#attempt = 0;
    this.#drop({ at: "idle" });
  }

  send(message: Message): void {
    if ("socket" in this.#state) this.#state.socket.send(JSON.stringify(message));
  }

  #enter(state: State): State {
    clearTimeout(this.#timer);
    this.#state = state;
    if (state.at === "idle") {
      this.#unwatch?.();
      this.#unwatch = undefined;
    } else {
      this.#unwatch ??= watchPage((notice) => this.#noticed(notice));
    }
    this.#events.changed();
    return state;
  }

  #connect(): void {
    const state = this.#enter({ at: "connecting" });
    const { auth } = this.#options;
    if (!auth) return this.#dial(null);
    ask(auth).then(
      (token) => this.#state === state && this.#dial(token),
      (cause: unknown) => {
        if (this.#state !== state) return;
        this.#events.failed({ kind: "token", cause, temporary: true });
        if (this.#state === state) this.#lost();
      },
    );
  }

  #dial(token: string | null): void {
    const { authBy, WebSocket: Socket = globalThis.WebSocket as SocketConstructor } = this.#options;
    const inRequest = token !== null && authBy === "subprotocol";
    let socket: SocketLike;
    try {
      socket = new Socket(absolute(this.#url), inRequest ? ["rest-live", `bearer.${token}`] : []);
    } catch (cause) {
      this.#enter({ at: "stopped" });
      return this.#events.failed({ kind: "socket", cause, temporary: false });
    }
    this.#enter({ at: "connecting", socket });
    this.#timer = setTimeout(() => this.#lost(), OPEN_WITHIN);
    socket.onopen = () => (token === null || inRequest ? this.#opened(socket) : this.#authenticate(socket, token));
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(data);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#lost(code, reason);
    // A close follows. The package `ws` throws where nobody listens.
    socket.onerror = () => {};
  }

  #authenticate(socket: SocketLike, token: string): void {
    this.#enter({ at: "connecting", socket, token });
    this.#timer = setTimeout(() => this.#lost(), OPEN_WITHIN);
    this.send({ type: "auth", token });
  }

  #opened(socket: SocketLike): void {
    this.#heard = Date.now();
    this.#enter({ at: "open", socket, since: this.#heard });
    this.#listen();
    this.#events.opened();
  }

  #received(data: unknown): void {
    this.#heard = Date.now();
    const frame = parse(data);
    if (!frame) return;
    if (frame.type === "authenticated") {
      if (frame.expires_in !== undefined) this.#renewIn(frame.expires_in * 1000);
      if ("token" in this.#state) this.#opened(this.#state.socket);
    } else if (frame.type === "error" && frame.id === undefined) {
      this.#refused(frame);
    } else {
      this.#events.received(frame);
    }
  }

  /** An error that belongs to no subscription. */
  #refused({ code, reason, message, temporary }: ErrorFrame): void {
    const state = this.#state;
    this.#events.failed({ kind: "connection", code, reason, message, temporary });
    if (this.#state !== state) return;
    // The server closes too, with the same code; but a line may hold that back.
    if ("token" in state) this.#lost(temporary ? NO_CODE : code === 403 ? REVOKED : NOT_AUTHENTICATED);
    // Nobody knows which message came to nothing: all of them again, slowly.
    else if (code === 429) this.#lost(TOO_MANY_MESSAGES);
  }

  #lost(code = NO_CODE, reason = ""): void {
    if (this.#state.at === "open" && Date.now() - this.#state.since >= STABLE_AFTER) this.#attempt = 0;
    if (code === NOT_AUTHENTICATED) this.#events.expired();
    const retry = afterClose(code, reason, this.#attempt, Math.random());
    if (!retry) {
      const state = this.#drop({ at: "stopped" });
      if (this.#state === state) this.#events.failed({ kind: "closed", code, reason, temporary: false });
      return;
    }
    this.#attempt = retry.attempt;
    if (!this.#isWanted) return void this.#drop({ at: "idle" });
    const state = this.#drop({ at: "waiting", firm: retry.firm });
    if (this.#state === state) this.#timer = setTimeout(() => this.#connect(), retry.delay);
  }

  /** Lets go of the socket, whatever becomes of it. */
  #drop(next: State): State {
    const before = this.#state;
    clearTimeout(this.#renewal);
    if ("socket" in before) {
      const { socket } = before;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    this.#enter(next);
    if (before.at === "open") this.#events.lost();
    return next;
  }

  #renewIn(remaining: number): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#renew(remaining * (1 - RENEW_AT)), Math.max(1000, Math.min(remaining * RENEW_AT, LONGEST_TIMER)));
  }

  #renew(remaining: number): void {
    const state = this.#state;
    const { auth } = this.#options;
    if (!auth || state.at !== "open") return;
    ask(auth).then(
      (token) => {
        if (this.#state === state && token !== null) this.send({ type: "auth", token });
      },
      (cause: unknown) => {
        if (this.#state !== state) return;
        if (remaining > 1000) this.#renewIn(remaining);
        this.#events.failed({ kind: "token", cause, temporary: true });
      },
    );
  }

  #noticed(notice: Notice): void {
    const state = this.#state;
    if ("socket" in state && state.socket.readyState > 1) this.#lost();
    else if (state.at === "open") this.#probe();
    else if (state.at === "waiting" && !state.firm && notice !== "offline") {
      if (notice === "online") this.#attempt = 0;
      this.#connect();
    }
  }

  /** Looks after the socket once it has been silent for long. A page that is not seen looks when it is seen again. */
  #listen(): void {
    clearTimeout(this.#timer);
    const after = this.#options.probeAfter ?? 45_000;
    const silence = Date.now() - this.#heard;
    if (after <= LONGEST_TIMER) this.#timer = setTimeout(() => this.#look(after), Math.max(after - silence, 1000));
  }

  #look(after: number): void {
    if (isHidden() || Date.now() - this.#heard < after) this.#listen();
    else this.#probe();
  }

  /** Asks for what cannot be: whatever the answer, there is one. */
  #probe(): void {
    clearTimeout(this.#timer);
    const at = Date.now();
    this.send({ type: "unsubscribe", id: 0 });
    this.#timer = setTimeout(() => {
      if (this.#heard >= at) this.#listen();
      else if (Date.now() - at > ANSWER_WITHIN + LATE) this.#probe();
      else this.#lost();
    }, ANSWER_WITHIN);
  }
}

async function ask(auth: Auth): Promise<string | null> {
  return auth();
}

/** Not all browsers take an address that is relative, or of HTTP. */
function absolute(url: string): string {
  return (typeof location === "undefined" ? url : new URL(url, location.href).href).replace(/^http/, "ws");
}
