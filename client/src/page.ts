// The page that this runs in: when it wakes up, and when its network comes and goes.

/** What the page noticed: it is seen again, its network is back, or its network is gone. */
export type Notice = "seen" | "online" | "offline";

/** Whether nobody sees the page. Its timers may then come late, or not at all. */
export const isHidden = (): boolean => typeof document !== "undefined" && document.hidden;

/** Listens until the answer is called. Does nothing where there is no page. */
export function watchPage(notice: (notice: Notice) => void): () => void {
  if (typeof addEventListener !== "function") return () => {};
  const stop = new AbortController();
  const on = (type: string, listener: () => void) => addEventListener(type, listener, { signal: stop.signal });
  on("online", () => notice("online"));
  on("offline", () => notice("offline"));
  on("pageshow", () => notice("seen"));
  on("visibilitychange", () => isHidden() || notice("seen"));
  return () => stop.abort();
}
