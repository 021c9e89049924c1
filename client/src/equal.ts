// Whether two values out of JSON are the same.

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!a || !b || typeof a !== "object" || typeof b !== "object" || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(a[key as never], b[key as never]));
}

/** The old value if it is the same as the new one: what has not changed keeps its identity. */
export const keep = <T>(before: T | undefined, now: T): T => (before !== undefined && equal(before, now) ? before : now);
