import { useState } from "react";
import { useLive } from "rest-live/react";

import { Editable } from "./Editable";
import { useList } from "./lists";
import { useUser } from "./live";
import type { Task } from "./models";
import { MoveDialog } from "./MoveDialog";
import { NewRow } from "./NewRow";
import { useAttempt } from "./Problems";
import { request } from "./rest";
import { FIRST_OWN_KEY, TaskItem } from "./TaskItem";

let nextKey = FIRST_OWN_KEY;

export function ListCard({ id, ids }: { id: number; ids: readonly number[] }) {
  const attempt = useAttempt();
  const { rows: [list], status, optimistic } = useList(id);
  if (!list) return status === "live" || status === "stale" ? null : <Unread isFailing={status === "error"} />;

  const rename = (name: string) => void attempt(optimistic(id, { name }, request("PATCH", `/lists/${id}/`, { name })));
  const remove = () => {
    if (confirm(`Delete the list “${list.name}” and its tasks?`)) void attempt(optimistic(id, null, request("DELETE", `/lists/${id}/`)));
  };
  return (
    <section className="card" aria-label={list.name}>
      <h2>
        <Editable label="Name of this list" value={list.name} maxLength={100} save={rename} />
      </h2>
      <Tasks list={id} others={ids.filter((other) => other !== id)} remove={remove} />
    </section>
  );
}

function Tasks({ list, others, remove }: { list: number; others: readonly number[]; remove: () => void }) {
  const attempt = useAttempt();
  const user = useUser();
  const [moving, setMoving] = useState<Task | null>(null);
  const { rows, status, error, optimistic } = useLive({ model: "todolist.Task", property: "list_id", value: list }, {
    fetch: (signal) => request<Task[]>("GET", `/tasks/?list_id=${list}`, undefined, signal),
    compare: (a, b) => a.id - b.id,
  });

  const open = rows.filter((task) => "done" in task && !task.done);
  const add = (text: string) => {
    const key = nextKey++;
    const task = { id: key, text, ...(user && { done: false }) };
    return optimistic(key, task, request<Task>("POST", "/tasks/", { text, list_id: list }));
  };
  const completeAll = () => {
    const completed = request("POST", `/lists/${list}/complete/`);
    for (const { id } of open) void optimistic(id, { done: true }, completed);
    void attempt(completed);
  };
  const isRead = status === "live" || status === "stale";

  return (
    <>
      <div className="summary">
        <span>{isRead && count(rows.length, user ? open.length : null)}</span>
        {open.length > 0 && (
          <button className="quiet" onClick={completeAll}>
            Complete all
          </button>
        )}
        <button className="quiet danger" onClick={remove}>
          Delete list
        </button>
      </div>
      <ul className={status} aria-label="Tasks" aria-busy={!isRead}>
        {rows.map((task) => (
          <TaskItem key={task.id} task={task} optimistic={optimistic} {...(others.length && { move: setMoving })} />
        ))}
      </ul>
      {!isRead && <p className="empty">{error ? "The tasks cannot be read. Trying again…" : "Reading…"}</p>}
      {isRead && !rows.length && <p className="empty">Nothing to do here.</p>}
      <NewRow label="Text of a new task" placeholder="What is to be done?" maxLength={200} add={add} />
      {moving && <MoveDialog task={moving} targets={others} close={() => setMoving(null)} />}
    </>
  );
}

function count(all: number, open: number | null): string {
  const sum = all === 1 ? "1 task" : `${all} tasks`;
  return all && open !== null ? `${sum}, ${open || "none"} left` : sum;
}

function Unread({ isFailing }: { isFailing: boolean }) {
  return (
    <section className="card unread" aria-busy="true">
      <p>{isFailing ? "This list cannot be read. Trying again…" : "Reading…"}</p>
    </section>
  );
}
