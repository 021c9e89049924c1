// The connection, and who is on it.

import { useSyncExternalStore } from "react";

import { RestLive } from "rest-live";

import { request } from "./rest";

type User = { username: string | null };

/** The cookie says to the server who it is. The page asks it at each connect, as a server that was started anew knows nobody. */
export const live = new RestLive("/ws/subscribe/", {
  auth: async () => {
    become((await request<User>("GET", "/me/")).username);
    return null;
  },
});

/** `undefined` while it is not known, `null` for nobody. */
let user: string | null | undefined;
const listeners = new Set<() => void>();

/** Another user sees other things: what was read does not count any more. */
function become(username: string | null) {
  const before = user;
  if (username === before) return;
  user = username;
  for (const listener of listeners) listener();
  if (before !== undefined) live.reset();
}

// The other windows of this browser have the same cookie.
const windows = new BroadcastChannel("session");
windows.onmessage = ({ data }) => become(data);

async function change(path: string, body?: object) {
  const answer = await request<User | undefined>("POST", path, body);
  become(answer?.username ?? null);
  windows.postMessage(user);
}

export const logIn = (username: string) => change("/login/", { username });
export const logOut = () => change("/logout/");

function watch(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useUser = () => useSyncExternalStore(watch, () => user);
