// The hook. Components that show the same group share one collection, and so one subscription.

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useSyncExternalStore, type ReactElement, type ReactNode } from "react";

import type { Bound, Collection, CollectionOptions, CollectionStatus, ConnectionState, DefaultModels, Group, Instance, Key, Label, LiveError, Patch, RestLive } from "rest-live";

/** What a component says about a group. Functions may be other ones at each render. */
export type UseLiveOptions<T> = CollectionOptions<T> & {
  /** Tells apart what is of one group and yet read differently, such as by another filter. */
  name?: string;
};

export interface LiveRows<T> {
  readonly rows: readonly T[];
  /** `idle` while there is no group. */
  readonly status: CollectionStatus | "idle";
  readonly error: LiveError | null;
  /** See `Collection.optimistic`. */
  readonly optimistic: <R>(key: Key, patch: Patch<T>, promise: Promise<R>) => Promise<R>;
  /** Reads the rows again. */
  readonly refresh: () => void;
}

interface Shared {
  readonly collection: Collection<object>;
  /** Those of the component that was rendered last. */
  options: UseLiveOptions<object>;
  users: number;
  lingering: ReturnType<typeof setTimeout> | undefined;
}

/** A collection outlives its last component for a moment: the next page may show the same group. */
const LINGER = 1_000;
const NO_ROWS: readonly never[] = [];
const IDLE = { rows: NO_ROWS, status: "idle", error: null } as const;
const CONNECTING = { rows: NO_ROWS, status: "connecting", error: null } as const;

const Context = createContext<RestLive<never> | null>(null);
const shared = new WeakMap<RestLive<never>, Map<string, Shared>>();

/** Gives the components below their connection. */
export function LiveProvider<M>({ live, children }: { live: RestLive<M>; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: live as unknown as RestLive<never> }, children);
}

/** The connection of the `LiveProvider` above. */
export function useRestLive<M = DefaultModels>(): RestLive<M> {
  const live = useContext(Context);
  if (!live) throw new Error("there is no <LiveProvider live={...}> above this component");
  return live as unknown as RestLive<M>;
}

/** Where the connection is, for an indicator. */
export function useLiveState(): ConnectionState {
  const live = useRestLive<never>();
  const subscribe = useCallback((listener: () => void) => live.onChange(listener), [live]);
  return useSyncExternalStore(subscribe, () => live.state, () => "idle");
}

/** The rows of a group, kept up to date. `null` for a group that is not known yet. */
export function useLive<L extends Label<DefaultModels>, T extends Bound<DefaultModels, L> = Instance<DefaultModels, L> & Bound<DefaultModels, L>>(
  group: Group<DefaultModels, L> | null,
  options: UseLiveOptions<T>,
): LiveRows<T> {
  const live = useRestLive<never>();
  const anyGroup = group as { model: string; property?: string; value: unknown } | null;
  const key = anyGroup && JSON.stringify([anyGroup.model, anyGroup.property ?? "pk", anyGroup.value, options.snapshot ?? false, options.name ?? ""]);
  const latest = useRef({ group, options });
  useEffect(() => {
    latest.current = { group, options };
    const entry = key !== null && shared.get(live)?.get(key);
    if (entry) entry.options = options as unknown as UseLiveOptions<object>;
  });
  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === null) return () => {};
      const { group, options } = latest.current;
      return acquire(live, key, group as never, options as unknown as UseLiveOptions<object>, listener);
    },
    [live, key],
  );
  const snapshot = () => (key === null ? IDLE : (shared.get(live)?.get(key)?.collection.state ?? CONNECTING));
  const state = useSyncExternalStore(subscribe, snapshot, () => (key === null ? IDLE : CONNECTING));
  const { compare } = options;
  const rows = useMemo(() => sorted(state.rows as readonly T[], compare), [state.rows, compare]);
  const optimistic = useCallback(
    <R,>(row: Key, patch: Patch<T>, promise: Promise<R>) => {
      const entry = key !== null && shared.get(live)?.get(key);
      return entry ? entry.collection.optimistic(row, patch as Patch<object>, promise) : promise;
    },
    [live, key],
  );
  const refresh = useCallback(() => (key === null ? undefined : shared.get(live)?.get(key)?.collection.refresh()), [live, key]);
  return { rows, status: state.status, error: state.error, optimistic, refresh };
}

/** Uses the collection of a group until the answer is called. */
function acquire(live: RestLive<never>, key: string, group: never, options: UseLiveOptions<object>, listener: () => void): () => void {
  const entries = shared.get(live) ?? new Map<string, Shared>();
  shared.set(live, entries);
  const entry = entries.get(key) ?? open(live, group, options);
  entries.set(key, entry);
  entry.users++;
  clearTimeout(entry.lingering);
  const unsubscribe = entry.collection.subscribe(listener);
  return () => {
    unsubscribe();
    if (--entry.users) return;
    entry.lingering = setTimeout(() => {
      entries.delete(key);
      entry.collection.close();
    }, LINGER);
  };
}

function open(live: RestLive<never>, group: never, options: UseLiveOptions<object>): Shared {
  const { key } = options;
  const given = options.snapshot
    ? { snapshot: true as const }
    : { fetch: (signal: AbortSignal) => (entry.options.fetch as (signal: AbortSignal) => Promise<object[]>)(signal) };
  const untyped = live as unknown as { collection(group: never, options: CollectionOptions<object>): Collection<object> };
  const collection = untyped.collection(group, { ...given, ...(key && { key }) });
  const entry: Shared = { collection, options, users: 0, lingering: undefined };
  return entry;
}

const orders = new WeakMap<readonly unknown[], (readonly unknown[])[]>();

/** The same array for the same order, also where `compare` is a new function at each render. */
function sorted<T>(rows: readonly T[], compare: ((a: T, b: T) => number) | undefined): readonly T[] {
  if (!compare) return rows;
  const order = [...rows].sort(compare);
  const known = (orders.get(rows) ?? []) as (readonly T[])[];
  const same = known.find((other) => other.every((row, at) => row === order[at]));
  if (same) return same;
  orders.set(rows, [...known, order]);
  return order;
}
