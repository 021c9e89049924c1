import { beforeEach, describe, expect, it, vi } from "vitest";

import type { LiveError } from "rest-live";

import { afterClose, backoff } from "../../src/backoff.js";
import { client, FakeSocket, handTime, LIST, settle, deferred } from "./fake.js";

handTime();

describe("a close is judged", () => {
  it("by its code", () => {
    expect(afterClose(4403, "", 0, 0.5)).toBeNull();
    expect(afterClose(1006, "", 0, 0.5)).toEqual({ delay: 250, firm: false, attempt: 1 });
    expect(afterClose(4508, "", 2, 0.5)).toEqual({ delay: 1000, firm: false, attempt: 3 });
    expect(afterClose(4429, "", 0, 0.5)).toEqual({ delay: 4500, firm: true, attempt: 5 });
  });

  it("by the advice of a server that shuts down", () => {
    expect(afterClose(1001, '{"retry_after_ms":1234}', 3, 0.5)).toEqual({ delay: 1234, firm: true, attempt: 3 });
    for (const reason of ["", "bye", "null", "{}", '{"retry_after_ms":-1}', '{"retry_after_ms":"x"}']) {
      expect(afterClose(1001, reason, 0, 0.5)).toMatchObject({ delay: 250, firm: false });
    }
    expect(afterClose(1001, '{"retry_after_ms":1e12}', 0, 0.5)).toMatchObject({ delay: 300_000 });
  });

  it("with full jitter up to 30 s", () => {
    expect(backoff(0, 0)).toBe(0);
    expect(backoff(0, 0.999)).toBeLessThan(500);
    expect(backoff(100, 0.999)).toBeCloseTo(29_970);
  });
});

describe("the connection", () => {
  it("opens on first use, and one is enough", () => {
    const live = client();
    expect(FakeSocket.all).toHaveLength(0);
    expect(live.state).toBe("idle");
    live.subscribe(LIST, {});
    live.subscribe({ ...LIST, value: 2 }, {});
    expect(FakeSocket.all).toHaveLength(1);
    expect(live.state).toBe("connecting");
    FakeSocket.last.opens();
    expect(live.state).toBe("open");
    expect(FakeSocket.last.of("subscribe")).toHaveLength(2);
  });

  it("closes a while after the last unsubscribe", async () => {
    const live = client();
    const one = live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    one.unsubscribe();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(live.state).toBe("open");
    await vi.advanceTimersByTimeAsync(1);
    expect(live.state).toBe("idle");
    expect(FakeSocket.last.readyState).toBe(3);
  });

  it("stays for who comes in time", async () => {
    const live = client();
    live.subscribe(LIST, {}).unsubscribe();
    FakeSocket.last.opens();
    await vi.advanceTimersByTimeAsync(4_000);
    live.subscribe(LIST, {});
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live.state).toBe("open");
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("comes back more and more slowly", async () => {
    const live = client();
    live.subscribe(LIST, {});
    for (const delay of [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
      const count = FakeSocket.all.length;
      FakeSocket.last.closes();
      expect(live.state).toBe("waiting");
      await vi.advanceTimersByTimeAsync(delay - 1);
      expect(FakeSocket.all).toHaveLength(count);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.all).toHaveLength(count + 1);
    }
  });

  it("forgets failures after a stable while, and not before", async () => {
    client().subscribe(LIST, {});
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(250);
    FakeSocket.last.opens();
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(499);
    expect(FakeSocket.all).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    FakeSocket.last.opens();
    await vi.advanceTimersByTimeAsync(10_000);
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.all).toHaveLength(4);
  });

  it("gives up a socket that does not open", async () => {
    const live = client();
    live.subscribe(LIST, {});
    await vi.advanceTimersByTimeAsync(15_000);
    expect(live.state).toBe("waiting");
  });

  it("stays away when its access was revoked, until it is told to come back", async () => {
    const errors: LiveError[] = [];
    const heard: LiveError[] = [];
    const live = client({ onError: (error) => errors.push(error) });
    live.subscribe(LIST, { error: (error) => heard.push(error) });
    FakeSocket.last.opens().closes(4403, "revoked");
    await vi.advanceTimersByTimeAsync(100_000);
    expect(live.state).toBe("stopped");
    expect(errors).toEqual([{ kind: "closed", code: 4403, reason: "revoked", temporary: false }]);
    expect(heard).toEqual(errors);
    live.reconnect();
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("is told once that a URL is no WebSocket's", () => {
    const errors: LiveError[] = [];
    class Broken extends FakeSocket {
      constructor() {
        super("");
        throw new SyntaxError("no address");
      }
    }
    const live = client({ WebSocket: Broken, onError: (error) => errors.push(error) });
    live.subscribe(LIST, {});
    expect(errors).toMatchObject([{ kind: "socket", temporary: false }]);
    expect(live.state).toBe("stopped");
  });

  it("can be closed, and comes back when asked", () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    live.close();
    expect(live.state).toBe("idle");
    live.reconnect();
    expect(live.state).toBe("connecting");
    expect(FakeSocket.last.opens().of("subscribe")).toMatchObject([{ since: "c0" }]);
  });

  it("says each state once", () => {
    const live = client();
    const states: string[] = [];
    live.onChange(() => states.push(live.state));
    live.subscribe(LIST, {});
    FakeSocket.last.opens().closes();
    expect(states).toEqual(["connecting", "open", "waiting"]);
  });

  it("ignores what it does not know", () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens();
    for (const text of ["", "null", "1", "[]", '{"type":"new","id":1}', "{", '{"type":"broadcast","id":99}']) FakeSocket.last.says(text);
    expect(live.state).toBe("open");
  });
});

describe("a token", () => {
  it("goes in the first message, and subscriptions wait for its answer", async () => {
    const live = client({ auth: () => "t1" });
    live.subscribe(LIST, {});
    expect(FakeSocket.all).toHaveLength(0);
    await settle();
    FakeSocket.last.opens();
    expect(FakeSocket.last.sent).toEqual([{ type: "auth", token: "t1" }]);
    expect(live.state).toBe("connecting");
    FakeSocket.last.says({ type: "authenticated" });
    expect(FakeSocket.last.of("subscribe")).toHaveLength(1);
  });

  it("goes as a subprotocol", async () => {
    client({ auth: () => Promise.resolve("t1"), authBy: "subprotocol" }).subscribe(LIST, {});
    await settle();
    expect(FakeSocket.last.protocols).toEqual(["rest-live", "bearer.t1"]);
    expect(FakeSocket.last.opens().sent).toMatchObject([{ type: "subscribe" }]);
  });

  it("need not be there", async () => {
    client({ auth: () => null }).subscribe(LIST, {});
    await settle();
    expect(FakeSocket.last.opens().sent).toMatchObject([{ type: "subscribe" }]);
  });

  it("is renewed once a second at the most", async () => {
    client({ auth: () => "kept" }).subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens();
    for (let round = 0; round < 100; round++) {
      FakeSocket.last.says({ type: "authenticated", expires_in: 0 });
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(FakeSocket.last.of("auth")).toHaveLength(1);
  });

  it("is renewed before it expires", async () => {
    let serial = 0;
    client({ auth: () => `t${++serial}` }).subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().says({ type: "authenticated", expires_in: 10 });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(FakeSocket.last.of("auth").map(({ token }) => token)).toEqual(["t1", "t2"]);
    FakeSocket.last.says({ type: "authenticated", expires_in: 10 });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(FakeSocket.last.of("auth")).toHaveLength(3);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("is asked anew at each connect", async () => {
    let serial = 0;
    client({ auth: () => `t${++serial}` }).subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().says({ type: "authenticated" });
    FakeSocket.last.closes(4003);
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.last.opens().sent).toEqual([{ type: "auth", token: "t2" }]);
  });

  it("that ends takes the cursors along: what may be seen now is not known", async () => {
    const live = client({ auth: () => "t" });
    live.subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().says({ type: "authenticated" });
    for (const [code, since] of [[1006, "c0"], [4003, undefined]] as const) {
      FakeSocket.last.acks();
      FakeSocket.last.closes(code);
      await vi.advanceTimersByTimeAsync(1_000);
      FakeSocket.last.opens().says({ type: "authenticated" });
      expect(FakeSocket.last.of("subscribe").map((message) => message["since"])).toEqual([since]);
    }
  });

  it("of somebody who may not be here is not shown again", async () => {
    const errors: LiveError[] = [];
    const auth = vi.fn(() => "t");
    const live = client({ auth, onError: (error) => errors.push(error) });
    live.subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().refuses("forbidden", { id: null, code: 403 });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(live.state).toBe("stopped");
    expect(auth).toHaveBeenCalledTimes(1);
    expect(errors).toMatchObject([{ kind: "connection", code: 403 }, { kind: "closed", code: 4403 }]);
  });

  it("that cannot be checked just now costs nothing of what is known", async () => {
    const live = client({ auth: () => "t" });
    live.subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().says({ type: "authenticated" });
    FakeSocket.last.acks();
    FakeSocket.last.closes();
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.opens().refuses("unavailable", { id: null, code: 503, temporary: true });
    await vi.advanceTimersByTimeAsync(2_000);
    FakeSocket.last.opens().says({ type: "authenticated" });
    expect(FakeSocket.last.of("subscribe")).toMatchObject([{ since: "c0" }]);
  });

  it("that is refused is reported, and asked for again", async () => {
    const errors: LiveError[] = [];
    const live = client({ auth: () => "old", onError: (error) => errors.push(error) });
    live.subscribe(LIST, {});
    await settle();
    FakeSocket.last.opens().refuses("unauthorized", { id: null, code: 401 });
    expect(errors).toMatchObject([{ kind: "connection", code: 401, reason: "unauthorized" }]);
    expect(live.state).toBe("waiting");
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("whose function fails is asked for again", async () => {
    const errors: LiveError[] = [];
    const auth = vi.fn(() => "t").mockImplementationOnce(() => {
      throw new Error("offline");
    });
    client({ auth, onError: (error) => errors.push(error) }).subscribe(LIST, {});
    await settle();
    expect(errors).toMatchObject([{ kind: "token", cause: new Error("offline") }]);
    await vi.advanceTimersByTimeAsync(250);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it("that comes too late for its connection is not used", async () => {
    const late = deferred<string>();
    const auth = vi.fn(() => late.promise);
    const live = client({ auth });
    live.subscribe(LIST, {});
    live.reconnect();
    late.resolve("t");
    await settle();
    expect(FakeSocket.all).toHaveLength(1);
    live.close();
  });
});

describe("a page that wakes up", () => {
  let page: EventTarget;
  beforeEach(() => {
    page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  });
  const happens = (type: string) => page.dispatchEvent(new Event(type));

  it("connects at once", async () => {
    const live = client();
    live.subscribe(LIST, {});
    for (const type of ["online", "pageshow", "visibilitychange"]) {
      FakeSocket.last.closes();
      expect(live.state).toBe("waiting");
      happens(type);
      expect(live.state).toBe("connecting");
    }
  });

  it("waits as long as the server said", () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().closes(1001, '{"retry_after_ms":60000}');
    happens("online");
    expect(live.state).toBe("waiting");
  });

  it("notices that its socket is dead", async () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    await vi.advanceTimersByTimeAsync(1_000);
    happens("visibilitychange");
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "unsubscribe", id: 0 });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(live.state).toBe("waiting");
  });

  it("keeps a socket that answers", async () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    await vi.advanceTimersByTimeAsync(1_000);
    happens("online");
    FakeSocket.last.refuses("unknown_subscription", { id: 0 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(live.state).toBe("open");
  });

  it("asks again when its timer was late: it slept, and so did the answer", async () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    await vi.advanceTimersByTimeAsync(1_000);
    happens("online");
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(live.state).toBe("open");
    expect(FakeSocket.last.sent.filter(({ id }) => id === 0)).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(live.state).toBe("waiting");
  });

  it("sees a socket that closed without a word", () => {
    const live = client();
    live.subscribe(LIST, {});
    FakeSocket.last.opens().readyState = 3;
    happens("pageshow");
    expect(live.state).toBe("waiting");
  });

  it("asks a socket that is silent for long", async () => {
    client().subscribe(LIST, {});
    FakeSocket.last.opens().acks();
    await vi.advanceTimersByTimeAsync(45_000);
    expect(FakeSocket.last.sent.at(-1)).toEqual({ type: "unsubscribe", id: 0 });
  });

  it("listens no more when nobody needs it", async () => {
    const live = client();
    live.subscribe(LIST, {}).unsubscribe();
    await vi.advanceTimersByTimeAsync(5_000);
    happens("online");
    expect(live.state).toBe("idle");
    expect(vi.getTimerCount()).toBe(0);
  });
});
