// Tokens, against a real server: the tokens example.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { RestLiveOptions } from "rest-live";

import { Heard, Notes, room } from "./notes.js";
import { build, converges, Line, Server, until } from "./server.js";

let program: string;
let server: Server;
let notes: Notes;
let live: Heard;

beforeAll(() => void (program = build("tokens")));

/** A server whose tokens live for so many seconds. */
const begins = (seconds: number) =>
  beforeEach(async () => {
    server = await new Server(program, { TOKEN_SECONDS: String(seconds) }).start();
    notes = new Notes(server, await new Line(server).open());
  });

afterEach(async () => {
  live.close();
  notes.line.close();
  await server.end();
});

afterAll(() => server?.end());

const stops = () => until(() => live.state === "stopped", () => `stopped, but ${live.state}`);

/** Gives these tokens, one after the other, and then always the last. `asked` is how often. */
function tokens(...from: (() => string | Promise<string>)[]) {
  const source = { asked: 0, auth: async () => from[Math.min(source.asked++, from.length - 1)]!() };
  return source;
}

for (const authBy of ["message", "subprotocol"] as const) {
  describe(`by ${authBy}`, () => {
    begins(3_600);

    const begin = (auth: NonNullable<RestLiveOptions["auth"]>) => void (live = notes.client({ auth, authBy }));

    it("is who its token says", async () => {
      const mine = await notes.add("anna", "of Anna", { is_private: true });
      await notes.add("ines", "of Ines", { is_private: true });
      const source = tokens(() => notes.token("anna"));
      begin(source.auth);
      const rows = live.notes(1);
      await converges(rows, [mine]);
      const next = await notes.add("ines", "for all");
      await converges(rows, [mine, next]);
      expect(source.asked).toBe(1);
      expect(live.sent.some(({ type }) => type === "auth")).toBe(authBy === "message");
      expect(live.errors).toEqual([]);
    });

    it("asks again when its token is wrong", async () => {
      await notes.add("ines", "for all");
      const source = tokens(() => "wrong", () => notes.token("anna"));
      begin(source.auth);
      const rows = live.notes(1);
      await converges(rows, await notes.seen("anna", 1));
      expect(source.asked).toBe(2);
      // Before there is a socket, a client learns no more than that there is none.
      const said = authBy === "message" ? [{ kind: "connection", code: 401, reason: "unauthorized", temporary: false }] : [];
      expect(live.errors).toMatchObject(said);
      expect(live.errors).toHaveLength(said.length);
    });

    it("asks again when it gets no token", async () => {
      const source = tokens(() => Promise.reject(new Error("not now")), () => notes.token("anna"));
      begin(source.auth);
      await converges(live.notes(1), []);
      expect(live.errors).toMatchObject([{ kind: "token", temporary: true }]);
    });

    it("stops when its access is revoked, and shows nothing any more", async () => {
      await notes.add("ines", "for all");
      begin(() => notes.token("anna"));
      const rows = live.notes(1);
      await converges(rows, await notes.seen("ines", 1));
      await server.request("DELETE", "/users/anna/");
      await stops();
      expect(live.sockets).toMatchObject([{ code: 4403 }]);
      expect(rows.state).toMatchObject({ rows: [], status: "error", error: { kind: "closed", code: 4403 } });
    });

    it("goes on as somebody else when the application says so", async () => {
      await notes.add("anna", "of Anna", { is_private: true });
      await notes.add("ines", "of Ines", { is_private: true });
      let name = "anna";
      begin(() => notes.token(name));
      const rows = live.notes(1);
      await converges(rows, await notes.seen("anna", 1));
      name = "ines";
      live.reset();
      expect(rows.rows).toEqual([]);
      await converges(rows, await notes.seen("ines", 1));
    });
  });
}

describe("by message, for a while", () => {
  begins(3);

  const begin = (auth: NonNullable<RestLiveOptions["auth"]>) => void (live = notes.client({ auth }));

  it("renews its token before it expires, on the same socket", async () => {
    const source = tokens(() => notes.token("anna"));
    begin(source.auth);
    const rows = live.notes(1);
    await live.hears("authenticated", 3);
    const note = await notes.add("ines", "after the first token");
    await converges(rows, [note]);
    expect(live.sockets).toEqual([{}]);
    expect(live.of("subscribed")).toHaveLength(1);
    for (const said of live.of("authenticated")) expect(said["expires_in"]).toBeLessThanOrEqual(3);
    expect(source.asked).toBe(3);
  });

  it("is closed when it has no new one, and comes back with one, to what is there then", async () => {
    await notes.add("ines", "of Ines", { is_private: true });
    await server.request("PUT", "/editors/anna/");
    let isDown = false;
    begin(async () => (isDown ? Promise.reject(new Error("not now")) : notes.token("anna")));
    const rows = live.notes(1);
    await live.hears("subscribed");
    expect(rows.rows).toHaveLength(1);
    isDown = true;
    await until(() => live.sockets[0]?.code === 4003, () => `closed: ${JSON.stringify(live.sockets)}`);
    // Nobody tells her of this: it has to be seen when she comes back.
    await server.request("DELETE", "/editors/anna/");
    isDown = false;
    await converges(rows, []);
    expect(live.errors).toContainEqual(expect.objectContaining({ kind: "token" }));
  });

  it("becomes another user on the same socket, and is told what differs", async () => {
    const shared = await notes.add("ines", "for all");
    await notes.add("anna", "of Anna", { is_private: true });
    const hers = await notes.add("ines", "of Ines", { is_private: true });
    const source = tokens(() => notes.token("anna"), () => notes.token("ines"));
    begin(source.auth);
    const rows = live.notes(1);
    await live.hears("subscribed");
    const told: string[] = [];
    live.subscribe(room(1), { event: ({ action, instance }) => told.push(`${action} ${String(instance["text"])}`) });
    await converges(rows, [shared, hers]);
    // This one is not of the snapshot, so it is a subscription of its own, which is told by itself.
    await until(() => told.length === 2, () => `two events, not ${JSON.stringify(told)}`);
    expect(told.sort()).toEqual(["CREATED of Ines", "DELETED of Anna"]);
    expect(live.sockets).toEqual([{}]);
    const next = await notes.add("ines", "later", { is_private: true });
    await converges(rows, [shared, hers, next]);
  });

  it("is told when it may not come back", async () => {
    begin(() => notes.token("anna"));
    const rows = live.notes(1);
    await converges(rows, []);
    await server.request("DELETE", "/users/anna/");
    await stops();
    live.reconnect();
    await until(() => live.sockets.length === 2 && live.state === "stopped", () => `stopped again, but ${live.state}`);
    expect(live.errors).toMatchObject([{ kind: "closed", code: 4403 }, { kind: "connection", code: 403, reason: "forbidden" }, { kind: "closed", code: 4403 }]);
  });
});

describe("by subprotocol, for a while", () => {
  begins(3);

  it("is closed when its token expires, and comes back with another, without a hole", async () => {
    const source = tokens(() => notes.token("anna"));
    live = notes.client({ auth: source.auth, authBy: "subprotocol" });
    const rows = live.notes(1);
    await live.hears("subscribed");
    await until(() => live.sockets[0]?.code === 4003, () => `closed: ${JSON.stringify(live.sockets)}`);
    const note = await notes.add("ines", "meanwhile");
    await converges(rows, [note]);
    expect(source.asked).toBeGreaterThan(1);
    expect(live.errors).toEqual([]);
  });
});
