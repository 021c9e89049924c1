// Snapshots, against a real server: the tokens example.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { arrives, survives, type Page } from "./journey.js";
import { Heard, Notes, type Note } from "./notes.js";
import { build, converges, Line, Server, until } from "./server.js";

let program: string;
let server: Server;
let notes: Notes;
let live: Heard;

beforeAll(() => void (program = build("tokens")));

beforeEach(async () => {
  server = await new Server(program, { TOKEN_SECONDS: "3600" }).start();
  notes = new Notes(server, await new Line(server).open());
  live = notes.client({ auth: () => notes.token("anna") });
});

afterEach(async () => {
  live.close();
  notes.line.close();
  await server.end();
});

afterAll(() => server?.end());

/** More than one part takes: some 64 KiB each. */
async function fill(parts: number): Promise<Note[]> {
  const added: Note[] = [];
  for (let at = 0; at < 9 * parts; at++) added.push(await notes.add("ines", `${at} `.padEnd(8_000, "x")));
  return added;
}

/** Does this when the next part of a snapshot has come. */
async function atNextPart(act: () => unknown): Promise<void> {
  const before = live.of("snapshot").length;
  await until(() => live.of("snapshot").length > before, () => "a part");
  act();
}

describe("a collection of a snapshot", () => {
  it("is live and empty where the group is", async () => {
    const rows = live.notes(1);
    await converges(rows, []);
    expect(live.of("snapshot")).toMatchObject([{ instances: [], more: false }]);
    await converges(rows, [await notes.add("ines", "first")]);
    expect(live.of("broadcast")).toHaveLength(1);
  });

  it("is not shown until all of its parts are there", async () => {
    const all = await fill(4);
    const rows = live.notes(1);
    const shown: number[] = [];
    rows.subscribe(() => shown.push(rows.rows.length));
    await converges(rows, all);
    expect(live.of("snapshot").length).toBeGreaterThan(3);
    expect(shown).toEqual([all.length]);
  });

  it("begins again when the line breaks in the middle of it", async () => {
    const all = await fill(6);
    notes.line.trickle = 20;
    const rows = live.notes(1);
    await atNextPart(() => notes.line.break("cut"));
    const late = await notes.add("ines", "late");
    await atNextPart(() => notes.line.break("cut"));
    notes.line.trickle = 0;
    await converges(rows, [...all, late]);
    expect(live.sockets).toHaveLength(3);
    expect(live.of("subscribed")).toMatchObject([{ recovered: false }]);
  });

  it("applies what is written while its parts are on their way", async () => {
    const all = await fill(6);
    notes.line.trickle = 20;
    const rows = live.notes(1);
    await atNextPart(() => {});
    const edited = await notes.edit(all[0]!, { text: "edited" });
    await notes.remove(all[1]!);
    const late = await notes.add("ines", "late");
    notes.line.trickle = 0;
    await converges(rows, [edited, ...all.slice(2), late]);
    expect(live.of("subscribed")).toHaveLength(1);
  });

  it("resumes without another snapshot", async () => {
    const [kept, gone] = [await notes.add("ines", "kept"), await notes.add("ines", "gone")];
    const rows = live.notes(1);
    await converges(rows, [kept, gone]);
    const before = rows.rows[0];
    notes.line.down();
    await until(() => rows.status === "stale", () => rows.status);
    await notes.remove(gone);
    const missed = await notes.add("ines", "missed");
    notes.line.up();
    await converges(rows, [kept, missed]);
    expect(live.of("snapshot")).toHaveLength(1);
    expect(live.of("subscribed")).toMatchObject([{ recovered: false }, { recovered: true }]);
    expect(rows.rows[0]).toBe(before);
  });

  it("takes another one of a server that was started anew, and shows the old rows until then", async () => {
    const [kept, gone] = [await notes.add("ines", "kept"), await notes.add("ines", "gone")];
    const rows = live.notes(1);
    await converges(rows, [kept, gone]);
    const shown: number[] = [];
    rows.subscribe(() => shown.push(rows.rows.length));
    await server.kill();
    await server.start();
    await notes.remove(gone);
    await converges(rows, [kept]);
    expect(live.of("snapshot").length).toBeGreaterThan(1);
    expect(shown.filter((count) => count === 0)).toEqual([]);
  });

  it("follows the rights to its rows", async () => {
    const mine = await notes.add("anna", "of Anna", { is_private: true });
    const hers = await notes.add("ines", "of Ines", { is_private: true });
    const rows = live.notes(1);
    await converges(rows, [mine]);
    await server.request("PUT", "/editors/anna/");
    await converges(rows, [mine, hers]);
    const open = await notes.edit(hers, { is_private: false });
    await converges(rows, [mine, open]);
    await notes.edit(hers, { is_private: true });
    await server.request("DELETE", "/editors/anna/");
    await converges(rows, [mine]);
    expect(live.of("subscribed")).toHaveLength(1);
    expect(live.of("broadcast").map(({ action }) => action)).toEqual(["CREATED", "UPDATED", "UPDATED", "DELETED"]);
  });

  it("can be read again when the page wants it", async () => {
    const note = await notes.add("ines", "note");
    const rows = live.notes(1);
    await converges(rows, [note]);
    rows.refresh();
    expect(rows.state).toMatchObject({ status: "stale", rows: [note] });
    await converges(rows, [note]);
    expect(live.of("snapshot")).toHaveLength(2);
  });
});

describe("over lines that break at random", () => {
  it("a collection comes to what REST reads", { timeout: 600_000 }, async () => {
    const names = ["anna", "ines"] as const;
    const read = (value: number) => notes.seen("anna", value);
    await survives<"add" | "rewrite" | "move" | "hide" | "delete" | "rights", Note>({
      server,
      line: notes.line,
      options: { auth: () => notes.token("anna") },
      writes: ["add", "add", "rewrite", "move", "hide", "delete", "rights"],
      write,
      open: (own, value) => own.collection({ model: "tokens.Note", property: "room", value }, { snapshot: true, compare: (a: Note, b: Note) => a.id - b.id }),
      read,
    });

    async function write(way: string, at: number, page: Page<Note>): Promise<unknown> {
      const room = 1 + (at % 2);
      const author = names[at % 3 ? 1 : 0];
      if (way === "add") return notes.add(author, `note ${at}`, { room, is_private: at % 4 === 0 });
      if (way === "rights") return rights(at % 2 ? "PUT" : "DELETE", page);
      const all = (await Promise.all([1, 2].map((value) => notes.seen(author, value)))).flat().filter((note) => note.author === author);
      const note = all[at % all.length];
      if (!note) return;
      if (way === "delete") return notes.remove(note);
      return notes.edit(note, way === "move" ? { room } : way === "hide" ? { is_private: !note.is_private } : { text: `${note.text}!`.slice(-50) });
    }

    /** Rights that change while a client is away are not told when it resumes: so it is there, on a line that holds. */
    async function rights(method: string, page: Page<Note>): Promise<void> {
      notes.line.delay = 0;
      page.live.reconnect();
      await arrives({ read }, page);
      await server.request(method, "/editors/anna/");
      await arrives({ read }, page);
    }
  });
});
