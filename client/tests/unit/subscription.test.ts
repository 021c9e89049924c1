import { describe, expect, it, vi } from "vitest";

import type { Handlers } from "rest-live";

import { client, FakeSocket, handTime, LIST, settle, type Task } from "./fake.js";

handTime();

/** Handlers that keep what they heard. */
function recorder() {
  const heard: unknown[] = [];
  const handlers: Handlers<Task> = {
    subscribed: ({ recovered }) => heard.push(recovered ? "recovered" : "subscribed"),
    created: ({ id }) => heard.push(`created ${id}`),
    updated: ({ id }) => heard.push(`updated ${id}`),
    deleted: ({ id }) => heard.push(`deleted ${id}`),
    resync: (reason) => heard.push(reason),
    lost: () => heard.push("lost"),
    error: (error) => heard.push(error.kind),
  };
  return { heard, handlers };
}

describe("a subscription", () => {
  it("hears what happens", () => {
    const { heard, handlers } = recorder();
    client().subscribe(LIST, handlers);
    const socket = FakeSocket.last.opens();
    expect(socket.sent).toEqual([{ type: "subscribe", id: 1, ...LIST }]);
    socket.acks();
    for (const action of ["CREATED", "UPDATED", "DELETED"]) socket.tells(action, { id: 7 });
    socket.says({ type: "resync", id: 1, cursor: "c2", reason: "rights_changed" });
    expect(heard).toEqual(["subscribed", "created 7", "updated 7", "deleted 7", "rights_changed"]);
  });

  it("is shared by those who want the same group", async () => {
    const live = client();
    const [one, two] = [recorder(), recorder()];
    const first = live.subscribe(LIST, one.handlers);
    const socket = FakeSocket.last.opens();
    socket.acks();
    const second = live.subscribe({ value: 1, property: "list_id", model: "a.Task" }, two.handlers);
    expect(two.heard).toEqual([]);
    await settle();
    socket.tells("CREATED", { id: 1 });
    expect([one.heard, two.heard]).toEqual([["subscribed", "created 1"], ["subscribed", "created 1"]]);
    first.unsubscribe();
    first.unsubscribe();
    expect(socket.of("unsubscribe")).toEqual([]);
    second[Symbol.dispose]();
    expect(socket.of("subscribe")).toHaveLength(1);
    expect(socket.of("unsubscribe")).toEqual([{ type: "unsubscribe", id: 1 }]);
  });

  it("does not tell a late one that has left already", async () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    const { heard, handlers } = recorder();
    live.subscribe(LIST, handlers).unsubscribe();
    await settle();
    expect(heard).toEqual([]);
  });

  it("never uses an id again, and ignores late answers", () => {
    const live = client();
    const [old, now] = [recorder(), recorder()];
    const first = live.subscribe(LIST, old.handlers);
    const socket = FakeSocket.last.opens();
    first.unsubscribe();
    live.subscribe(LIST, now.handlers);
    expect(socket.sent).toMatchObject([{ type: "subscribe", id: 1 }, { type: "unsubscribe", id: 1 }, { type: "subscribe", id: 2 }]);
    socket.acks({ id: 1 });
    socket.tells("CREATED", { id: 7 }, { id: 1 });
    socket.says({ type: "unsubscribed", id: 1, code: 0, reason: "requested" });
    expect(now.heard).toEqual([]);
    socket.acks({ id: 2 });
    expect([old.heard, now.heard]).toEqual([[], ["subscribed"]]);
  });

  it("resumes with the last cursor", async () => {
    const { heard, handlers } = recorder();
    client().subscribe(LIST, handlers);
    FakeSocket.last.opens().acks({ cursor: "a" });
    FakeSocket.last.tells("CREATED", { id: 1 }, { cursor: "b" });
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.opens().sent).toMatchObject([{ id: 2, since: "b" }]);
    FakeSocket.last.acks({ recovered: true });
    expect(heard).toEqual(["subscribed", "created 1", "lost", "recovered"]);
  });

  it("recovers nothing for one who came while it was away", async () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    FakeSocket.last.closes();
    const { heard, handlers } = recorder();
    live.subscribe(LIST, handlers);
    await vi.advanceTimersByTimeAsync(250);
    FakeSocket.last.opens().acks({ recovered: true });
    expect(heard).toEqual(["subscribed"]);
  });

  it("that is refused for good is not asked again on this connection", async () => {
    const { heard, handlers } = recorder();
    client().subscribe(LIST, handlers);
    FakeSocket.last.opens().refuses("unknown_model");
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.last.of("subscribe")).toHaveLength(1);
    expect(heard).toEqual(["refused"]);
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.opens().of("subscribe")).toHaveLength(1);
  });

  it("that is refused for now is asked again, under another id", async () => {
    client().subscribe(LIST, {});
    for (const [delay, reason] of [[1250, "rate_limited"], [1500, "draining"], [2000, "snapshot_unavailable"]] as const) {
      if (FakeSocket.last.readyState === 0) FakeSocket.last.opens();
      const count = FakeSocket.last.of("subscribe").length;
      FakeSocket.last.refuses(reason, { code: 429, temporary: true });
      await vi.advanceTimersByTimeAsync(delay - 1);
      expect(FakeSocket.last.of("subscribe")).toHaveLength(count);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.last.of("subscribe")).toHaveLength(count + 1);
    }
    expect(FakeSocket.last.of("subscribe").map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it("takes the place of one that left", () => {
    const live = client();
    const first = live.subscribe(LIST, {});
    live.subscribe({ ...LIST, value: 2 }, {});
    const socket = FakeSocket.last.opens();
    socket.acks({ id: 1 });
    socket.refuses("too_many_subscriptions", { id: 2, code: 429, temporary: true });
    first.unsubscribe();
    expect(socket.sent.slice(2)).toMatchObject([{ type: "unsubscribe", id: 1 }, { type: "subscribe", id: 3, value: 2 }]);
  });

  it("waits for its turn among many", () => {
    const live = client();
    for (let value = 0; value < 128; value++) live.subscribe({ ...LIST, value }, {});
    const socket = FakeSocket.last.opens();
    expect(socket.of("subscribe")).toHaveLength(16);
    for (let id = 1; id <= 128; id++) socket.acks({ id });
    expect(socket.of("subscribe")).toHaveLength(128);
  });

  it("that the server ends is lost", () => {
    const { heard, handlers } = recorder();
    client().subscribe(LIST, handlers);
    FakeSocket.last.opens().acks();
    FakeSocket.last.says({ type: "unsubscribed", id: 1, code: 403, reason: "forbidden" });
    expect(heard).toEqual(["subscribed", "lost", "refused"]);
  });

  it("is not hurt by a handler that throws", () => {
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const live = client();
    const { heard, handlers } = recorder();
    live.subscribe(LIST, {
      subscribed() {
        throw new Error("mine");
      },
    });
    live.subscribe(LIST, handlers);
    FakeSocket.last.opens().acks();
    expect(heard).toEqual(["subscribed"]);
    expect(report).toHaveBeenCalledWith(new Error("mine"));
  });

  it("may be left and taken from within a handler", () => {
    const live = client();
    const { heard, handlers } = recorder();
    const first = live.subscribe(LIST, {
      created() {
        first.unsubscribe();
        second.unsubscribe();
        live.subscribe(LIST, {});
      },
    });
    const second = live.subscribe(LIST, handlers);
    FakeSocket.last.opens().acks();
    FakeSocket.last.tells("CREATED", { id: 1 });
    expect(heard).toEqual(["subscribed"]);
    expect(FakeSocket.last.of("subscribe")).toHaveLength(2);
  });

  it("keeps the `this` of its handlers", () => {
    class Counter {
      #count = 0;
      created() {
        this.#count++;
      }
      get count() {
        return this.#count;
      }
    }
    const counter = new Counter();
    client().subscribe(LIST, counter);
    FakeSocket.last.opens().acks();
    FakeSocket.last.tells("CREATED", { id: 1 });
    expect(counter.count).toBe(1);
  });
});
