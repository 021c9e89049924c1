// The live models of the server, as types for the client `rest-live`.
// Made by `rest_live::typescript` from the Rust types; not to be edited.

/**
 * A list. Everybody may see every one.
 */
export type List = { id: number, name: string, };

/**
 * A task. Whether it is done is for users who have logged in.
 *
 * It can be subscribed to by its primary key, and by its list. For each of the two, the first
 * registration whose permission passes decides what a user sees.
 */
export type Task = { id: number, text: string, done: boolean, list_id: number, };

export interface Models {
  "todolist.List": {
    instance: List;
    groups: {
      pk: number;
      id: number;
    };
  };
  "todolist.Task": {
    instance: Pick<Task, "id" | "text" | "done"> | Pick<Task, "id" | "text">;
    groups: {
      pk: number;
      id: number;
      list_id: number;
    };
  };
}

declare module "rest-live" {
  interface Register {
    models: Models;
  }
}
