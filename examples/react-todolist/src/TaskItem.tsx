import { memo } from "react";
import type { LiveRows } from "rest-live/react";

import { Editable } from "./Editable";
import type { Task } from "./models";
import { useAttempt } from "./Problems";
import { request } from "./rest";

interface Props {
  task: Task;
  optimistic: LiveRows<Task>["optimistic"];
  /** Left out where there is no other list. */
  move?: (task: Task) => void;
}

/** Keys of tasks that the server has not given theirs yet: after all others. */
export const FIRST_OWN_KEY = 2 ** 40;

/** A row is the same object until it changes; so only what has changed is rendered again. */
export const TaskItem = memo(function TaskItem({ task, optimistic, move }: Props) {
  const attempt = useAttempt();
  const path = `/tasks/${task.id}/`;
  const change = (patch: { text?: string; done?: boolean }) => void attempt(optimistic(task.id, patch, request("PATCH", path, patch)));
  const remove = () => void attempt(optimistic(task.id, null, request("DELETE", path)));
  // Only who has logged in is told.
  const done = "done" in task ? task.done : undefined;
  const isOnItsWay = task.id >= FIRST_OWN_KEY;
  return (
    <li className={done ? "task done" : "task"}>
      {done === undefined ? (
        <span className="unknown" role="img" aria-label="Log in to see whether it is done" title="Log in to see whether it is done" />
      ) : (
        <input type="checkbox" aria-label={`Done: ${task.text}`} checked={done} disabled={isOnItsWay} onChange={() => change({ done: !done })} />
      )}
      <Editable label={`Text: ${task.text}`} value={task.text} maxLength={200} readOnly={isOnItsWay} save={(text) => change({ text })} />
      {move && (
        <button aria-label={`Move: ${task.text}`} title="Move" disabled={isOnItsWay} onClick={() => move(task)}>
          <Icon path="M3 10h13M11 5l5 5-5 5" />
        </button>
      )}
      <button className="danger" aria-label={`Delete: ${task.text}`} title="Delete" disabled={isOnItsWay} onClick={remove}>
        <Icon path="M5 5l10 10M15 5L5 15" />
      </button>
    </li>
  );
});

const Icon = ({ path }: { path: string }) => (
  <svg viewBox="0 0 20 20" aria-hidden="true">
    <path d={path} />
  </svg>
);
