// The client: one connection, and all that goes over it.

import { Collection, type CollectionOptions } from "./collection.js";
import { Connection, type ConnectionOptions, type ConnectionState } from "./connection.js";
import { guard, type LiveError } from "./errors.js";
import type { Bound, DefaultModels, Group, Instance, Label } from "./models.js";
import { Subscriptions, type Handlers, type Listener, type Subscription } from "./subscription.js";

export interface RestLiveOptions extends ConnectionOptions {
  /** Told of what concerns all subscriptions. */
  onError?: (error: LiveError) => void;
}

/** Live data from a server of rest-live. Connects when there is something to subscribe to. */
export class RestLive<M = DefaultModels> implements Disposable {
  readonly #connection: Connection;
  readonly #subscriptions: Subscriptions;
  readonly #listeners = new Set<() => void>();
  #told: ConnectionState = "idle";

  /** `url` is where the server mounted the service, `"/ws/subscribe/"` or a whole address. */
  constructor(url: string | URL, options: RestLiveOptions = {}) {
    const connection = (this.#connection = new Connection(url, options, {
      opened: () => subscriptions.opened(),
      received: (frame) => subscriptions.received(frame),
      lost: () => subscriptions.lost(),
      expired: () => subscriptions.expired(),
      failed: (error) => {
        if (error.kind === "closed") subscriptions.forget();
        guard(() => options.onError?.(error));
        subscriptions.failed(error);
      },
      changed: () => this.#changed(),
    }));
    const subscriptions = (this.#subscriptions = new Subscriptions(connection));
  }

  /** Where the connection is, for an indicator. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Calls back when `state` has changed, until the answer is called. */
  onChange(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Tells the handlers what happens to the rows of a group, until it is unsubscribed. */
  subscribe<L extends Label<M>>(group: Group<M, L>, handlers: Handlers<Instance<M, L>>): Subscription {
    return this.#subscriptions.join(group, handlers as Handlers<never> as Listener);
  }

  /** The rows of a group, read and kept up to date, until it is closed. */
  collection<L extends Label<M>, T extends Bound<M, L> = Instance<M, L> & Bound<M, L>>(group: Group<M, L>, options: CollectionOptions<T>): Collection<T> {
    return new Collection<T>(this.#subscriptions, group, options);
  }

  /** Connects anew, at once: also after the server has closed for good. What was missed is recovered. */
  reconnect(): void {
    this.#connection.reset();
    this.#subscriptions.resume();
  }

  /** Another user is there: connects anew and forgets what was told to the one before. */
  reset(): void {
    this.#subscriptions.forget();
    this.reconnect();
  }

  /** Closes the connection. It opens again with the next subscription, or `reconnect`. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #changed(): void {
    if (this.#told === this.state) return;
    this.#told = this.state;
    for (const listener of [...this.#listeners]) guard(listener);
  }
}
