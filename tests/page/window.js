// A window: a page in a browser context of its own, with cookies and a line of its own. What both pages have in common; where they
// differ, each has a class of its own.

import assert from "node:assert/strict";

import { Line } from "./server.js";

const DEADLINE = 10_000;
/** The client waits longer and longer between its attempts to connect. */
const COMES_BACK_WITHIN = 40_000;

export class Window {
  /** What the socket said, and what was read over REST, oldest first. */
  frames = [];
  reads = [];
  /** What was sent on the socket, and what each subscription is to, by its id. */
  sent = [];
  groups = new Map();
  /** The list that is looked at. */
  list = "Groceries";
  #errors = [];

  /** `front` is where the page is served: something with a `port`. */
  static async open(browser, front) {
    const window = new this();
    window.line = await new Line().open(front);
    window.context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    window.context.setDefaultTimeout(DEADLINE);
    window.page = await window.context.newPage();
    window.#listen();
    await window.page.goto(window.line.url);
    await window.isLive();
    return window;
  }

  #listen() {
    this.page.on("console", (message) => ["error", "warning"].includes(message.type()) && this.#errors.push(message.text()));
    this.page.on("pageerror", (error) => this.#errors.push(String(error)));
    this.page.on("dialog", (dialog) => dialog.accept());
    this.page.on("request", (request) => request.method() === "GET" && this.reads.push(request.url().slice(this.line.url.length - 1)));
    this.page.on("websocket", (socket) => {
      if (!socket.url().endsWith("/ws/subscribe/")) return;
      socket.on("framereceived", ({ payload }) => this.frames.push(JSON.parse(payload)));
      socket.on("framesent", ({ payload }) => this.#says(JSON.parse(payload)));
    });
  }

  #says(frame) {
    this.sent.push(frame);
    if (frame.type === "subscribe") this.groups.set(frame.id, `${frame.model} ${frame.value}`);
  }

  /** Ends the window; there must have been nothing on its console, but for requests that may fail. */
  async close({ mayFail = false } = {}) {
    await this.context.close();
    this.line.close();
    const isOfRequest = (error) => /net::ERR_|WebSocket connection to|the server responded with a status of|^token$/.test(error);
    assert.deepEqual(mayFail ? this.#errors.filter((error) => !isOfRequest(error)) : this.#errors, []);
  }

  async isLive() {
    await this.page.locator(this.constructor.live).waitFor({ timeout: COMES_BACK_WITHIN });
  }

  async isCutOff() {
    await this.page.locator(this.constructor.cutOff).waitFor();
  }

  /** Waits until these lists are shown, in this order. */
  async showsLists(names) {
    await this.shows(this.constructor.lists, names);
  }

  /** Waits until these tasks are shown: a `+` is before those that are done, a `-` before the others, a `?` where it is not known. */
  async showsTasks(tasks) {
    await this.shows(this.tasks(), tasks);
  }

  /** An expression for them. */
  tasks() {
    return `[...document.querySelectorAll(${JSON.stringify(this.items())})].map((item) => {
      const tick = item.querySelector("input");
      const mark = !tick || tick.hidden ? "?" : tick.checked ? "+" : "-";
      return mark + " " + item.querySelector("textarea").value;
    })`;
  }

  /** Waits until an expression has this value. */
  async shows(expression, expected) {
    const isShown = `JSON.stringify(${expression}) === ${JSON.stringify(JSON.stringify(expected))}`;
    try {
      await this.page.waitForFunction(isShown);
    } catch (error) {
      assert.deepEqual(await this.page.evaluate(expression), expected);
      throw error;
    }
  }

  /** Waits until the socket has said something like this. */
  async hears(isIt) {
    await until(() => this.frames.some(isIt), `heard: ${isIt}`);
  }

  /** Waits until a subscription to this group was ended. */
  async leaves(group) {
    await until(() => this.sent.some(({ type, id }) => type === "unsubscribe" && this.groups.get(id) === group), `left: ${group}`);
  }

  /** Keeps each value that an expression has, however briefly: it is looked at after each change of the page, and in each picture. */
  async record(expression) {
    await this.page.evaluate(`{
      const seen = (window.recorded = []);
      const look = () => {
        const now = ${expression};
        if (JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now);
      };
      const frame = () => (look(), requestAnimationFrame(frame));
      new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      frame();
    }`);
  }

  recorded() {
    return this.page.evaluate("window.recorded");
  }

  /** Answers come late, and a byte at a time. */
  async slowDown() {
    const session = await this.context.newCDPSession(this.page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { offline: false, latency: 300, downloadThroughput: 20_000, uploadThroughput: 20_000 });
  }

  async logIn(username) {
    await this.page.getByLabel("Your name").fill(username);
    await this.page.getByRole("button", { name: "Log in" }).click();
    await this.page.getByRole("button", { name: "Log out" }).waitFor();
    await this.isLive();
  }

  async logOut() {
    await this.page.getByRole("button", { name: "Log out" }).click();
    await this.page.getByLabel("Your name").waitFor();
    await this.isLive();
  }

  /** Adds a list, and looks at it. */
  async addList(name) {
    await this.page.getByLabel("Name of a new list").fill(name);
    await this.page.keyboard.press("Enter");
    this.list = name;
  }

  async renameList(name) {
    await this.board().getByLabel("Name of this list").fill(name);
    await this.page.keyboard.press("Enter");
    this.list = name;
  }

  async deleteList() {
    await this.board().getByRole("button", { name: "Delete list" }).click();
  }

  async completeAll() {
    await this.board().getByRole("button", { name: "Complete all" }).click();
  }

  async selectList(name) {
    this.list = name;
  }

  newTask() {
    return this.board().getByLabel("Text of a new task");
  }

  async addTask(text) {
    await this.newTask().fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** One after the other, as two requests may overtake each other. */
  async addTasks(texts) {
    for (const text of texts) {
      const answer = this.page.waitForResponse((response) => response.request().method() === "POST");
      await this.addTask(text);
      await answer;
    }
  }

  text(text) {
    return this.board().getByLabel(`Text: ${text}`, { exact: true });
  }

  async tick(text) {
    await this.board().getByLabel(`Done: ${text}`, { exact: true }).click();
  }

  async rewrite(text, by) {
    await this.text(text).fill(by);
    await this.page.keyboard.press("Enter");
  }

  async move(text, list) {
    await this.board().getByLabel(`Move: ${text}`, { exact: true }).click();
    await this.page.getByRole("dialog").getByRole("button", { name: list, exact: true }).click();
  }

  async deleteTask(text) {
    await this.board().getByLabel(`Delete: ${text}`, { exact: true }).click();
  }
}

async function until(holds, what) {
  const end = Date.now() + DEADLINE;
  while (!holds()) {
    assert.ok(Date.now() < end, `it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The page that the server itself has: it shows one list at a time, and a log of events. */
export class PlainWindow extends Window {
  static live = "#status[data-state=live]";
  static cutOff = "#status[data-state=cut-off]";
  static lists = `[...document.querySelectorAll("#lists li")].map((item) => item.textContent)`;

  board() {
    return this.page.locator("#board");
  }

  items() {
    return "#tasks > li";
  }

  async selectList(name) {
    await this.page.locator("#lists").getByRole("button", { name, exact: true }).click();
    await this.isLive();
  }

  /** The newest entries of the log of events: `CREATED todolist.Task 1 “Bread”`. */
  async logs(entries) {
    await this.shows(
      `[...document.querySelectorAll("#log li")].slice(0, ${entries.length})
        .map((item) => item.querySelector(".action").textContent + " " + item.querySelector(".row").textContent)`,
      entries,
    );
  }
}

/** The page of the React example: it shows all lists. */
export class ReactWindow extends Window {
  static live = "#root:has(.status[data-state=open]):has(.new-list):not(:has(.unread, ul[aria-label=Tasks]:not(.live)))";
  static cutOff = ".status[data-state=waiting]";
  static lists = `[...document.querySelectorAll("main > section[aria-label]")].map((item) => item.ariaLabel)`;

  board() {
    return this.page.getByRole("region", { name: this.list, exact: true });
  }

  items() {
    return `main > section[aria-label=${JSON.stringify(this.list)}] .task`;
  }
}
