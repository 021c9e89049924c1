import { useId } from "react";

import { useList } from "./lists";
import type { Task } from "./models";
import { useAttempt } from "./Problems";
import { request } from "./rest";

/** Where a task is to go. It leaves one list and enters the other in the same moment, when the server says so. */
export function MoveDialog({ task, targets, close }: { task: Task; targets: readonly number[]; close: () => void }) {
  const title = useId();
  const attempt = useAttempt();
  const move = (list_id: number) => {
    close();
    void attempt(request("PATCH", `/tasks/${task.id}/`, { list_id }));
  };
  return (
    <dialog className="card" aria-labelledby={title} onClose={close} ref={(dialog) => void (dialog?.open || dialog?.showModal())}>
      <h2 id={title}>Move “{task.text}” to</h2>
      <ul>
        {targets.map((id) => (
          <Target key={id} list={id} choose={move} />
        ))}
      </ul>
      <form method="dialog">
        <button className="quiet">Cancel</button>
      </form>
    </dialog>
  );
}

/** The list is shown elsewhere on the page too: both share its rows. */
function Target({ list, choose }: { list: number; choose: (list: number) => void }) {
  const { rows } = useList(list);
  return rows.map(({ name }) => (
    <li key={list}>
      <button onClick={() => choose(list)}>{name}</button>
    </li>
  ));
}
