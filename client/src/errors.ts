// What can go wrong, as values.

/** What went wrong. Nothing is thrown; what is temporary mends itself. */
export type LiveError =
  /** The server refused this subscription, or ended it. Tried again where that is `temporary`, else with the next connection. */
  | { readonly kind: "refused"; readonly code: number; readonly reason: string; readonly message: string; readonly temporary: boolean }
  /** The server did not accept the token, or said something about the connection as a whole. */
  | { readonly kind: "connection"; readonly code: number; readonly reason: string; readonly message: string; readonly temporary: boolean }
  /** The function `auth` failed. It is asked again. */
  | { readonly kind: "token"; readonly cause: unknown; readonly temporary: true }
  /** The socket could not be made at all: the address is no WebSocket's, or there is no `WebSocket`. */
  | { readonly kind: "socket"; readonly cause: unknown; readonly temporary: false }
  /** The server closed and wants nobody back, until `reconnect()` is called. */
  | { readonly kind: "closed"; readonly code: number; readonly reason: string; readonly temporary: false }
  /** A collection's `fetch` failed. It is called again. */
  | { readonly kind: "fetch"; readonly cause: unknown; readonly temporary: true };

/** Runs code of the application: what it throws is reported, and hurts nobody else. */
export function guard(code: () => void): void {
  try {
    code();
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else console.error(error);
  }
}
