// Subscriptions: what is asked of the server, and whom its answers are for.

import { backoff } from "./backoff.js";
import type { Connection } from "./connection.js";
import { guard, type LiveError } from "./errors.js";
import type { AnyGroup } from "./models.js";
import type { Action, ErrorFrame, Frame } from "./protocol.js";

/** What happened to a row, in the eyes of this client. */
export interface LiveEvent<T> {
  readonly model: string;
  readonly action: Action;
  /** The row as it is; the deleted one as it was last seen. */
  readonly instance: T;
}

/** What is told of a group. None has to be there. */
export interface Handlers<T> {
  created?(row: T): void;
  updated?(row: T): void;
  deleted?(row: T): void;
  /** All three in one. */
  event?(event: LiveEvent<T>): void;
  /** What is committed from now on is told. Unless it is `recovered`, it is not known what was missed: read the rows now. */
  subscribed?(info: { readonly recovered: boolean }): void;
  /** It is not known what has changed: read the rows again. The reason is `changes_unknown`, `rights_changed`, or a new one. */
  resync?(reason: string): void;
  /** Nothing is told until `subscribed` is called again. */
  lost?(): void;
  error?(error: LiveError): void;
}

/** What a collection hears besides. */
export interface Listener extends Handlers<object> {
  snapshot?(rows: readonly object[]): void;
  /** Another user is there: what was read is not his. */
  forget?(): void;
}

/** A running subscription. */
export interface Subscription extends Disposable {
  unsubscribe(): void;
}

/** Where a group's subscription is. */
type State =
  /** Not asked for on this connection yet. */
  | { readonly at: "detached" }
  | { readonly at: "asked"; readonly id: number }
  | { readonly at: "live"; readonly id: number }
  /** Refused for now: asked for again in a while, or when a place is free. */
  | { readonly at: "parked"; readonly timer: ReturnType<typeof setTimeout>; readonly forPlace: boolean }
  /** Refused for good: asked for again on the next connection. */
  | { readonly at: "refused" };

interface Topic {
  readonly key: string;
  readonly group: AnyGroup;
  readonly snapshot: boolean;
  state: State;
  cursor: string | null;
  refusals: number;
  readonly members: Set<Member>;
}

interface Member {
  readonly listener: Listener;
  /** Whether he has heard that he is subscribed. Before, nothing is told him. */
  knows: boolean;
}

/** So many questions are open at once; the next is asked when one is answered. */
const OPEN_QUESTIONS = 16;
const PARK = 1_000;

export class Subscriptions {
  readonly #connection: Connection;
  readonly #topics = new Map<string, Topic>();
  readonly #asked = new Map<number, Topic>();
  /** Ids are used once: what is still on its way to an old subscription is then nobody else's. */
  #serial = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Listens to a group. With `snapshot`, it is a subscription of its own, since each begins with its rows. */
  join(group: AnyGroup, listener: Listener, snapshot = false): Subscription & { restart(): void } {
    const key = groupKey(group) + (snapshot ? ++this.#serial : "");
    let topic = this.#topics.get(key);
    if (!topic) {
      topic = { key, group, snapshot, state: { at: "detached" }, cursor: null, refusals: 0, members: new Set() };
      this.#topics.set(key, topic);
    }
    return this.#member(topic, { listener, knows: false });
  }

  #member(topic: Topic, member: Member): Subscription & { restart(): void } {
    topic.members.add(member);
    // Not from within `subscribe`: the caller does not have the handle yet.
    if (topic.state.at === "live") queueMicrotask(() => topic.state.at === "live" && welcome(topic));
    this.#connection.want();
    this.#pump();
    const unsubscribe = () => {
      if (topic.members.delete(member) && !topic.members.size) this.#end(topic);
    };
    return { unsubscribe, [Symbol.dispose]: unsubscribe, restart: () => this.#restart(topic) };
  }

  /** Has the connection opened, if anybody needs it. */
  resume(): void {
    if (this.#topics.size) this.#connection.want();
  }

  opened(): void {
    this.#pump();
  }

  lost(): void {
    this.#asked.clear();
    for (const topic of this.#topics.values()) {
      this.#detach(topic);
      each(topic, "lost");
    }
  }

  failed(error: LiveError): void {
    for (const topic of this.#topics.values()) each(topic, "error", error);
  }

  /** Cursors say nothing about what may not be seen any more. */
  expired(): void {
    for (const topic of this.#topics.values()) topic.cursor = null;
  }

  /** What was told is not to be seen any more. */
  forget(): void {
    for (const topic of this.#topics.values()) forget(topic);
  }

  received(frame: Frame): void {
    const topic = this.#asked.get(frame.id as number);
    if (!topic) return;
    switch (frame.type) {
      case "subscribed":
        topic.state = { at: "live", id: frame.id };
        topic.cursor = frame.cursor;
        topic.refusals = 0;
        tell(topic, frame.recovered);
        return this.#pump();
      case "broadcast":
        topic.cursor = frame.cursor;
        return broadcast(topic, frame);
      case "snapshot":
        return each(topic, "snapshot", frame.instances);
      case "resync":
        topic.cursor = frame.cursor;
        return each(topic, "resync", frame.reason);
      case "unsubscribed":
        return this.#refused(topic, { ...frame, type: "error", message: "ended by the server", temporary: false });
      case "error":
        return this.#refused(topic, frame);
    }
  }

  /** Asks for what is not asked for yet, at a pace that the server can follow. */
  #pump(): void {
    if (this.#connection.state !== "open") return;
    const topics = [...this.#topics.values()];
    const open = topics.filter(({ state }) => state.at === "asked").length;
    const waiting = topics.filter(({ state }) => state.at === "detached");
    for (const topic of waiting.slice(0, Math.max(0, OPEN_QUESTIONS - open))) this.#ask(topic);
  }

  #ask(topic: Topic): void {
    const id = ++this.#serial;
    const { group: { model, property, value }, cursor, snapshot } = topic;
    topic.state = { at: "asked", id };
    this.#asked.set(id, topic);
    this.#connection.send({
      type: "subscribe",
      id,
      model,
      property,
      value,
      ...(cursor !== null && { since: cursor }),
      ...(snapshot && { snapshot }),
    });
  }

  #refused(topic: Topic, { code, reason, message, temporary }: ErrorFrame): void {
    const wasLive = topic.state.at === "live";
    this.#detach(topic);
    if (temporary) {
      const delay = PARK + backoff(topic.refusals++, Math.random());
      const timer = setTimeout(() => this.#unpark(topic), delay);
      topic.state = { at: "parked", timer, forPlace: reason === "too_many_subscriptions" };
    } else {
      topic.state = { at: "refused" };
      forget(topic);
    }
    if (wasLive) each(topic, "lost");
    each(topic, "error", { kind: "refused", code, reason, message, temporary });
    this.#pump();
  }

  #unpark(topic: Topic): void {
    this.#detach(topic);
    this.#pump();
  }

  /** Ends it, and forgets it. */
  #end(topic: Topic): void {
    this.#topics.delete(topic.key);
    this.#unsubscribe(topic);
    for (const other of this.#topics.values()) if (other.state.at === "parked" && other.state.forPlace) this.#detach(other);
    if (this.#topics.size) this.#pump();
    else this.#connection.leave();
  }

  /** From the beginning, as if nothing had been told: with another snapshot. */
  #restart(topic: Topic): void {
    topic.cursor = null;
    this.#unsubscribe(topic);
    each(topic, "lost");
    this.#pump();
  }

  #unsubscribe(topic: Topic): void {
    if ("id" in topic.state) this.#connection.send({ type: "unsubscribe", id: topic.state.id });
    this.#detach(topic);
  }

  #detach(topic: Topic): void {
    const { state } = topic;
    if ("id" in state) this.#asked.delete(state.id);
    if (state.at === "parked") clearTimeout(state.timer);
    topic.state = { at: "detached" };
  }
}

/** One group has one key, however its object was made. */
export function groupKey({ model, property, value }: AnyGroup): string {
  return JSON.stringify([model, property ?? "pk", value]);
}

/** Says that it is subscribed. Nothing was recovered for those who hear it for the first time. */
function tell(topic: Topic, recovered: boolean, members = [...topic.members]): void {
  for (const member of members) {
    const info = { recovered: recovered && member.knows };
    member.knows = true;
    say(topic, member, "subscribed", info);
  }
}

/** Says so to those who came when it was already. */
function welcome(topic: Topic): void {
  tell(topic, false, [...topic.members].filter(({ knows }) => !knows));
}

function broadcast(topic: Topic, { model, action, instance }: Frame & { type: "broadcast" }): void {
  for (const member of [...topic.members]) {
    // What was told before is in what he reads when he is subscribed.
    if (!member.knows) continue;
    say(topic, member, action.toLowerCase() as Lowercase<Action>, instance);
    say(topic, member, "event", { model, action, instance });
  }
}

function forget(topic: Topic): void {
  topic.cursor = null;
  each(topic, "forget");
}

type What<H extends keyof Listener> = Parameters<NonNullable<Listener[H]>>[0];

function each<H extends keyof Listener>(topic: Topic, handler: H, what?: What<H>): void {
  for (const member of [...topic.members]) say(topic, member, handler, what);
}

/** Who leaves meanwhile hears no more. */
function say<H extends keyof Listener>(topic: Topic, member: Member, handler: H, what: What<H> | undefined): void {
  const listener = member.listener as Record<H, ((what: What<H> | undefined) => void) | undefined>;
  if (topic.members.has(member)) guard(() => listener[handler]?.(what));
}
