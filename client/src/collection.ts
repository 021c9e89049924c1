// A collection: the rows of a group, read once and kept up to date.
//
// It subscribes, waits until it is subscribed, reads, and applies what came meanwhile and comes since. What is committed before
// the server's word is in what is read; what is committed after it comes as an event.

import { backoff } from "./backoff.js";
import type { Edit, Key, Patch } from "./edits.js";
import { guard, type LiveError } from "./errors.js";
import type { AnyGroup } from "./models.js";
import { NONE, Rows, type RowOptions } from "./rows.js";
import type { LiveEvent, Subscription, Subscriptions } from "./subscription.js";

export type CollectionOptions<T> = RowOptions<T> &
  (
    | {
        /** Reads all rows of the group, past all caches. Called again when it is not known what has changed, and when it fails. */
        fetch: (signal: AbortSignal) => Promise<readonly T[]>;
        snapshot?: false;
      }
    | {
        /** The server sends the rows with the subscription. */
        snapshot: true;
        fetch?: undefined;
      }
  );

/**
 * `connecting`: there are no rows yet. `live`: these are the rows. `stale`: these were the rows, and soon they will be again.
 * `error`: see `error`; where that is not temporary, something has to be done about it.
 */
export type CollectionStatus = "connecting" | "live" | "stale" | "error";

/** What a collection shows. The object, and its rows, are the same until something changes. */
export interface CollectionState<T> {
  readonly rows: readonly T[];
  readonly status: CollectionStatus;
  readonly error: LiveError | null;
}

/** What a collection shows at first. */
export const NOTHING: CollectionState<never> = { rows: NONE, status: "connecting", error: null };

type Reading<T> =
  /** The rows are there, as of what was told. */
  | { readonly at: "done" }
  /** The rows are to be read as soon as it is subscribed. */
  | { readonly at: "wanted" }
  | { readonly at: "reading"; readonly abort: AbortController; readonly events: LiveEvent<T>[] }
  | { readonly at: "failed"; readonly timer: ReturnType<typeof setTimeout> };

/** How long an edit waits for its event after its request has succeeded. */
const PATIENCE = 3_000;

export class Collection<T extends object> implements Disposable {
  readonly #options: CollectionOptions<T>;
  readonly #rows: Rows<T>;
  readonly #listeners = new Set<() => void>();
  readonly #subscription: Subscription & { restart(): void };
  #reading: Reading<T> = { at: "wanted" };
  #parts: object[] = [];
  #isLoaded = false;
  #isLive = false;
  #isClosed = false;
  #failures = 0;
  #error: LiveError | null = null;
  #state: CollectionState<T> = NOTHING;

  constructor(subscriptions: Subscriptions, group: AnyGroup, options: CollectionOptions<T>) {
    this.#options = options;
    this.#rows = new Rows(options);
    const listener = {
      subscribed: ({ recovered }: { recovered: boolean }) => this.#subscribed(recovered),
      event: (event: LiveEvent<object>) => this.#told(event as LiveEvent<T>),
      resync: () => this.refresh(),
      lost: () => this.#lost(),
      error: (error: LiveError) => this.#failed(error),
      snapshot: (rows: readonly object[]) => void this.#parts.push(...rows),
      forget: () => this.#forget(),
    };
    this.#subscription = subscriptions.join(group, listener, options.snapshot);
  }

  get state(): CollectionState<T> {
    return this.#state;
  }

  get rows(): readonly T[] {
    return this.#state.rows;
  }

  get status(): CollectionStatus {
    return this.#state.status;
  }

  get error(): LiveError | null {
    return this.#state.error;
  }

  /** Calls back when something has changed, until the answer is called. */
  subscribe(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Reads the rows again. The old ones stay until the new ones are there. */
  refresh(): void {
    this.#want();
    if (this.#options.snapshot) this.#subscription.restart();
    else if (this.#isLive) this.#read();
    this.#changed();
  }

  /**
   * Shows an edit until the server tells it, or `promise` fails. `patch` is what changes, the whole row where it is new, or `null`
   * to delete it. `promise` is the request; if it gives the row as the server wrote it, that is what is waited for. The key of a new
   * row may be made up, if `promise` gives the row with the real one.
   */
  optimistic<R>(key: Key, patch: Patch<T>, promise: Promise<R>): Promise<R> {
    const edit = this.#rows.edits.add(key, patch, this.#isLoaded && !this.#rows.shows(key));
    this.#changed();
    promise.then(
      (result) => {
        if (!this.#rows.edits.has(edit)) return;
        const isRow = typeof result === "object" && result !== null;
        const own = isRow ? (this.#rows.keyOf(result as never) ?? key) : key;
        if (isRow && (own === key || edit.isNew)) this.#rows.edits.wrote(edit, own, result);
        this.#rows.edits.done(edit, this.#rows.get(edit.key));
        this.#await(edit);
        this.#changed();
      },
      () => {
        this.#rows.edits.drop(edit);
        this.#changed();
      },
    );
    return promise;
  }

  /** Ends the subscription. The rows stay as they are. */
  close(): void {
    this.#isClosed = true;
    this.#isLive = false;
    this.#want();
    this.#subscription.unsubscribe();
    this.#listeners.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #subscribed(recovered: boolean): void {
    this.#isLive = true;
    if (this.#error?.kind !== "fetch") this.#error = null;
    if (!recovered) this.#want();
    if (!this.#options.snapshot) {
      if (this.#reading.at === "wanted" || this.#reading.at === "failed") this.#read();
    } else if (!recovered) {
      this.#rows.replace(this.#parts as T[]);
      this.#loaded();
    }
    this.#parts = [];
    this.#changed();
  }

  #told(event: LiveEvent<T>): void {
    if (this.#reading.at === "reading") this.#reading.events.push(event);
    if (!this.#isLoaded) return;
    this.#rows.apply(event.action, event.instance);
    this.#changed();
  }

  #lost(): void {
    this.#isLive = false;
    this.#parts = [];
    // What is read now holds if nothing was missed; what is to be read waits.
    if (this.#reading.at === "failed") this.#want();
    this.#changed();
  }

  #failed(error: LiveError): void {
    // A connection that holds is not the rows' concern.
    if (this.#isLive && error.kind !== "fetch") return;
    this.#error = error;
    this.#changed();
  }

  #forget(): void {
    this.#want();
    this.#isLoaded = false;
    this.#rows.clear();
    this.#changed();
  }

  /** What is read, was read, or is being read does not count any more. */
  #want(): void {
    if (this.#reading.at === "reading") this.#reading.abort.abort();
    if (this.#reading.at === "failed") clearTimeout(this.#reading.timer);
    this.#reading = { at: "wanted" };
  }

  #read(): void {
    this.#want();
    const reading: Reading<T> = { at: "reading", abort: new AbortController(), events: [] };
    this.#reading = reading;
    read(this.#options, reading.abort.signal).then(
      (rows) => {
        if (this.#reading !== reading) return;
        this.#rows.replace(rows);
        for (const { action, instance } of reading.events) this.#rows.apply(action, instance);
        this.#loaded();
        this.#changed();
      },
      (cause: unknown) => {
        if (this.#reading !== reading) return;
        const timer = setTimeout(() => this.#isLive && this.#read(), 500 + backoff(this.#failures++, Math.random()));
        this.#reading = { at: "failed", timer };
        if (!this.#isLive) this.#want();
        this.#failed({ kind: "fetch", cause, temporary: true });
      },
    );
  }

  #loaded(): void {
    this.#reading = { at: "done" };
    this.#isLoaded = true;
    this.#failures = 0;
    if (this.#isLive || this.#error?.kind === "fetch") this.#error = null;
  }

  /** An edit that changes nothing for the server has no event. While nothing can come, there is no hurry. */
  #await(edit: Edit<T>): void {
    setTimeout(() => {
      if (!this.#rows.edits.has(edit) || this.#isClosed) return;
      if (this.status !== "live") return this.#await(edit);
      this.#rows.edits.settle(edit);
      this.#changed();
    }, PATIENCE);
  }

  #changed(): void {
    if (this.#isClosed) return;
    const rows = this.#rows.view();
    const status = this.#status();
    const error = this.#error;
    if (rows === this.#state.rows && status === this.#state.status && error === this.#state.error) return;
    this.#state = { rows, status, error };
    for (const listener of [...this.#listeners]) guard(listener);
  }

  #status(): CollectionStatus {
    if (this.#error && !this.#error.temporary) return "error";
    if (this.#isLoaded) return this.#isLive && this.#reading.at === "done" ? "live" : "stale";
    return this.#error ? "error" : "connecting";
  }
}

async function read<T>({ fetch }: CollectionOptions<T>, signal: AbortSignal): Promise<readonly T[]> {
  const rows = await fetch?.(signal);
  if (!Array.isArray(rows)) throw new TypeError("fetch gave no array");
  return rows as readonly T[];
}
