// A window: the page in a browser context of its own, with cookies and a line of its own.

import assert from "node:assert/strict";

import { Line } from "./server.js";

const DEADLINE = 10_000;
/** The client waits longer and longer between its attempts to connect. */
const COMES_BACK_WITHIN = 40_000;

export class Window {
  /** What the socket said, and what was read over REST, oldest first. */
  frames = [];
  reads = [];
  /** What each subscription is to, by its id. */
  groups = new Map();
  #errors = [];

  static async open(browser, server, address = "") {
    const window = new Window();
    window.line = await new Line().open(server);
    window.context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    window.context.setDefaultTimeout(DEADLINE);
    window.page = await window.context.newPage();
    window.#listen();
    await window.page.goto(window.line.url + address);
    await window.isLive();
    return window;
  }

  #listen() {
    this.page.on("console", (message) => message.type() === "error" && this.#errors.push(message.text()));
    this.page.on("pageerror", (error) => this.#errors.push(String(error)));
    this.page.on("dialog", (dialog) => dialog.accept());
    this.page.on("request", (request) => request.method() === "GET" && this.reads.push(new URL(request.url()).pathname));
    this.page.on("websocket", (socket) => {
      socket.on("framereceived", ({ payload }) => this.frames.push(JSON.parse(payload)));
      socket.on("framesent", ({ payload }) => this.#sent(JSON.parse(payload)));
    });
  }

  #sent({ type, id, model, value }) {
    if (type === "subscribe") this.groups.set(id, `${model} ${value}`);
  }

  /** Ends the window; there must have been no error on its console, but for those of a line that was cut. */
  async close({ wasCut = false } = {}) {
    await this.context.close();
    this.line.close();
    const isOfTheLine = (error) => /net::ERR_|WebSocket connection to/.test(error);
    assert.deepEqual(wasCut ? this.#errors.filter((error) => !isOfTheLine(error)) : this.#errors, []);
  }

  async isLive() {
    await this.page.locator("#status[data-state=live]").waitFor({ timeout: COMES_BACK_WITHIN });
  }

  async isCutOff() {
    await this.page.locator("#status[data-state=cut-off]").waitFor();
  }

  /** Waits until these lists are shown, in this order. */
  async showsLists(names) {
    await this.#shows(() => [...document.querySelectorAll("#lists li")].map((item) => item.textContent), names);
  }

  /** Waits until these tasks are shown: a `+` is before those that are done, a `-` before the others, a `?` where it is not known. */
  async showsTasks(tasks) {
    const read = () => [...document.querySelectorAll("#tasks > li")].map((item) => {
      const tick = item.querySelector("input");
      const mark = tick.hidden ? "?" : tick.checked ? "+" : "-";
      return `${mark} ${item.querySelector("textarea").value}`;
    });
    await this.#shows(read, tasks);
  }

  async #shows(read, expected) {
    const isShown = `JSON.stringify((${read})()) === ${JSON.stringify(JSON.stringify(expected))}`;
    try {
      await this.page.waitForFunction(isShown);
    } catch (error) {
      assert.deepEqual(await this.page.evaluate(read), expected);
      throw error;
    }
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

  async addList(name) {
    await this.page.getByLabel("Name of a new list").fill(name);
    await this.page.keyboard.press("Enter");
  }

  async selectList(name) {
    await this.page.locator("#lists").getByRole("button", { name, exact: true }).click();
    await this.isLive();
  }

  async addTask(text) {
    await this.page.getByLabel("Text of a new task").fill(text);
    await this.page.keyboard.press("Enter");
  }

  async tick(text) {
    await this.page.getByLabel(`Done: ${text}`, { exact: true }).click();
  }

  async rewrite(text, by) {
    await this.page.getByLabel(`Text: ${text}`, { exact: true }).fill(by);
    await this.page.keyboard.press("Enter");
  }

  async move(text, list) {
    await this.page.getByLabel(`Move: ${text}`, { exact: true }).click();
    await this.page.getByRole("dialog").getByRole("button", { name: list, exact: true }).click();
  }

  async deleteTask(text) {
    await this.page.getByLabel(`Delete: ${text}`, { exact: true }).click();
  }

  /** The newest entries of the log of events: `CREATED todolist.Task 1 “Bread”`. */
  async logs(entries) {
    const read = `[...document.querySelectorAll("#log li")].slice(0, ${entries.length})
      .map((item) => item.querySelector(".action").textContent + " " + item.querySelector(".row").textContent)`;
    await this.#shows(`() => ${read}`, entries);
  }
}
