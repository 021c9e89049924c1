// HTTP, by which rows are read and written.

const PATIENCE = 15_000;

/** What the server answers; fails where that is an error. Who reads does not wait for ever, and is given nothing of old. */
export async function request<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, {
    method,
    cache: "no-store",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : null,
    signal: method === "GET" ? AbortSignal.any([AbortSignal.timeout(PATIENCE), ...(signal ? [signal] : [])]) : null,
  });
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  throw new RestError(response.status, await reason(response));
}

export class RestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The server's words. A proxy whose server is down has none. */
async function reason(response: Response): Promise<string> {
  const said = (await response.json().catch(() => ({}))) as Record<string, string | string[]>;
  return Object.values(said).flat().join(" ") || `The server answered ${response.status}.`;
}
