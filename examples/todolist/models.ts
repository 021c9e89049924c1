// What is live in this example, as types.

export interface List {
  id: number;
  name: string;
}

export type Task = { id: number; text: string; done: boolean } | { id: number; text: string };

export interface Models {
  "todolist.List": { instance: List; groups: { pk: number; id: number } };
  "todolist.Task": { instance: Task; groups: { pk: number; id: number; list_id: number } };
}

declare module "rest-live" {
  interface Register {
    models: Models;
  }
}
