// What has to be an error for the compiler, and what must not. `npm run lint` checks it.

import { RestLive } from "rest-live";
import { useLive } from "rest-live/react";

export interface Task {
  id: number;
  text: string;
}

export interface Models {
  "todolist.Task": { instance: Task; groups: { pk: number; list_id: number; "list_id,owner_id": readonly [number, string] } };
  "todolist.List": { instance: { id: number; name: string }; groups: { pk: number } };
}

declare module "rest-live" {
  interface Register {
    models: Models;
  }
}

const live = new RestLive("/ws/subscribe/");
const fetch = async (): Promise<Task[]> => [];

live.subscribe({ model: "todolist.Task", property: "list_id", value: 1 }, { created: ({ text }) => text.trim() });
live.subscribe({ model: "todolist.Task", property: "pk", value: 1 }, {});
live.subscribe({ model: "todolist.Task", value: 1 }, {});
live.subscribe({ model: "todolist.Task", property: ["list_id", "owner_id"], value: [1, "anna"] }, {});
// @ts-expect-error: no such label
live.subscribe({ model: "todolist.Tusk", property: "list_id", value: 1 }, {});
// @ts-expect-error: no such property
live.subscribe({ model: "todolist.Task", property: "list", value: 1 }, {});
// @ts-expect-error: not the type of the column
live.subscribe({ model: "todolist.Task", property: "list_id", value: "1" }, {});
// @ts-expect-error: no value
live.subscribe({ model: "todolist.Task", property: "list_id" }, {});
// @ts-expect-error: a property of another model
live.subscribe({ model: "todolist.List", property: "list_id", value: 1 }, {});
// @ts-expect-error: no such column
live.subscribe({ model: "todolist.Task", value: 1 }, { created: ({ name }) => name });

const tasks = live.collection({ model: "todolist.Task", property: "list_id", value: 1 }, { fetch });
tasks.rows.map(({ text }) => text.trim());
void tasks.optimistic(1, { text: "new" }, Promise.resolve());
// @ts-expect-error: no such column
void tasks.optimistic(1, { name: "new" }, Promise.resolve());
// @ts-expect-error: rows do not change under the hands of others
tasks.rows.push({ id: 1, text: "" });
// @ts-expect-error: neither fetch nor a snapshot
live.collection({ model: "todolist.Task", value: 1 }, {});
// @ts-expect-error: one of the two
live.collection({ model: "todolist.Task", value: 1 }, { fetch, snapshot: true });
// @ts-expect-error: the rows of another model
live.collection({ model: "todolist.List", value: 1 }, { fetch });
const lists = live.collection({ model: "todolist.List", value: 1 }, { snapshot: true, key: "name" });
lists.rows[0]?.name.trim();

const error = tasks.error;
if (error?.kind === "refused") error.reason.trim();
// @ts-expect-error: only some errors have a reason
error?.reason;

export function Hook() {
  const { rows } = useLive({ model: "todolist.Task", property: "list_id", value: 1 }, { snapshot: true });
  // @ts-expect-error: no such label
  useLive({ model: "todolist.Tusk", value: 1 }, { snapshot: true });
  useLive(null, { snapshot: true });
  return rows.map(({ text }) => text);
}
