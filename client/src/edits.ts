// Optimistic edits: what the user did, shown before the server says it.
//
// An edit lies over the row until its event has come. While its request is under way, events of the row may be those of other
// people; so an edit stays until a row was seen that has all that it changed. If the request fails, it goes at once. Edits of one
// row end in their order, or an older one would come to light again.
//
// A new row may have a key that was made up here. The answer says the real one, but its event may come first: so the first new row
// that has all that was asked for is taken for it, and shown in its place, until the answer says which one it is.

import { equal, keep } from "./equal.js";

/** What names a row. */
export type Key = string | number;

/** What an edit changes; `null` deletes the row. */
export type Patch<T> = Partial<T> | null;

export interface Edit<T> {
  key: Key;
  readonly patch: Patch<T>;
  /** Whether the edit makes the row. */
  readonly isNew: boolean;
  /** The row as the server told it since; `undefined` where it was deleted. */
  seen: (T | undefined)[];
  /** Whether there is a row that is taken for the new one, whether the request has succeeded, and whether its event has come. */
  step: "sent" | "met" | "done" | "seen";
}

const MOST_SEEN = 50;

export class Edits<T extends object> {
  #edits: Edit<T>[] = [];
  #shown = new Map<Key, T>();

  add(key: Key, patch: Patch<T>, isNew: boolean): Edit<T> {
    const edit: Edit<T> = { key, patch: patch && { ...patch }, isNew, seen: [], step: "sent" };
    this.#edits.push(edit);
    return edit;
  }

  /** The server told a row, which was another `before`. */
  told(key: Key, row: T | undefined, before: T | undefined): void {
    const made = before ? undefined : this.#edits.find((edit) => edit.isNew && edit.step === "sent" && has(row, edit.patch, edit.key));
    if (made) [made.step, made.seen] = ["met", [row]];
    for (const edit of this.#of(key)) {
      edit.seen = [...edit.seen.slice(-MOST_SEEN), row];
      this.#judge(edit);
    }
  }

  /** The server said what it wrote: it may be other than what was asked for, and have another key. */
  wrote(edit: Edit<T>, key: Key, row: object): void {
    const { patch } = edit;
    for (const name in patch) if (name in row) patch[name] = row[name as never];
    if (key !== edit.key) this.#shown.delete(edit.key);
    edit.key = key;
  }

  /** The request succeeded. */
  done(edit: Edit<T>, current: T | undefined): void {
    edit.step = "done";
    edit.seen.push(current);
    this.#judge(edit);
  }

  /** The edit is over: its event has come, or will not come. */
  settle(edit: Edit<T>): void {
    edit.step = "seen";
    const edits = this.#of(edit.key);
    for (const older of edits.slice(0, edits.indexOf(edit))) if (older.step === "done") older.step = "seen";
    this.#dropSeen(edit.key);
  }

  /** The request failed. */
  drop(edit: Edit<T>): void {
    this.#edits = this.#edits.filter((other) => other !== edit);
    this.#dropSeen(edit.key);
  }

  /** What is over goes once nothing older lies over the row. */
  #dropSeen(key: Key): void {
    const [first] = this.#of(key);
    if (!first) this.#shown.delete(key);
    else if (first.step === "seen") this.drop(first);
  }

  has(edit: Edit<T>): boolean {
    return this.#edits.includes(edit);
  }

  clear(): void {
    this.#edits = [];
    this.#shown.clear();
  }

  /** The rows with the edits over them. */
  over(rows: ReadonlyMap<Key, T>): ReadonlyMap<Key, T> {
    if (!this.#edits.length) return rows;
    const shown = new Map(rows);
    for (const { key, patch, isNew, step } of this.#edits) {
      const row = shown.get(key);
      if (!patch) shown.delete(key);
      else if (row || (isNew && step !== "met")) shown.set(key, { ...row, ...patch } as T);
    }
    for (const key of new Set(this.#edits.map((edit) => edit.key))) {
      const row = shown.get(key);
      if (!row) continue;
      const kept = keep(rows.get(key), keep(this.#shown.get(key), row));
      this.#shown.set(key, kept);
      shown.set(key, kept);
    }
    return shown;
  }

  #of(key: Key): Edit<T>[] {
    return this.#edits.filter((edit) => edit.key === key);
  }

  #judge(edit: Edit<T>): void {
    if (edit.step === "done" && edit.seen.some((row) => has(row, edit.patch))) this.settle(edit);
  }
}

/** Whether a row has all of a patch, but for a key that was made up. */
function has<T extends object>(row: T | undefined, patch: Patch<T>, madeUp?: Key): boolean {
  if (!patch || !row) return !patch && !row;
  return Object.entries(patch).every(([name, value]) => value === madeUp || equal(row[name as keyof T], value));
}
