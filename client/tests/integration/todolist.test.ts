// The client against the real server, over lines that break.

import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { RestLive, type Collection, type SocketConstructor } from "rest-live";

import { build, Line, Server, type Break, type Task } from "./server.js";

const Socket = WebSocket as unknown as SocketConstructor;

let program: string;
let server: Server;
let line: Line;
let live: RestLive;

beforeAll(() => void (program = build()));

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
const group = (value: number) => ({ model: "todolist.Task", property: "list_id", value });
const tasks = (list: number) => live.collection(group(list), { fetch: (signal) => server.tasks(list, signal), compare: (a: Task, b: Task) => a.id - b.id });

/** Waits until it is so. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isLive = (rows: Collection<Task>) => until(() => rows.status === "live", `live, ${JSON.stringify(rows.state)}`);

/** The collection comes to what REST reads, and stays there. */
async function converges(rows: Collection<Task>, list: number): Promise<void> {
  const truth = JSON.stringify(await server.tasks(list));
  await until(() => rows.status === "live" && JSON.stringify(rows.rows) === truth, `${truth}, but ${JSON.stringify(rows.state)}`);
}

describe("the client, with the todolist", () => {
  it("hears what is done to a list", async () => {
    const heard: string[] = [];
    live.subscribe(group(1), {
      subscribed: ({ recovered }) => heard.push(`subscribed ${recovered}`),
      event: ({ action, instance }) => heard.push(`${action} ${String(instance["text"])}`),
    });
    await until(() => heard.length === 1, "subscribed");
    const { id } = await add("Bread");
    await server.request("PATCH", `/tasks/${id}/`, { text: "Rye" });
    await server.request("PATCH", `/tasks/${id}/`, { list_id: 2 });
    await until(() => heard.length === 4, "three events");
    expect(heard).toEqual(["subscribed false", "CREATED Bread", "UPDATED Rye", "DELETED Rye"]);
  });

  it("is refused what there is not, and told so", async () => {
    const errors: unknown[] = [];
    const error = (said: unknown) => errors.push(said);
    live.subscribe({ model: "todolist.Tusk", value: 1 }, { error });
    live.subscribe({ model: "todolist.Task", property: "text", value: 1 }, { error });
    live.subscribe({ ...group(1), value: "x" }, { error });
    await until(() => errors.length === 3, "errors");
    expect(errors).toMatchObject(["unknown_model", "unknown_property", "bad_value"].map((reason) => ({ kind: "refused", reason, temporary: false })));
    const rows = live.collection(group(1), { snapshot: true });
    await until(() => rows.status === "error", "an error");
    expect(rows.error).toMatchObject({ reason: "no_snapshot" });
  });

  it("recovers what it missed, without reading again", async () => {
    let reads = 0;
    const rows = live.collection(group(1), { fetch: (signal) => (reads++, server.tasks(1, signal)) });
    await isLive(rows);
    line.down();
    await until(() => rows.status === "stale", "stale");
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
    await until(() => rows.status === "stale", "stale");
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
    await until(() => all.filter(({ status }) => status === "live").length === 128, "128 live");
    for (const rows of all.slice(0, 2)) rows.close();
    await until(() => all.slice(2).every(({ status }) => status === "live"), "the others live");
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

type Step = { do: "add" | "rewrite" | "move" | "delete" | "complete"; at: number } | { do: "break"; how: Break } | { do: "delay"; by: number } | { do: "pause"; for: number } | { do: "reopen" } | { do: "kill" };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom("add", "add", "rewrite", "move", "delete", "complete"), at: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("break" as const), how: fc.constantFrom<Break>("cut", "cut", "half", "freeze") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delay" as const), by: fc.constantFrom(0, 5, 40) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pause" as const), for: fc.nat(150) }) },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
);

describe("over lines that break at random", () => {
  it("a collection comes to what REST reads", { timeout: 600_000 }, async () => {
    const numRuns = Number(process.env["RUNS"] ?? 15);
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40 }), async (steps) => {
        line.delay = 0;
        const own = new RestLive(line.url, { WebSocket: Socket, probeAfter: 300 });
        // An answer that takes its time: what comes meanwhile is not in it.
        const fetch = async (list: number, signal: AbortSignal) => {
          const rows = await server.tasks(list, signal);
          await new Promise((resolve) => setTimeout(resolve, 2 * line.delay));
          return rows;
        };
        const open = (list: number) => own.collection(group(list), { fetch: (signal) => fetch(list, signal), compare: (a: Task, b: Task) => a.id - b.id });
        const rows = [open(1), open(2)];
        try {
          for (const step of steps) {
            if (step.do === "reopen") {
              rows[0]!.close();
              rows[0] = open(1);
            } else await run(step);
          }
          line.delay = 0;
          await converges(rows[0]!, 1);
          await converges(rows[1]!, 2);
        } finally {
          own.close();
        }
      }),
      { numRuns, endOnFailure: true },
    );
  });

  async function run(step: Exclude<Step, { do: "reopen" }>): Promise<void> {
    if (step.do === "break") return line.break(step.how);
    if (step.do === "delay") return void (line.delay = step.by);
    if (step.do === "pause") return new Promise((resolve) => setTimeout(resolve, step.for));
    if (step.do === "kill") {
      await server.kill();
      await server.start();
      return;
    }
    if (step.do === "add") return void (await add(`task ${step.at}`, 1 + (step.at % 2)));
    if (step.do === "complete") return server.request("POST", `/lists/${1 + (step.at % 2)}/complete/`);
    const all = await server.request<Task[]>("GET", "/tasks/");
    const task = all[step.at % all.length];
    if (!task) return;
    const address = `/tasks/${task.id}/`;
    if (step.do === "delete") return server.request("DELETE", address);
    await server.request("PATCH", address, step.do === "move" ? { list_id: 1 + (step.at % 2) } : { text: `${task.text}!`.slice(-50) });
  }
});
