// @vitest-environment jsdom
import { act, cleanup, render } from "@testing-library/react";
import { StrictMode, type ReactNode } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, describe, expect, it, vi } from "vitest";

import { LiveProvider, useLive, useLiveState, type LiveRows } from "rest-live/react";

import { client, FakeSocket, handTime } from "./fake.js";

type Item = { id: number; text: string };

handTime();
afterEach(cleanup);

let fetch: ReturnType<typeof vi.fn<(list: number) => Promise<Item[]>>>;
let latest: LiveRows<Item>;

function Items({ list, order = 1 }: { list: number | null; order?: number }) {
  // All of these are other objects at each render.
  latest = useLive(list === null ? null : { model: "a.Task", property: "list_id", value: list }, {
    fetch: () => fetch(list!),
    compare: (a: Item, b: Item) => order * (a.id - b.id),
  });
  return <p>{`${latest.status} ${latest.rows.map(({ text }) => text).join()}`}</p>;
}

const live = () => {
  fetch = vi.fn((list: number) => Promise.resolve([{ id: 2, text: `b${list}` }, { id: 1, text: `a${list}` }]));
  return client() as never;
};
const settle = () => act(() => vi.advanceTimersByTimeAsync(0));
const acked = async () => {
  if (FakeSocket.last.readyState === 0) act(() => void FakeSocket.last.opens());
  act(() => FakeSocket.last.acks());
  await settle();
};
const inStrict = (connection: never, children: ReactNode) => (
  <StrictMode>
    <LiveProvider live={connection}>{children}</LiveProvider>
  </StrictMode>
);

describe("useLive", () => {
  it("shows the rows, by one subscription, under StrictMode too", async () => {
    const { container } = render(inStrict(live(), <Items list={1} />));
    expect(container.textContent).toBe("connecting ");
    await acked();
    expect(container.textContent).toBe("live a1,b1");
    act(() => FakeSocket.last.tells("CREATED", { id: 3, text: "c" }));
    expect(container.textContent).toBe("live a1,b1,c");
    expect(FakeSocket.last.of("subscribe")).toHaveLength(1);
    expect(FakeSocket.last.of("unsubscribe")).toHaveLength(0);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it("does not subscribe again at each render, and keeps the array", async () => {
    const connection = live();
    const { rerender } = render(inStrict(connection, <Items list={1} />));
    await acked();
    const before = latest.rows;
    for (let time = 0; time < 3; time++) rerender(inStrict(connection, <Items list={1} />));
    expect(latest.rows).toBe(before);
    expect(FakeSocket.last.of("subscribe")).toHaveLength(1);
    rerender(inStrict(connection, <Items list={1} order={-1} />));
    expect(latest.rows.map(({ id }) => id)).toEqual([2, 1]);
  });

  it("shares a collection between components", async () => {
    const { container } = render(inStrict(live(), [<Items key={1} list={1} />, <Items key={2} list={1} />]));
    await acked();
    expect(container.textContent).toBe("live a1,b1live a1,b1");
    expect(FakeSocket.last.of("subscribe")).toHaveLength(1);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it("waits for its group, changes it, and leaves the old one after a while", async () => {
    const connection = live();
    const { container, rerender, unmount } = render(inStrict(connection, <Items list={null} />));
    expect(container.textContent).toBe("idle ");
    expect(FakeSocket.all).toHaveLength(0);
    rerender(inStrict(connection, <Items list={1} />));
    await acked();
    rerender(inStrict(connection, <Items list={2} />));
    expect(container.textContent).toBe("connecting ");
    await acked();
    expect(container.textContent).toBe("live a2,b2");
    await act(() => vi.advanceTimersByTimeAsync(1_000));
    expect(FakeSocket.last.of("unsubscribe")).toHaveLength(1);
    unmount();
    await act(() => vi.advanceTimersByTimeAsync(6_000));
    expect(FakeSocket.last.readyState).toBe(3);
  });

  it("edits optimistically", async () => {
    const { container } = render(inStrict(live(), <Items list={1} />));
    await acked();
    let fail!: () => void;
    const request = new Promise<void>((_, reject) => (fail = reject));
    act(() => void latest.optimistic(1, { text: "mine" }, request).catch(() => {}));
    expect(container.textContent).toBe("live mine,b1");
    fail();
    await settle();
    expect(container.textContent).toBe("live a1,b1");
  });

  it("says where the connection is", async () => {
    const State = () => <i>{useLiveState()}</i>;
    const { container } = render(inStrict(live(), [<State key={1} />, <Items key={2} list={1} />]));
    const state = () => container.querySelector("i")!.textContent;
    expect(state()).toBe("connecting");
    await acked();
    expect(state()).toBe("open");
    act(() => FakeSocket.last.closes());
    expect(state()).toBe("waiting");
  });

  it("renders on a server, and connects nowhere", () => {
    const html = renderToString(inStrict(live(), <Items list={1} />));
    expect(html).toBe("<p>connecting </p>");
    expect(FakeSocket.all).toHaveLength(0);
  });

  it("says what is missing where there is no provider", () => {
    const silence = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(() => render(<Items list={1} />)).toThrow("LiveProvider");
    silence.mockRestore();
  });
});
