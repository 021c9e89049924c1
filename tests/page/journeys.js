// What two windows of a page go through, whichever page it is: what is done in one shows in the other.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, it } from "node:test";

import { chromium } from "playwright-core";

import { CHROMIUM } from "./browser.js";
import { Line, Server, build, freePort } from "./server.js";
import { Tab } from "./tab.js";

/** A browser, and for each test a server with two lists. `kit.here` and `kit.there` are two windows of the page that it serves, or `front` before it. */
export function stage(kit) {
  let program;

  before(async () => {
    program = build();
    kit.port = await freePort();
    await kit.open?.();
    kit.browser = await chromium.launch(CHROMIUM);
  });

  after(async () => {
    await kit.browser?.close();
    await kit.close?.();
  });

  beforeEach(async () => {
    kit.mayFail = false;
    kit.server = new Server(program, kit.port);
    await kit.server.start();
    for (const name of ["Groceries", "Weekend"]) await kit.server.request("POST", "/lists/", { name });
    [kit.here, kit.there] = await Promise.all([1, 2].map(() => kit.Window.open(kit.browser, kit.front())));
  });

  afterEach(async () => {
    const closed = await Promise.allSettled([kit.here, kit.there].map((window) => window?.close(kit)));
    await kit.server.end();
    for (const { status, reason } of closed) if (status === "rejected") throw reason;
  });
}

export function journeys(kit) {
  let browser, server, here, there;

  beforeEach(() => ({ browser, server, here, there } = kit));

  it("shows tasks that are added, ticked, rewritten, moved and deleted in another window", async () => {
    await Promise.all([here.logIn("anna"), there.logIn("ines")]);
    await here.addTask("Bread");
    await there.showsTasks(["- Bread"]);
    await here.addTask("Olives");
    await there.showsTasks(["- Bread", "- Olives"]);
    await here.tick("Bread");
    await there.showsTasks(["+ Bread", "- Olives"]);
    await there.rewrite("Bread", "Rye bread");
    await here.showsTasks(["+ Rye bread", "- Olives"]);
    await here.move("Rye bread", "Weekend");
    await there.showsTasks(["- Olives"]);
    await there.selectList("Weekend");
    await there.showsTasks(["+ Rye bread"]);
    await here.selectList("Weekend");
    await here.deleteTask("Rye bread");
    await there.showsTasks([]);
  });

  it("shows lists that are added, renamed and deleted in another window", async () => {
    await there.showsLists(["Groceries", "Weekend"]);
    await here.addList("Books");
    await there.showsLists(["Groceries", "Weekend", "Books"]);
    await here.addList("Films");
    await there.showsLists(["Groceries", "Weekend", "Books", "Films"]);
    await here.showsTasks([]);
    await here.renameList("Cinema");
    await there.showsLists(["Groceries", "Weekend", "Books", "Cinema"]);
    await here.deleteList();
    await there.showsLists(["Groceries", "Weekend", "Books"]);
    await there.addList("Plants");
    await here.showsLists(["Groceries", "Weekend", "Books", "Plants"]);
  });

  it("shows many lists that are added at once", async () => {
    const names = Array.from({ length: 8 }, (_, number) => `List ${number}`);
    await Promise.all(names.map((name) => server.request("POST", "/lists/", { name })));
    const lists = await server.request("GET", "/lists/");
    await Promise.all([here, there].map((window) => window.showsLists(lists.map(({ name }) => name))));
  });

  it("tells each task of a list that is deleted", async () => {
    for (const text of ["Bread", "Olives"]) await server.request("POST", "/tasks/", { text, list_id: 1 });
    await there.showsTasks(["? Bread", "? Olives"]);
    await here.deleteList();
    await there.showsLists(["Weekend"]);
    await there.showsTasks([]);
    const deleted = there.frames.filter(({ action, model }) => action === "DELETED" && model === "todolist.Task");
    assert.deepEqual(deleted.map(({ instance }) => instance.text).sort(), ["Bread", "Olives"]);
  });

  it("shows that all tasks were completed at once", async () => {
    await Promise.all([here.logIn("anna"), there.logIn("ines")]);
    await here.addTasks(["Bread", "Olives", "Coffee"]);
    await here.showsTasks(["- Bread", "- Olives", "- Coffee"]);
    await here.completeAll();
    await there.showsTasks(["+ Bread", "+ Olives", "+ Coffee"]);
  });

  it("shows what is done to those who logged in, and to nobody else", async () => {
    await server.request("POST", "/tasks/", { text: "Bread", list_id: 1 });
    await here.showsTasks(["? Bread"]);
    await here.logIn("anna");
    await here.showsTasks(["- Bread"]);
    await here.tick("Bread");
    await here.showsTasks(["+ Bread"]);
    await here.addTask("Olives");
    await there.showsTasks(["? Bread", "? Olives"]);
    assert.ok(there.frames.every(({ instance }) => !instance || !("done" in instance)));
    await here.logOut();
    await here.showsTasks(["? Bread", "? Olives"]);
  });

  it("keeps what somebody is typing", async () => {
    await here.addTask("Bread");
    await there.showsTasks(["? Bread"]);
    await there.text("Bread").fill("Half a sen");
    await here.rewrite("Bread", "Rolls");
    await there.hears(({ action, instance }) => action === "UPDATED" && instance.text === "Rolls");
    await there.showsTasks(["? Half a sen"]);
    await there.page.keyboard.press("Escape");
    await there.showsTasks(["? Rolls"]);
  });

  it("leaves the focus where it is", async () => {
    await here.addTasks(["Bread", "Olives", "Coffee"]);
    await there.showsTasks(["? Bread", "? Olives", "? Coffee"]);
    await there.text("Olives").focus();
    await here.deleteTask("Bread");
    await here.addTask("Tea");
    await there.showsTasks(["? Olives", "? Coffee", "? Tea"]);
    assert.equal(await there.page.evaluate("document.activeElement.ariaLabel"), "Text: Olives");
  });

  it("catches up with what was written while its line was cut", async () => {
    kit.mayFail = true;
    await here.addTasks(["Bread", "Olives"]);
    await there.showsTasks(["? Bread", "? Olives"]);
    there.line.cut();
    await there.isCutOff();
    await here.rewrite("Bread", "Rolls");
    await here.deleteTask("Olives");
    await here.addTask("Coffee");
    await here.addList("Books");
    await here.selectList("Books");
    await here.addTask("Middlemarch");
    await here.showsTasks(["? Middlemarch"]);
    [there.frames.length, there.reads.length] = [0, 0];
    there.line.mend();
    await there.isLive();
    await there.showsTasks(["? Rolls", "? Coffee"]);
    await there.showsLists(["Groceries", "Weekend", "Books"]);
    const tasks = there.frames.find(({ type, id }) => type === "subscribed" && there.groups.get(id) === "todolist.Task 1");
    assert.equal(tasks.recovered, true);
    assert.ok(!there.reads.includes("/tasks/?list_id=1"), "what was missed came as events");
  });

  it("survives a restart of the server", async () => {
    kit.mayFail = true;
    await here.logIn("anna");
    await here.addTasks(["Bread", "Olives"]);
    await there.showsTasks(["? Bread", "? Olives"]);
    await server.kill();
    await Promise.all([here.isCutOff(), there.isCutOff()]);
    there.line.cut();
    await server.start();
    await server.request("PATCH", "/tasks/1/", { text: "Rolls" });
    await server.request("DELETE", "/tasks/2/");
    await server.request("PATCH", "/lists/2/", { name: "Sunday" });
    await here.isLive();
    await here.showsTasks(["? Rolls"]);
    await here.addTask("Coffee");
    await here.showsTasks(["? Rolls", "? Coffee"]);
    there.line.mend();
    await there.showsTasks(["? Rolls", "? Coffee"]);
    await Promise.all([here, there].map((window) => window.showsLists(["Groceries", "Sunday"])));
    await there.isLive();
    await there.addTask("Tea");
    await here.showsTasks(["? Rolls", "? Coffee", "? Tea"]);
  });

  it("ends up with what the database holds, whatever was written meanwhile", async () => {
    kit.mayFail = true;
    const write = async (writer) => {
      for (let number = 0; number < 40; number++) {
        const { id } = await server.request("POST", "/tasks/", { text: `${writer} ${number}`, list_id: 1 + (number % 2) });
        if (number % 3 === 0) await server.request("PATCH", `/tasks/${id}/`, { list_id: 2 - (number % 2) });
        if (number % 4 === 0) await server.request("PATCH", `/tasks/${id}/`, { text: `${writer} ${number} again` });
        if (number % 5 === 0) await server.request("DELETE", `/tasks/${id}/`);
        if (writer === "a" && number === 10) there.line.cut();
        if (writer === "a" && number === 20) there.line.mend();
        if (writer === "a" && number === 30) await here.selectList("Weekend");
      }
    };
    await Promise.all(["a", "b", "c", "d"].map(write));
    const [groceries, weekend] = await Promise.all([1, 2].map((id) => server.request("GET", `/tasks/?list_id=${id}`)));
    await there.showsTasks(groceries.map(({ text }) => `? ${text}`));
    await here.showsTasks(weekend.map(({ text }) => `? ${text}`));
  });

  it("ends up with what the database holds, however often the server is killed", async () => {
    kit.mayFail = true;
    await there.selectList("Weekend");
    for (let round = 0; round < 3; round++) {
      let isUp = true;
      const write = async (writer) => {
        for (let number = 0; isUp; number++) {
          // What the server was killed over may have been written, or not.
          const row = { text: `${writer} ${round} ${number}`, list_id: 1 + (number % 2) };
          const task = await server.request("POST", "/tasks/", row).catch(() => null);
          if (task && number % 3 === 0) await server.request("PATCH", `/tasks/${task.id}/`, { list_id: 2 - (number % 2) }).catch(() => {});
          if (task && number % 4 === 0) await server.request("DELETE", `/tasks/${task.id}/`).catch(() => {});
        }
      };
      const writers = ["a", "b"].map(write);
      await here.hears(({ instance }) => instance?.text?.startsWith(`b ${round}`));
      await server.kill();
      isUp = false;
      await Promise.all(writers);
      await Promise.all([here.isCutOff(), there.isCutOff()]);
      await server.start();
      await server.request("POST", "/tasks/", { text: `after ${round}`, list_id: 1 });
    }
    const shown = async (id) => (await server.request("GET", `/tasks/?list_id=${id}`)).map(({ text }) => `? ${text}`);
    await Promise.all([here.isLive(), there.isLive()]);
    await here.showsTasks(await shown(1));
    await there.showsTasks(await shown(2));
    await there.selectList("Groceries");
    await there.showsTasks(await shown(1));
  });

  it("notices that the network is gone, and catches up when it is back", async () => {
    kit.mayFail = true;
    await here.addTask("Bread");
    await there.showsTasks(["? Bread"]);
    there.line.freeze();
    await there.context.setOffline(true);
    await here.addTask("Olives");
    await there.isCutOff();
    await there.showsTasks(["? Bread"]);
    await here.rewrite("Bread", "Rolls");
    [there.frames.length, there.reads.length] = [0, 0];
    there.line.mend();
    await there.context.setOffline(false);
    await there.isLive();
    await there.showsTasks(["? Rolls", "? Olives"]);
    assert.ok(!there.reads.includes("/tasks/?list_id=1"), "what was missed came as events");
  });

  it("is up to date in the background, and again after it was frozen there", async () => {
    const line = await new Line().open(kit.front());
    const [back, front] = await Tab.open(browser, [line.url, "about:blank"]);
    const isLive = `document.querySelector(${JSON.stringify(kit.Window.live)}) !== null`;
    await back.shows(isLive, true);
    await back.shows("document.hidden", true);
    await here.addTask("Bread");
    await back.shows(here.tasks(), ["? Bread"]);
    await back.freeze();
    line.cut();
    await here.rewrite("Bread", "Rolls");
    await here.addTask("Olives");
    await here.showsTasks(["? Rolls", "? Olives"]);
    const tasks = here.tasks();
    await here.addList("Books");
    await here.showsTasks([]);
    line.mend();
    await back.toFront();
    await back.shows(tasks, ["? Rolls", "? Olives"]);
    await back.shows(kit.Window.lists, ["Groceries", "Weekend", "Books"]);
    await back.shows(isLive, true);
    await Promise.all([back, front].map((tab) => tab.close()));
    line.close();
  });

  it("keeps what is typed while the task before is added", async () => {
    const asked = new Promise((resolve) => here.page.route("**/tasks/", resolve));
    const answer = here.page.waitForResponse("**/tasks/");
    await here.addTask("Bread");
    const route = await asked;
    await here.newTask().fill("Oli");
    await route.continue();
    await (await answer).finished();
    await here.showsTasks(["? Bread"]);
    assert.equal(await here.newTask().inputValue(), "Oli");
  });

  it("offers neither to log in nor to log out before it knows who is there", async () => {
    const asked = new Promise((resolve) => here.page.route("**/me/", resolve));
    await here.page.reload();
    const route = await asked;
    const offers = () => Promise.all(["Log in", "Log out"].map((name) => here.page.getByRole("button", { name }).isVisible()));
    assert.deepEqual(await offers(), [false, false]);
    await route.continue();
    await here.isLive();
    assert.deepEqual(await offers(), [true, false]);
  });

  it("says why something was not saved, and shows what is", async () => {
    kit.mayFail = true;
    // Not by the page, which shows its own before it is saved: the cut could undo that.
    await server.request("POST", "/tasks/", { text: "Bread", list_id: 1 });
    await here.showsTasks(["? Bread"]);
    here.line.cut();
    await here.isCutOff();
    await here.deleteTask("Bread");
    await here.page.getByRole("alert").getByText("The server cannot be reached.").waitFor();
    here.line.mend();
    await here.isLive();
    await here.showsTasks(["? Bread"]);
  });

  it("shows each what the other does over a slow network", async () => {
    await Promise.all([here, there].map((window) => window.slowDown()));
    await Promise.all([here.logIn("anna"), there.logIn("ines")]);
    await here.addTask("Bread");
    await there.showsTasks(["- Bread"]);
    await there.tick("Bread");
    await here.rewrite("Bread", "Rolls");
    await there.addTasks(["Olives", "Coffee"]);
    await Promise.all([here, there].map((window) => window.showsTasks(["+ Rolls", "- Olives", "- Coffee"])));
    await here.page.reload();
    await server.request("POST", "/tasks/", { text: "Tea", list_id: 1 });
    await here.showsTasks(["+ Rolls", "- Olives", "- Coffee", "- Tea"]);
  });
}
