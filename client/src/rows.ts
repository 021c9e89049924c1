// The rows of a collection: what the server told, what the user did, and in which order it is shown.

import { Edits, type Key } from "./edits.js";
import { keep } from "./equal.js";
import type { Action } from "./protocol.js";

export interface RowOptions<T> {
  /** The primary key: the name of its column, `id` by default, or a function. */
  key?: (keyof T & string) | ((row: T) => Key);
  /** The order. Without it, that of the server; new rows come last. */
  compare?: (a: T, b: T) => number;
}

/** No rows: always the same array. */
export const NONE: readonly never[] = [];

export class Rows<T extends object> {
  readonly edits = new Edits<T>();
  readonly #options: RowOptions<T>;
  #rows: ReadonlyMap<Key, T> = new Map();
  #view: readonly T[] = NONE;

  constructor(options: RowOptions<T>) {
    this.#options = options;
  }

  keyOf(row: T): Key {
    const { key = "id" } = this.#options;
    return typeof key === "function" ? key(row) : (row[key as keyof T] as Key);
  }

  get(key: Key): T | undefined {
    return this.#rows.get(key);
  }

  /** These are all rows. */
  replace(rows: readonly T[]): void {
    const before = this.#rows;
    const now = new Map<Key, T>();
    for (const row of rows) now.set(this.keyOf(row), keep(before.get(this.keyOf(row)), row));
    this.#rows = now;
    for (const key of new Set([...before.keys(), ...now.keys()])) this.edits.told(key, now.get(key), before.get(key));
  }

  /** May be told what is known already: nothing changes then. */
  apply(action: Action, row: T): void {
    const key = this.keyOf(row);
    const rows = this.#rows as Map<Key, T>;
    const before = rows.get(key);
    if (action === "DELETED") rows.delete(key);
    else rows.set(key, keep(before, row));
    this.edits.told(key, rows.get(key), before);
  }

  clear(): void {
    this.#rows = new Map();
    this.edits.clear();
  }

  /** What is shown: the same array until something changes. */
  view(): readonly T[] {
    const { compare } = this.#options;
    const view = [...this.edits.over(this.#rows).values()];
    if (compare) view.sort(compare);
    if (!sameItems(view, this.#view)) this.#view = view;
    return this.#view;
  }

  shows(key: Key): boolean {
    return this.edits.over(this.#rows).has(key);
  }
}

export const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((item, at) => item === b[at]);
