// The live models of the server, as types for the client `rest-live`.
// Made by `rest_live::typescript` from the Rust types; not to be edited.

export type Task = { id: number, text: string, list_id: number, };

export interface Models {
  "todolist.Task": {
    instance: Task | Pick<Task, "id" | "text">;
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
