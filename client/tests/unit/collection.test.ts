import { describe, expect, it, vi } from "vitest";

import { client, deferred, FakeSocket, handTime, LIST, settle, type Task } from "./fake.js";

handTime();

const task = (id: number, text = `task ${id}`): Task => ({ id, text });

/** A collection whose reads the test answers. */
function reading(options: { compare?: (a: Task, b: Task) => number } = {}) {
  const reads: (ReturnType<typeof deferred<Task[]>> & { signal: AbortSignal })[] = [];
  const fetch = (signal: AbortSignal) => {
    const read = { ...deferred<Task[]>(), signal };
    reads.push(read);
    return read.promise;
  };
  const live = client();
  const rows = live.collection(LIST, { fetch, ...options });
  FakeSocket.last.opens();
  return { live, rows, reads };
}

async function loaded(initial: Task[], options = {}) {
  const all = reading(options);
  FakeSocket.last.acks();
  all.reads[0]!.resolve(structuredClone(initial));
  await settle();
  return all;
}

async function comesBack(recovered: boolean) {
  FakeSocket.last.closes();
  await vi.advanceTimersByTimeAsync(500);
  FakeSocket.last.opens().acks({ recovered });
}

describe("a collection", () => {
  it("reads when it is subscribed, and applies what came meanwhile", async () => {
    const { rows, reads } = reading();
    expect(reads).toHaveLength(0);
    expect(rows.state).toEqual({ rows: [], status: "connecting", error: null });
    FakeSocket.last.acks();
    expect(reads).toHaveLength(1);
    FakeSocket.last.tells("CREATED", task(2));
    FakeSocket.last.tells("DELETED", task(1));
    expect(rows.rows).toEqual([]);
    reads[0]!.resolve([task(1), task(2), task(3)]);
    await settle();
    expect(rows.rows).toEqual([task(2), task(3)]);
    expect(rows.status).toBe("live");
  });

  it("keeps the identity of what has not changed", async () => {
    const { rows, reads, live } = await loaded([task(1), task(2)]);
    const before = rows.rows;
    const listener = vi.fn();
    rows.subscribe(listener);
    FakeSocket.last.tells("UPDATED", task(1));
    expect(rows.rows).toBe(before);
    expect(listener).not.toHaveBeenCalled();
    FakeSocket.last.tells("UPDATED", task(1, "new"));
    expect(rows.rows).toEqual([task(1, "new"), task(2)]);
    expect(rows.rows[1]).toBe(before[1]);
    const after = rows.rows;
    rows.refresh();
    expect([rows.rows, rows.status]).toEqual([after, "stale"]);
    reads[1]!.resolve([task(1, "new"), task(2)]);
    await settle();
    expect(rows.rows).toBe(after);
    expect(rows.status).toBe("live");
    live.close();
  });

  it("keeps the server's order, and takes another", async () => {
    const { rows } = await loaded([task(2), task(1)]);
    FakeSocket.last.tells("CREATED", task(0));
    expect(rows.rows.map(({ id }) => id)).toEqual([2, 1, 0]);
    const { rows: ordered } = await loaded([task(2), task(1)], { compare: (a: Task, b: Task) => a.id - b.id });
    FakeSocket.last.tells("CREATED", task(0));
    expect(ordered.rows.map(({ id }) => id)).toEqual([0, 1, 2]);
  });

  it("does not read again when all was recovered", async () => {
    const { rows, reads } = await loaded([task(1)]);
    FakeSocket.last.closes();
    expect(rows.status).toBe("stale");
    await vi.advanceTimersByTimeAsync(250);
    FakeSocket.last.opens().acks({ recovered: true });
    expect([reads.length, rows.status]).toEqual([1, "live"]);
  });

  it("reads again when it is not known what was missed, without a flicker", async () => {
    const { rows, reads } = await loaded([task(1), task(2)]);
    await comesBack(false);
    expect([reads.length, rows.status, rows.rows.length]).toEqual([2, "stale", 2]);
    reads[1]!.resolve([task(2)]);
    await settle();
    expect([rows.status, rows.rows]).toEqual(["live", [task(2)]]);
  });

  it("reads again at a resync, and shows events meanwhile", async () => {
    const { rows, reads } = await loaded([task(1)]);
    FakeSocket.last.says({ type: "resync", id: 1, cursor: "c5", reason: "changes_unknown" });
    FakeSocket.last.tells("CREATED", task(2));
    expect(rows.rows).toEqual([task(1), task(2)]);
    reads[1]!.resolve([task(1)]);
    await settle();
    expect(rows.rows).toEqual([task(1), task(2)]);
  });

  it("discards a read that was begun before the newest resync", async () => {
    const { rows, reads } = await loaded([]);
    const resync = { type: "resync", id: 1, cursor: "c", reason: "changes_unknown" };
    FakeSocket.last.says(resync);
    FakeSocket.last.says(resync);
    expect(reads[1]!.signal.aborted).toBe(true);
    reads[2]!.resolve([task(2)]);
    reads[1]!.resolve([task(1)]);
    await settle();
    expect(rows.rows).toEqual([task(2)]);
  });

  it("keeps a read, and what came during it, over an outage that was recovered", async () => {
    const { rows, reads } = reading();
    FakeSocket.last.acks();
    FakeSocket.last.tells("CREATED", task(2));
    await comesBack(true);
    FakeSocket.last.tells("CREATED", task(3));
    expect(reads).toHaveLength(1);
    reads[0]!.resolve([task(1)]);
    await settle();
    expect(rows.rows).toEqual([task(1), task(2), task(3)]);
  });

  it("reads again with back-off when reading fails", async () => {
    const { rows, reads } = reading();
    FakeSocket.last.acks();
    reads[0]!.reject(new Error("503"));
    await settle();
    expect(rows.state).toMatchObject({ status: "error", error: { kind: "fetch", cause: new Error("503") } });
    await vi.advanceTimersByTimeAsync(749);
    expect(reads).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(reads).toHaveLength(2);
    reads[1]!.resolve([task(1)]);
    await settle();
    expect(rows.state).toMatchObject({ status: "live", error: null });
  });

  it("does not read while it is not subscribed", async () => {
    const { reads } = reading();
    FakeSocket.last.acks();
    reads[0]!.reject(new Error("503"));
    await settle();
    FakeSocket.last.closes();
    vi.spyOn(Math, "random").mockReturnValue(0);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(reads).toHaveLength(1);
  });

  it("says what was refused, and mends with the next connection", async () => {
    const { rows, reads } = reading();
    FakeSocket.last.refuses("unknown_model");
    expect(rows.state).toMatchObject({ status: "error", error: { kind: "refused", reason: "unknown_model" } });
    await comesBack(false);
    reads[0]!.resolve([]);
    await settle();
    expect(rows.state).toMatchObject({ status: "live", error: null });
  });

  it("forgets the rows of another user", async () => {
    const { live, rows } = await loaded([task(1)]);
    live.reset();
    expect(rows.state).toEqual({ rows: [], status: "connecting", error: null });
    expect(FakeSocket.last.opens().of("subscribe")[0]).not.toHaveProperty("since");
  });

  it("shows nothing any more when access was revoked, or the model is hidden", async () => {
    const revoked = await loaded([task(1)]);
    FakeSocket.last.closes(4403);
    expect(revoked.rows.state).toMatchObject({ rows: [], status: "error", error: { kind: "closed" } });

    const hidden = await loaded([task(1)]);
    FakeSocket.last.says({ type: "unsubscribed", id: 1, code: 404, reason: "unknown_model" });
    expect(hidden.rows.state).toMatchObject({ rows: [], status: "error", error: { kind: "refused" } });
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.opens().acks();
    expect(FakeSocket.last.of("subscribe")[0]).not.toHaveProperty("since");
    hidden.reads[1]!.resolve([task(2)]);
    await settle();
    expect(hidden.rows.state).toEqual({ rows: [task(2)], status: "live", error: null });
  });

  it("is silent when it is closed", async () => {
    const { rows, reads } = reading();
    FakeSocket.last.acks();
    const listener = vi.fn();
    rows.subscribe(listener);
    rows.close();
    expect(reads[0]!.signal.aborted).toBe(true);
    reads[0]!.resolve([task(1)]);
    await settle();
    expect(listener).not.toHaveBeenCalled();
    expect(FakeSocket.last.of("unsubscribe")).toHaveLength(1);
  });
});

describe("a collection by snapshots", () => {
  const part = (id: number, instances: Task[], more: boolean) => FakeSocket.last.says({ type: "snapshot", id, model: "a.Task", instances, more });

  it("takes the rows in parts, and asks for others at a resync", () => {
    const rows = client().collection(LIST, { snapshot: true });
    FakeSocket.last.opens();
    expect(FakeSocket.last.sent).toMatchObject([{ snapshot: true }]);
    const id = FakeSocket.last.sent[0]!["id"] as number;
    part(id, [task(1)], true);
    expect(rows.rows).toEqual([]);
    part(id, [task(2)], false);
    FakeSocket.last.acks();
    FakeSocket.last.tells("UPDATED", task(1, "new"));
    expect(rows.state).toMatchObject({ rows: [task(1, "new"), task(2)], status: "live" });
    FakeSocket.last.says({ type: "resync", id, cursor: "c", reason: "rights_changed" });
    expect(rows.status).toBe("stale");
    const again = FakeSocket.last.of("subscribe").at(-1)!;
    expect(again).not.toHaveProperty("since");
    part(again["id"] as number, [], false);
    FakeSocket.last.acks();
    expect(rows.state).toMatchObject({ rows: [], status: "live" });
  });

  it("keeps its rows when it resumes, and drops half a snapshot", async () => {
    const rows = client().collection(LIST, { snapshot: true });
    part(FakeSocket.last.opens().sent[0]!["id"] as number, [task(9)], true);
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(250);
    part(FakeSocket.last.opens().sent[0]!["id"] as number, [task(1)], false);
    FakeSocket.last.acks();
    expect(rows.rows).toEqual([task(1)]);
    await comesBack(true);
    expect(rows.state).toMatchObject({ rows: [task(1)], status: "live" });
  });

  it("is one subscription each", () => {
    const live = client();
    live.collection(LIST, { snapshot: true });
    live.collection(LIST, { snapshot: true });
    expect(FakeSocket.last.opens().of("subscribe")).toHaveLength(2);
  });
});

describe("an optimistic edit", () => {
  const shown = (rows: { rows: readonly Task[] }) => rows.rows.map(({ text }) => text);

  it("is shown at once, and taken back when its request fails", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const before = rows.rows[0];
    const request = deferred<void>();
    rows.optimistic(1, { text: "b" }, request.promise).catch(() => {});
    expect(shown(rows)).toEqual(["b"]);
    request.reject(new Error("409"));
    await settle();
    expect(rows.rows[0]).toBe(before);
  });

  it("stays under the events of other people while its request is under way", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const request = deferred<void>();
    void rows.optimistic(1, { text: "b" }, request.promise);
    FakeSocket.last.tells("UPDATED", { id: 1, text: "theirs", done: true });
    expect(rows.rows).toEqual([{ id: 1, text: "b", done: true }]);
    FakeSocket.last.tells("UPDATED", { id: 1, text: "b", done: true });
    const merged = rows.rows;
    request.resolve();
    await settle();
    expect(rows.rows).toBe(merged);
    FakeSocket.last.tells("UPDATED", { id: 1, text: "later" });
    expect(shown(rows)).toEqual(["later"]);
  });

  it("waits for an event that is later than its answer", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const request = deferred<void>();
    void rows.optimistic(1, { text: "b" }, request.promise);
    request.resolve();
    await settle();
    FakeSocket.last.tells("UPDATED", { id: 1, text: "a", done: true });
    expect(shown(rows)).toEqual(["b"]);
    FakeSocket.last.tells("UPDATED", { id: 1, text: "b", done: true });
    FakeSocket.last.tells("UPDATED", { id: 1, text: "c", done: true });
    expect(shown(rows)).toEqual(["c"]);
  });

  it("takes what the server made of it", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const request = deferred<Task>();
    void rows.optimistic(1, { text: " b " }, request.promise);
    request.resolve(task(1, "b"));
    await settle();
    expect(shown(rows)).toEqual(["b"]);
    FakeSocket.last.tells("UPDATED", task(1, "b"));
    FakeSocket.last.tells("UPDATED", task(1, "c"));
    expect(shown(rows)).toEqual(["c"]);
  });

  it("that was overwritten before its answer came does not come back", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const request = deferred<void>();
    void rows.optimistic(1, { text: "b" }, request.promise);
    FakeSocket.last.tells("UPDATED", task(1, "b"));
    FakeSocket.last.tells("UPDATED", task(1, "c"));
    request.resolve();
    await settle();
    expect(shown(rows)).toEqual(["c"]);
  });

  it("gives way after a while when no event comes, but not while none can come", async () => {
    const { rows } = await loaded([task(1, "a")]);
    const request = deferred<void>();
    void rows.optimistic(1, { text: "b " }, request.promise);
    request.resolve();
    await settle();
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(20);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(shown(rows)).toEqual(["b "]);
    FakeSocket.last.opens().acks({ recovered: true });
    await vi.advanceTimersByTimeAsync(3_000);
    expect(shown(rows)).toEqual(["a"]);
  });

  it("deletes, and makes", async () => {
    const { rows } = await loaded([task(1)]);
    const [gone, made] = [deferred<void>(), deferred<void>()];
    void rows.optimistic(1, null, gone.promise);
    void rows.optimistic(2, task(2), made.promise);
    expect(rows.rows).toEqual([task(2)]);
    gone.resolve();
    made.resolve();
    await settle();
    expect(rows.rows).toEqual([task(2)]);
    FakeSocket.last.tells("DELETED", task(1));
    FakeSocket.last.tells("CREATED", task(2));
    expect(rows.rows).toEqual([task(2)]);
    FakeSocket.last.tells("DELETED", task(2));
    expect(rows.rows).toEqual([]);
  });

  describe("that makes a row whose key the server gives", () => {
    const made = deferred<Task>;

    it("is one row, whether the answer or the event comes first", async () => {
      const { rows } = await loaded([task(1)]);
      const [early, late] = [made(), made()];
      void rows.optimistic(-1, { id: -1, text: "early" }, early.promise);
      void rows.optimistic(-2, { id: -2, text: "late" }, late.promise);
      const seen = new Set<string>();
      rows.subscribe(() => seen.add(shown(rows).sort().join()));
      early.resolve(task(2, "early"));
      await settle();
      FakeSocket.last.tells("CREATED", task(2, "early"));
      FakeSocket.last.tells("CREATED", task(3, "late"));
      expect(rows.rows).toEqual([task(1), task(2, "early"), task(3, "late")]);
      late.resolve(task(3, "late"));
      await settle();
      expect(rows.rows).toEqual([task(1), task(2, "early"), task(3, "late")]);
      expect([...seen]).toEqual(["early,late,task 1"]);
      FakeSocket.last.tells("DELETED", task(3, "late"));
      expect(rows.rows).toEqual([task(1), task(2, "early")]);
    });

    it("is as many rows as were made, also where others make the same", async () => {
      const { rows } = await loaded([]);
      const requests = [made(), made()];
      for (const [at, { promise }] of requests.entries()) void rows.optimistic(-at, { id: -at, text: "x" }, promise);
      FakeSocket.last.tells("CREATED", task(1, "x"));
      expect(shown(rows)).toEqual(["x", "x"]);
      FakeSocket.last.tells("UPDATED", task(1, "x"));
      expect(shown(rows)).toEqual(["x", "x"]);
      for (const id of [2, 3]) FakeSocket.last.tells("CREATED", task(id, "x"));
      for (const [at, { resolve }] of requests.entries()) resolve(task(2 + at, "x"));
      await settle();
      expect(rows.rows).toEqual([1, 2, 3].map((id) => task(id, "x")));
    });

    it("is taken back when its request fails", async () => {
      const { rows } = await loaded([]);
      const request = made();
      rows.optimistic(-1, { id: -1, text: "x" }, request.promise).catch(() => {});
      request.reject("no");
      await settle();
      expect(rows.rows).toEqual([]);
    });

    it("may be given any key", async () => {
      const { rows } = await loaded([]);
      const request = made();
      void rows.optimistic(-1, { id: -1, text: "x" }, request.promise);
      request.resolve(task(0, "x"));
      await settle();
      FakeSocket.last.tells("CREATED", task(0, "x"));
      expect(rows.rows).toEqual([task(0, "x")]);
    });

    it("keeps what the server made of it", async () => {
      const { rows } = await loaded([]);
      const request = made();
      void rows.optimistic(-1, { id: -1, text: " x " }, request.promise);
      request.resolve(task(1, "x"));
      await settle();
      expect(rows.rows).toEqual([task(1, "x")]);
      FakeSocket.last.tells("DELETED", task(1, "x"));
      await vi.advanceTimersByTimeAsync(3_000);
      expect(rows.rows).toEqual([]);
    });
  });

  it("does not take the key of another row from an answer", async () => {
    const { rows } = await loaded([task(1), task(2)]);
    const request = deferred<Task>();
    void rows.optimistic(1, { text: "b" }, request.promise);
    request.resolve(task(2, "b"));
    await settle();
    expect(rows.rows).toEqual([task(1, "b"), task(2)]);
  });

  it("does not make a row of one that others delete", async () => {
    const { rows } = await loaded([task(1)]);
    void rows.optimistic(1, { text: "b" }, deferred<void>().promise);
    FakeSocket.last.tells("DELETED", task(1));
    expect(rows.rows).toEqual([]);
  });

  it("does not wait for an older one whose event looks different", async () => {
    const { rows } = await loaded([task(1, "")]);
    const [one, two] = [deferred<void>(), deferred<void>()];
    void rows.optimistic(1, { text: "a " }, one.promise);
    void rows.optimistic(1, { text: "ab" }, two.promise);
    one.resolve();
    two.resolve();
    await settle();
    for (const text of ["a", "ab", "later"]) FakeSocket.last.tells("UPDATED", task(1, text));
    expect(shown(rows)).toEqual(["later"]);
  });

  it("does not bring an older one to light", async () => {
    const { rows } = await loaded([task(1, "")]);
    const [one, two] = [deferred<void>(), deferred<void>()];
    void rows.optimistic(1, { text: "a" }, one.promise);
    void rows.optimistic(1, { text: "ab" }, two.promise);
    const seen = new Set<string>();
    rows.subscribe(() => seen.add(shown(rows)[0]!));
    FakeSocket.last.tells("UPDATED", task(1, "a"));
    two.resolve();
    await settle();
    FakeSocket.last.tells("UPDATED", task(1, "ab"));
    one.resolve();
    await settle();
    expect(shown(rows)).toEqual(["ab"]);
    expect([...seen]).toEqual(["ab"]);
  });
});

describe("an edit over one that fails late", () => {
  /** The second edit's event has come, and all patience for it is over. */
  async function overlapping(patch: Partial<Task> | null, action: string, row: Task) {
    const { rows } = await loaded([task(1)]);
    const [first, second] = [deferred<void>(), deferred<void>()];
    rows.optimistic(1, { text: "first" }, first.promise).catch(() => {});
    void rows.optimistic(1, patch, second.promise);
    second.resolve();
    await settle();
    FakeSocket.last.tells(action, row);
    await vi.advanceTimersByTimeAsync(10_000);
    first.reject(new Error("timeout"));
    await settle();
    return rows;
  }

  it("does not cover what others write", async () => {
    const rows = await overlapping({ text: "second" }, "UPDATED", task(1, "second"));
    expect(rows.rows).toEqual([task(1, "second")]);
    FakeSocket.last.tells("UPDATED", task(1, "theirs"));
    expect(rows.rows).toEqual([task(1, "theirs")]);
  });

  it("does not hide a row that comes back", async () => {
    const rows = await overlapping(null, "DELETED", task(1));
    expect(rows.rows).toEqual([]);
    FakeSocket.last.tells("CREATED", task(1, "back"));
    expect(rows.rows).toEqual([task(1, "back")]);
  });
});
