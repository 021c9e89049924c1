// What the collections of a page go through: writes, and lines and servers that break meanwhile, at random.

import fc from "fast-check";
import { WebSocket } from "ws";

import { RestLive, type Collection, type RestLiveOptions, type SocketConstructor } from "rest-live";

import { converges, type Break, type Line, type Server } from "./server.js";

export const Socket = WebSocket as unknown as SocketConstructor;

/** Where it takes place. There are two groups, 1 and 2. */
export interface World<W extends string, T extends object> {
  readonly server: Server;
  readonly line: Line;
  readonly options?: RestLiveOptions;
  /** The ways of writing, the frequent ones more than once. */
  readonly writes: readonly W[];
  /** Writes to a row, or a group, that `at` says, while this page looks at it. */
  write(way: W, at: number, page: Page<T>): Promise<unknown>;
  open(live: RestLive, group: number): Collection<T>;
  /** What the collection is to come to. */
  read(group: number): Promise<T[]>;
}

export interface Page<T extends object> {
  readonly live: RestLive;
  readonly rows: Collection<T>[];
}

type Step<W> = { do: "write"; way: W; at: number } | { do: "break"; how: Break } | { do: "delay"; by: number } | { do: "pause"; for: number } | { do: "reopen" } | { do: "kill" };

function steps<W>(writes: readonly W[]): fc.Arbitrary<Step<W>[]> {
  const step = fc.oneof<fc.WeightedArbitrary<Step<W>>[]>(
    { weight: 12, arbitrary: fc.record({ do: fc.constant("write" as const), way: fc.constantFrom(...writes), at: fc.nat(20) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("break" as const), how: fc.constantFrom<Break>("cut", "cut", "half", "freeze") }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("delay" as const), by: fc.constantFrom(0, 5, 40) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("pause" as const), for: fc.nat(150) }) },
    { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
    { weight: 1, arbitrary: fc.constant({ do: "kill" as const }) },
  );
  return fc.array(step, { minLength: 5, maxLength: 40 });
}

/** Whatever happens, in the end each collection shows what REST reads. */
export async function survives<W extends string, T extends object>(world: World<W, T>): Promise<void> {
  const numRuns = Number(process.env["RUNS"] ?? 15);
  await fc.assert(fc.asyncProperty(steps(world.writes), (all) => travel(world, all)), { numRuns, endOnFailure: true });
}

async function travel<W extends string, T extends object>(world: World<W, T>, all: Step<W>[]): Promise<void> {
  world.line.delay = 0;
  const live = new RestLive(world.line.url, { WebSocket: Socket, probeAfter: 300, ...world.options });
  const rows = [world.open(live, 1), world.open(live, 2)];
  const page = { live, rows };
  try {
    for (const step of all) {
      if (step.do === "reopen") {
        rows[0]!.close();
        rows[0] = world.open(live, 1);
      } else await take(world, step, page);
    }
    world.line.delay = 0;
    await arrives(world, page);
  } finally {
    live.close();
  }
}

/** The collections show what REST reads. */
export async function arrives<T extends object>({ read }: { read(group: number): Promise<T[]> }, { rows }: Page<T>): Promise<void> {
  for (const [at, collection] of rows.entries()) await converges(collection, await read(at + 1));
}

async function take<W extends string, T extends object>({ server, line, write }: World<W, T>, step: Exclude<Step<W>, { do: "reopen" }>, page: Page<T>): Promise<void> {
  if (step.do === "write") await write(step.way, step.at, page);
  if (step.do === "break") line.break(step.how);
  if (step.do === "delay") line.delay = step.by;
  if (step.do === "pause") await new Promise((resolve) => setTimeout(resolve, step.for));
  if (step.do === "kill") {
    await server.kill();
    await server.start();
  }
}
