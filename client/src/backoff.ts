// When to come back. Time and chance are arguments.

import { GOING_AWAY, REVOKED, TOO_MANY_MESSAGES } from "./protocol.js";

const BASE = 500;
const CAP = 30_000;
const ADVICE_CAP = 300_000;
const TOO_MANY = 4;

/** Full jitter: anything up to a bound that doubles with each attempt. `chance` is in [0, 1). */
export function backoff(attempt: number, chance: number): number {
  return chance * Math.min(CAP, BASE * 2 ** attempt);
}

/** When to come back. A firm delay is what the server asks for: nothing shortens it but the application. */
export interface Retry {
  readonly delay: number;
  readonly firm: boolean;
  readonly attempt: number;
}

/** Judges a close: `attempt` is how many connections have failed in a row, `attempt` of the answer counts this one. `null` is not to come back. */
export function afterClose(code: number, reason: string, attempt: number, chance: number): Retry | null {
  if (code === REVOKED) return null;
  const advised = code === GOING_AWAY ? advice(reason) : null;
  if (advised !== null) return { delay: advised, firm: true, attempt };
  if (code === TOO_MANY_MESSAGES) {
    const shunned = Math.max(attempt, TOO_MANY);
    return { delay: BASE + backoff(shunned, chance), firm: true, attempt: shunned + 1 };
  }
  return { delay: backoff(attempt, chance), firm: false, attempt: attempt + 1 };
}

function advice(reason: string): number | null {
  try {
    const delay = (JSON.parse(reason) as { retry_after_ms: number }).retry_after_ms;
    return delay >= 0 ? Math.min(delay, ADVICE_CAP) : null;
  } catch {
    return null;
  }
}
