// The inspector in a browser context of its own, with a line of its own.

import assert from "node:assert/strict";

import { Line } from "./server.js";

const DEADLINE = 10_000;

export class Inspector {
  #errors = [];

  /** The inspector as somebody who has logged in sees it. */
  static async open(browser, server, { width = 1280, ...options } = {}) {
    const inspector = new Inspector();
    inspector.line = await new Line().open(server);
    inspector.context = await browser.newContext({ viewport: { width, height: 800 }, ...options });
    inspector.context.setDefaultTimeout(DEADLINE);
    await inspector.post("login/", { username: "olga" });
    inspector.page = await inspector.context.newPage();
    inspector.page.on("console", (message) => message.type() === "error" && inspector.#errors.push(message.text()));
    inspector.page.on("pageerror", (error) => inspector.#errors.push(String(error)));
    await inspector.page.goto(`${inspector.line.url}inspector/`);
    await inspector.is("live");
    // What happens before the first look is in no curve.
    await inspector.charts("Connections", /^\d/);
    return inspector;
  }

  async post(address, data) {
    await this.context.request.post(this.line.url + address, { data });
  }

  /** Ends it; there must have been no error on its console, of the security policy for one, but for these. */
  async close(expected = /^$/) {
    await this.context.close();
    this.line.close();
    assert.deepEqual(this.#errors.filter((error) => !expected.test(error)), []);
  }

  async is(state) {
    await this.page.locator(`#status[data-state=${state}]`).waitFor();
  }

  /** Waits until a chart says that it is so much now. */
  async charts(title, value) {
    const figure = this.page.locator("figure", { hasText: title });
    await figure.locator("output", { hasText: value }).waitFor();
  }

  /** Waits until there is something with this text in a list. */
  async lists(id, text) {
    const row = this.page.locator(`#${id} > *`, { hasText: text }).first();
    await row.waitFor();
    return row;
  }

  /** Chooses what has this text in a list. */
  async choose(id, text) {
    await (await this.lists(id, text)).locator(".choice").click();
  }

  /** Waits until the report says this. */
  async reports(text) {
    await this.page.locator("#report", { hasText: text }).waitFor();
  }
}
