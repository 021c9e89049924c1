// Without models, all labels and values will do; `fetch` says what the rows are.

import { RestLive } from "rest-live";

const live = new RestLive("/ws/subscribe/");
interface Task {
  id: number;
  text: string;
}
const fetch = async (): Promise<Task[]> => [];

live.subscribe({ model: "any.Model", property: ["a", "b"], value: [1, null] }, { created: (row) => row["anything"] });
live.collection({ model: "any.Model", value: "x" }, { fetch }).rows.map(({ text }) => text.trim());
// @ts-expect-error: a group has a value
live.subscribe({ model: "any.Model" }, {});
// @ts-expect-error: nothing is known of the row
live.subscribe({ model: "any.Model", value: 1 }, { created: (row) => row["text"].trim() });
