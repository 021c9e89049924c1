// The inspector of the example, beside windows that it watches.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { chromium } from "playwright-core";

import { CHROMIUM } from "./browser.js";
import { Inspector } from "./inspector.js";
import { Server, build, freePort } from "./server.js";
import { PlainWindow } from "./window.js";

describe("the inspector", { timeout: 300_000 }, () => {
  let program, browser, server, inspector, window, expected;

  before(async () => {
    program = build();
    browser = await chromium.launch(CHROMIUM);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    expected = undefined;
    server = new Server(program, await freePort());
    await server.start();
    for (const name of ["Groceries", "Weekend"]) await server.request("POST", "/lists/", { name });
    inspector = await Inspector.open(browser, server);
  });

  afterEach(async () => {
    const closed = await Promise.allSettled([inspector?.close(expected), window?.close()]);
    window = undefined;
    await server.end();
    for (const { status, reason } of closed) if (status === "rejected") throw reason;
  });

  it("shows connections, subscriptions and commits as they come", async () => {
    await inspector.charts("Connections", /^0/);
    await inspector.page.getByText("Nobody is connected.").waitFor();
    window = await PlainWindow.open(browser, server);
    await window.logIn("anna");
    await inspector.charts("Connections", /^1/);
    await inspector.lists("connections", "anna");
    await inspector.lists("groups", "list_id = 1");
    await window.addTask("Bread");
    await inspector.lists("commits", "todolist.Task CREATED");
    await window.tick("Bread");
    await inspector.lists("commits", "todolist.Task UPDATED");
    await window.close();
    window = undefined;
    await inspector.charts("Connections", /^0/);
  });

  it("draws events and deliveries", async () => {
    const heights = () => inspector.page.$$eval(".curve", (curves) => curves.map((curve) => curve.getBBox().height));
    window = await PlainWindow.open(browser, server);
    for (const text of ["Bread", "Olives", "Figs"]) await window.addTask(text);
    await window.showsTasks(["? Bread", "? Olives", "? Figs"]);
    await inspector.page.waitForFunction(() => {
      const [events, deliveries] = [...document.querySelectorAll(".curve")].map((curve) => curve.getBBox().height);
      return events > 10 && deliveries > 10;
    });
    const [, , , waiting] = await heights();
    assert.equal(waiting, 0, "nobody reads slowly");
  });

  it("says by clicking why somebody was told something, and shows him the row as he sees it", async () => {
    window = await PlainWindow.open(browser, server);
    await window.addTask("Bread");
    await inspector.choose("connections", "#");
    await inspector.choose("commits", "todolist.Task CREATED");
    await inspector.reports("Told CREATED, for list_id = 1.");
    await inspector.reports("todolist::models::has_auth");
    const row = () => inspector.page.locator(".group", { hasText: "list_id = 1" }).locator("pre").textContent();
    assert.deepEqual(JSON.parse(await row()), { id: 1, text: "Bread" });
    await window.logIn("anna");
    await inspector.choose("connections", "anna");
    await inspector.page.locator("#report h3", { hasText: "anna" }).waitFor();
    assert.deepEqual(JSON.parse(await row()), { id: 1, text: "Bread", done: false });
    await window.selectList("Weekend");
    await server.request("POST", "/tasks/", { text: "Olives", list_id: 1 });
    await inspector.page.mouse.move(0, 0);
    await inspector.page.locator("#commits li").nth(1).waitFor();
    await inspector.page.locator("#commits .choice").first().click();
    await inspector.reports("Not told: it is not subscribed");
  });

  it("explains one of the many changes of a commit", async () => {
    for (const text of ["Bread", "Olives"]) await server.request("POST", "/tasks/", { text, list_id: 1 });
    window = await PlainWindow.open(browser, server);
    await server.request("POST", "/lists/1/complete/");
    await inspector.choose("connections", "#");
    await inspector.choose("commits", "2 × UPDATED");
    await inspector.choose("changes", "2");
    await inspector.reports("Told UPDATED, for list_id = 1.");
    await inspector.reports("Olives");
  });

  it("works without a mouse", async () => {
    window = await PlainWindow.open(browser, server);
    await window.addTask("Bread");
    await inspector.lists("commits", "todolist.Task CREATED");
    await inspector.lists("connections", "#");
    const { page } = inspector;
    const tabTo = async (selector) => {
      for (let presses = 0; presses < 30; presses++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate((selector) => document.activeElement.matches(selector), selector)) return;
      }
      assert.fail(`Tab does not come to ${selector}`);
    };
    await tabTo("#find");
    await tabTo("#connections .choice");
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(outline, "solid", "it is seen where the focus is");
    await page.keyboard.press("Enter");
    await tabTo("#commits .choice");
    await page.keyboard.press("Enter");
    await inspector.reports("Told CREATED");
    const chosen = await page.$$eval('[aria-pressed="true"]', (buttons) => buttons.length);
    assert.equal(chosen, 3);
  });

  it("leaves what somebody points at where it is", async () => {
    for (const text of ["Bread", "Olives"]) await server.request("POST", "/tasks/", { text, list_id: 1 });
    const { page } = inspector;
    await page.locator("#commits li").nth(1).waitFor();
    await page.locator("#commits .choice").first().hover();
    const before = await page.locator("#commits li").count();
    await server.request("POST", "/tasks/", { text: "Figs", list_id: 1 });
    await page.locator("#totals", { hasText: /todolist.Task3/ }).waitFor();
    assert.equal(await page.locator("#commits li").count(), before);
    await page.mouse.move(0, 0);
    await page.locator("#commits li").nth(before).waitFor();
  });

  it("finds a connection by its user", async () => {
    window = await PlainWindow.open(browser, server);
    await window.logIn("anna");
    await inspector.lists("connections", "anna");
    // Also with the pointer where the list is, which stays as it is otherwise.
    await inspector.page.locator("#connections .choice").first().hover();
    await inspector.page.getByLabel("Find").fill("ANN");
    await inspector.page.locator("#connections tr", { hasText: "anna" }).waitFor();
    await inspector.page.locator("#connections-count", { hasText: "1 found" }).waitFor();
    await inspector.page.getByLabel("Find").fill("nobody");
    await inspector.page.getByText("There is no such connection.").waitFor();
  });

  it("takes what users call themselves for text", async () => {
    window = await PlainWindow.open(browser, server);
    await window.logIn('<img src=x onerror="document.title=1">');
    const row = await inspector.lists("connections", "<img src=x");
    assert.equal(await row.locator("img").count(), 0);
    assert.equal(await inspector.page.title(), "rest-live inspector");
  });

  it("says when it is cut off, and goes on by itself", async () => {
    expected = /net::ERR_/;
    inspector.line.cut();
    await inspector.is("failed");
    inspector.line.mend();
    await inspector.is("live");
  });

  it("is a click away for those who have logged in, and for nobody else", async () => {
    window = await PlainWindow.open(browser, server);
    const link = window.page.getByRole("link", { name: "What the server does" });
    assert.equal(await link.isVisible(), false);
    await window.logIn("anna");
    await link.click();
    await window.page.locator("#charts figure").first().waitFor();
  });

  it("says when it is refused", async () => {
    expected = /401/;
    await inspector.post("logout/");
    await inspector.page.getByRole("status").getByText("refused: log in first").waitFor();
  });

  it("stops when it is told to", async () => {
    const { page } = inspector;
    await page.getByRole("button", { name: "Pause" }).click();
    await inspector.is("paused");
    await server.request("POST", "/tasks/", { text: "Bread", list_id: 1 });
    const asked = await page.waitForRequest(/view=overview/, { timeout: 2500 }).catch(() => null);
    assert.equal(asked, null);
    const found = page.waitForResponse(/find=nobody/);
    await page.getByLabel("Find").fill("nobody");
    await (await found).finished();
    await page.getByText("There is no such connection.").waitFor();
    await inspector.is("paused");
    await page.getByRole("button", { name: "Go on" }).click();
    await inspector.lists("commits", "todolist.Task CREATED");
  });

  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1280]) {
      it(`is readable in ${colorScheme}, ${width} pixels wide`, async () => {
        window = await PlainWindow.open(browser, server);
        await window.logIn("a".repeat(150));
        await window.addTask("x".repeat(200));
        await inspector.close();
        inspector = await Inspector.open(browser, server, { colorScheme, width, reducedMotion: "reduce" });
        await inspector.choose("connections", "aaa");
        await inspector.choose("commits", "todolist.Task CREATED");
        await inspector.reports("Told CREATED");
        const { page } = inspector;
        const [content, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.equal(content, visible, "nothing sticks out");
        assert.deepEqual((await page.evaluate(contrasts)).filter(({ ratio }) => ratio < 4.5), []);
        assert.equal(await page.$eval(".bar", (bar) => getComputedStyle(bar, "::after").transitionDuration), "0s");
      });
    }
  }
});

/** How each text stands out from what is behind it, as WCAG counts. */
function contrasts() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [red, green, blue] = channels(color).map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return channels(color)[3] === 0 ? behind(node.parentElement) : color;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT, ({ data }) => (data.trim() ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP));
  const found = [];
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!node.checkVisibility() || node.matches("script, style")) continue;
    const [one, other] = [light(getComputedStyle(node).color), light(behind(node))];
    found.push({ text: node.textContent.slice(0, 40), ratio: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) });
  }
  return found;
}
