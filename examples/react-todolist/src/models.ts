// The rows as this page may see them.

import type { Models } from "../../todolist/models";

export type List = Models["todolist.List"]["instance"];
export type Task = Models["todolist.Task"]["instance"];
