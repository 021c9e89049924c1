// Tabs that cover each other, as a user's do. To the pages of Playwright it is always as if they were in front, so these are
// driven without it.

import assert from "node:assert/strict";

const DEADLINE = 40_000;

export class Tab {
  #browser;
  #id;
  #session;
  #serial = 0;
  #waiting = new Map();

  /** Tabs of one set of cookies, in the order of their addresses; the last is in front. */
  static async open(browser, addresses) {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send("Target.createBrowserContext");
    const tabs = [];
    for (const url of addresses) {
      const tab = new Tab();
      await tab.#create(session, { url, browserContextId });
      tabs.push(tab);
    }
    return tabs;
  }

  async #create(browser, target) {
    this.#browser = browser;
    const { targetId } = await browser.send("Target.createTarget", target);
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: false });
    [this.#id, this.#session] = [targetId, sessionId];
    browser.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => {
      if (sessionId !== this.#session) return;
      const { id, result } = JSON.parse(message);
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
    await this.toFront();
  }

  async #send(method, params) {
    const id = ++this.#serial;
    const answer = new Promise((resolve) => this.#waiting.set(id, resolve));
    const message = JSON.stringify({ id, method, params });
    await this.#browser.send("Target.sendMessageToTarget", { sessionId: this.#session, message });
    return answer;
  }

  async evaluate(expression) {
    const { result } = await this.#send("Runtime.evaluate", { expression, returnByValue: true });
    return result.value;
  }

  async toFront() {
    await this.#browser.send("Target.activateTarget", { targetId: this.#id });
  }

  /** What browsers do to a page that was long in the background: none of its code runs until it is in front again. */
  async freeze() {
    await this.#send("Page.setWebLifecycleState", { state: "frozen" });
  }

  /** Waits until an expression has this value. */
  async shows(expression, expected) {
    const end = Date.now() + DEADLINE;
    let actual;
    do {
      actual = await this.evaluate(expression);
      if (JSON.stringify(actual) === JSON.stringify(expected)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (Date.now() < end);
    assert.deepEqual(actual, expected);
  }

  async close() {
    await this.#browser.send("Target.closeTarget", { targetId: this.#id });
  }
}
