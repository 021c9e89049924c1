// The example's own types, as the hook and its pages have them.

import { RestLive, type Group } from "rest-live";
import { useLive } from "rest-live/react";

import type { List, Models } from "../../../../examples/todolist/models.js";

/** What the server sends to those who have logged in, to others, and of lists. */
export const sent: [Models["todolist.Task"]["instance"], Models["todolist.Task"]["instance"], List] = [
  { id: 1, text: "Bread", done: false },
  { id: 1, text: "Bread" },
  { id: 1, name: "Groceries" },
];

const live = new RestLive("/ws/subscribe/");
export const group: Group<Models, "todolist.Task"> = { model: "todolist.Task", property: "list_id", value: 1 };
live.collection({ model: "todolist.List", property: "id", value: 1 }, { snapshot: true }).rows[0]?.name.trim();
// @ts-expect-error: no such label
live.subscribe({ model: "todolist.Tusk", value: 1 }, {});
// @ts-expect-error: no such property
live.subscribe({ model: "todolist.Task", property: "list", value: 1 }, {});
// @ts-expect-error: lists have numbers
live.subscribe({ model: "todolist.Task", property: "list_id", value: "1" }, {});

export function Hook() {
  const { rows } = useLive({ model: "todolist.Task", property: "list_id", value: 1 }, { snapshot: true });
  // @ts-expect-error: no such property
  useLive({ model: "todolist.List", property: "list_id", value: 1 }, { snapshot: true });
  // @ts-expect-error: not everybody sees it
  rows.map(({ done }) => done);
  // @ts-expect-error: nobody is sent it
  rows.map(({ list_id }) => list_id);
  return rows.map((task) => ("done" in task && task.done ? task.text : ""));
}
