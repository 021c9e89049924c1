// What travels on the wire. PROTOCOL.md is the reference.

/** What the client sends. */
export type Message =
  | { type: "auth"; token: string }
  | { type: "subscribe"; id: number; model: string; property?: string | readonly string[] | undefined; value: unknown; since?: string; snapshot?: true }
  | { type: "unsubscribe"; id: number };

export type Action = "CREATED" | "UPDATED" | "DELETED";

/** What the server sends, as far as this client knows it. `id` is that of a subscription. */
export type Frame =
  | { type: "authenticated"; id?: undefined; expires_in?: number }
  | { type: "subscribed"; id: number; cursor: string; recovered: boolean }
  | { type: "broadcast"; id: number; model: string; action: Action; instance: object; cursor: string }
  | { type: "snapshot"; id: number; model: string; instances: object[]; more: boolean }
  | { type: "resync"; id: number; cursor: string; reason: string }
  | { type: "unsubscribed"; id: number; code: number; reason: string }
  | ErrorFrame;

export interface ErrorFrame {
  type: "error";
  id?: number;
  code: number;
  reason: string;
  message: string;
  temporary: boolean;
}

/** The codes with which the server closes, where they make a difference here. */
export const GOING_AWAY = 1001;
export const NOT_AUTHENTICATED = 4003;
export const REVOKED = 4403;
export const TOO_MANY_MESSAGES = 4429;

/** Reads a message of the server; `null` if it is none. */
export function parse(data: unknown): Frame | null {
  try {
    const frame = JSON.parse(data as string) as Frame | null;
    return typeof frame === "object" ? frame : null;
  } catch {
    return null;
  }
}
