// The client against the real server, over lines that break.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { RestLive, type Collection } from "rest-live";

import { Socket, survives } from "./journey.js";
import { build, converges as comesTo, Line, Server, until } from "./server.js";

interface Task {
  id: number;
  text: string;
}


let program: string;
let server: Server;
let line: Line;
let live: RestLive;

beforeAll(() => void (program = build("todolist")));

beforeEach(async () => {
  server = await new Server(program).start();
  for (const name of ["one", "two"]) await server.request("POST", "/lists/", { name });
  line = await new Line(server).open();
  live = new RestLive(line.url, { WebSocket: Socket, probeAfter: 1_000 });
});

afterEach(async () => {
  live.close();
  line.close();
  await server.end();
});

afterAll(() => server?.end());

const add = (text: string, list_id = 1) => server.request<Task>("POST", "/tasks/", { text, list_id });
const read = (list: number, signal?: AbortSignal) => server.request<Task[]>("GET", `/tasks/?list_id=${list}`, undefined, signal && { signal });
const byId = (a: Task, b: Task) => a.id - b.id;
const group = (value: number) => ({ model: "todolist.Task", property: "list_id", value });
const tasks = (list: number) => live.collection(group(list), { fetch: (signal) => read(list, signal), compare: byId });

const isLive = (rows: Collection<Task>) => until(() => rows.status === "live", () => `live, ${JSON.stringify(rows.state)}`);
const converges = async (rows: Collection<Task>, list: number) => comesTo(rows, await read(list));

describe("the client, with the todolist", () => {
  it("hears what is done to a list", async () => {
    const heard: string[] = [];
    live.subscribe(group(1), {
      subscribed: ({ recovered }) => heard.push(`subscribed ${recovered}`),
      event: ({ action, instance }) => heard.push(`${action} ${String(instance["text"])}`),
    });
    await until(() => heard.length === 1, () => "subscribed");
    const { id } = await add("Bread");
    await server.request("PATCH", `/tasks/${id}/`, { text: "Rye" });
    await server.request("PATCH", `/tasks/${id}/`, { list_id: 2 });
    await until(() => heard.length === 4, () => "three events");
    expect(heard).toEqual(["subscribed false", "CREATED Bread", "UPDATED Rye", "DELETED Rye"]);
  });

  it("is refused what there is not, and told so", async () => {
    const errors: unknown[] = [];
    const error = (said: unknown) => errors.push(said);
    live.subscribe({ model: "todolist.Tusk", value: 1 }, { error });
    live.subscribe({ model: "todolist.Task", property: "text", value: 1 }, { error });
    live.subscribe({ ...group(1), value: "x" }, { error });
    await until(() => errors.length === 3, () => "errors");
    expect(errors).toMatchObject(["unknown_model", "unknown_property", "bad_value"].map((reason) => ({ kind: "refused", reason, temporary: false })));
    const rows = live.collection(group(1), { snapshot: true });
    await until(() => rows.status === "error", () => "an error");
    expect(rows.error).toMatchObject({ reason: "no_snapshot" });
  });

  it("recovers what it missed, without reading again", async () => {
    let reads = 0;
    const rows = live.collection(group(1), { fetch: (signal) => (reads++, read(1, signal)) });
    await isLive(rows);
    line.down();
    await until(() => rows.status === "stale", () => "stale");
    await add("missed");
    line.up();
    await converges(rows, 1);
    expect(reads).toBe(1);
  });

  it("outlives a server that is killed, and reads again", async () => {
    await add("before");
    const rows = tasks(1);
    await converges(rows, 1);
    await server.kill();
    await until(() => rows.status === "stale", () => "stale");
    expect(rows.rows).toHaveLength(1);
    await server.start();
    await add("after");
    await converges(rows, 1);
    expect(rows.rows).toHaveLength(2);
  });

  it("notices a line that is dead without a word", async () => {
    const rows = tasks(1);
    await isLive(rows);
    line.break("freeze");
    await add("unheard");
    await converges(rows, 1);
  });

  it("has more groups than one connection takes wait for a place", async () => {
    const all = Array.from({ length: 130 }, (_, value) => tasks(value + 1));
    await until(() => all.filter(({ status }) => status === "live").length === 128, () => "128 live");
    for (const rows of all.slice(0, 2)) rows.close();
    await until(() => all.slice(2).every(({ status }) => status === "live"), () => "the others live");
  });

  it("shows an edit until its event has come, and nothing else between", async () => {
    const { id } = await add("a");
    const rows = tasks(1);
    await isLive(rows);
    const seen: string[] = [];
    rows.subscribe(() => seen.push(rows.rows[0]?.text ?? "gone"));
    line.delay = 100;
    await rows.optimistic(id, { text: "b" }, server.request<Task>("PATCH", `/tasks/${id}/`, { text: " b " }));
    await new Promise((resolve) => setTimeout(resolve, 400));
    await server.request("PATCH", `/tasks/${id}/`, { text: "c" });
    await converges(rows, 1);
    expect([...new Set(seen)]).toEqual(["b", "c"]);
  });
});

describe("over lines that break at random", () => {
  it("a collection comes to what REST reads", { timeout: 600_000 }, async () => {
    // An answer that takes its time: what comes meanwhile is not in it.
    const late = async (list: number, signal: AbortSignal) => {
      const rows = await read(list, signal);
      await new Promise((resolve) => setTimeout(resolve, 2 * line.delay));
      return rows;
    };
    await survives<"add" | "rewrite" | "move" | "delete" | "complete", Task>({
      server,
      line,
      writes: ["add", "add", "rewrite", "move", "delete", "complete"],
      write,
      open: (own, list) => own.collection(group(list), { fetch: (signal) => late(list, signal), compare: byId }),
      read,
    });
  });

  async function write(way: string, at: number): Promise<unknown> {
    const list_id = 1 + (at % 2);
    if (way === "add") return add(`task ${at}`, list_id);
    if (way === "complete") return server.request("POST", `/lists/${list_id}/complete/`);
    const all = await server.request<Task[]>("GET", "/tasks/");
    const task = all[at % all.length];
    if (!task) return;
    const address = `/tasks/${task.id}/`;
    if (way === "delete") return server.request("DELETE", address);
    return server.request("PATCH", address, way === "move" ? { list_id } : { text: `${task.text}!`.slice(-50) });
  }
});
