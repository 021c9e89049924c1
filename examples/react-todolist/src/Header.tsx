import { useLiveState } from "rest-live/react";

import { live, logIn, logOut, useUser } from "./live";
import { NewRow } from "./NewRow";
import { useAttempt } from "./Problems";

export function Header() {
  const attempt = useAttempt();
  const user = useUser();
  return (
    <header>
      <h1>Todo lists</h1>
      <Status />
      <div className="who">
        {user === null && <NewRow label="Your name" placeholder="Any name" button="Log in" maxLength={150} autoComplete="username" add={logIn} />}
        {user && (
          <>
            <output aria-label="Logged in as">{user}</output>
            <button className="quiet" onClick={() => attempt(logOut())}>
              Log out
            </button>
          </>
        )}
      </div>
    </header>
  );
}

const WORDS = { idle: "Connecting…", connecting: "Connecting…", open: "Live", waiting: "Reconnecting…", stopped: "Cut off" };

function Status() {
  const state = useLiveState();
  return (
    <p className="status" role="status" data-state={state}>
      {WORDS[state]}
      {state === "stopped" && <button onClick={() => live.reconnect()}>Connect again</button>}
    </p>
  );
}
