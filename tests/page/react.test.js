// The React example, in two windows of a real browser.

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Front } from "./front.js";
import { journeys, stage } from "./journeys.js";
import { ReactWindow } from "./window.js";

/** A page of the React example, as Vite serves it in this way. */
function kitOf(serve) {
  let front;
  return {
    Window: ReactWindow,
    front: () => front,
    async open() {
      front = await serve(this.port);
    },
    close: () => front?.close(),
  };
}

describe("the React page, built", { timeout: 300_000 }, () => {
  const kit = kitOf(Front.built);
  stage(kit);
  journeys(kit);

  describe("shows an edit at once, and nothing else until it is told", () => {
    let here, there;

    beforeEach(async () => {
      ({ here, there } = kit);
      await kit.server.request("POST", "/tasks/", { text: "Bread", list_id: 1 });
      await Promise.all([here.logIn("anna"), there.logIn("ines")]);
      await Promise.all([here, there].map((window) => window.showsTasks(["- Bread"])));
    });

    /** Keeps back what is written until `send` is called, and its answer until `answer` is. */
    async function hold() {
      let send, answer;
      const sent = new Promise((resolve) => (send = resolve));
      const answered = new Promise((resolve) => (answer = resolve));
      await here.page.route(
        (url) => /^\/(tasks|lists)\//.test(url.pathname),
        async (route) => {
          if (route.request().method() === "GET") return route.continue();
          await sent;
          const response = await route.fetch();
          await answered;
          await route.fulfill({ response });
        },
      );
      await here.record(here.tasks());
      return { send, answer };
    }

    const states = [
      ["a tick", () => here.tick("Bread"), ["+ Bread"]],
      ["another text", () => here.rewrite("Bread", "Rolls"), ["- Rolls"]],
      ["a deletion", () => here.deleteTask("Bread"), []],
      ["a new task", () => here.addTask("Olives"), ["- Bread", "- Olives"]],
      ["all of them completed", () => here.completeAll(), ["+ Bread"]],
    ];
    for (const [what, edit, after] of states) {
      it(what, async () => {
        const { send, answer } = await hold();
        await edit();
        await here.showsTasks(after);
        send();
        // The event comes before the answer.
        await there.showsTasks(after);
        await here.hears(({ type }) => type === "broadcast");
        const answers = here.page.waitForResponse((response) => response.request().method() !== "GET");
        answer();
        await (await answers).finished();
        // What others do then is shown, so nothing hides it.
        await there.addTask("Tea");
        await here.showsTasks([...after, "- Tea"]);
        assert.deepEqual(await here.recorded(), [["- Bread"], after, [...after, "- Tea"]]);
      });
    }

    it("under the edits of others", async () => {
      const { send, answer } = await hold();
      await here.tick("Bread");
      send();
      await there.showsTasks(["+ Bread"]);
      await there.rewrite("Bread", "Rolls");
      await here.showsTasks(["+ Rolls"]);
      answer();
      await there.tick("Rolls");
      await here.showsTasks(["- Rolls"]);
      assert.deepEqual(await here.recorded(), [["- Bread"], ["+ Bread"], ["+ Rolls"], ["- Rolls"]]);
    });

    it("and takes it back where it was refused", async () => {
      kit.mayFail = true;
      await here.record(here.tasks());
      await here.page.route("**/tasks/1/", (route) => route.fulfill({ status: 400, json: { done: ["Not today."] } }));
      await here.tick("Bread");
      await here.page.getByRole("alert").getByText("That was not saved. Not today.").waitFor();
      assert.deepEqual(await here.recorded(), [["- Bread"], ["+ Bread"], ["- Bread"]]);
    });
  });
});

describe("the React page, as its developers see it", { timeout: 120_000 }, () => {
  const kit = kitOf(Front.developed);
  stage(kit);

  it("has one subscription of each group, though StrictMode mounts twice", async () => {
    const { here } = kit;
    const groups = ["todolist.List 1", "todolist.List 2", "todolist.List 3", "todolist.Task 1", "todolist.Task 2"];
    await here.hears(({ type, id }) => type === "subscribed" && here.groups.get(id) === "todolist.List 3");
    assert.deepEqual([...here.groups.values()].sort(), groups);
    await here.deleteList();
    await here.leaves("todolist.Task 1");
    const left = here.sent.filter(({ type }) => type === "unsubscribe").map(({ id }) => here.groups.get(id));
    assert.deepEqual(left, ["todolist.Task 1"]);
  });

  it("has nothing that React warns of", async () => {
    const { here, there } = kit;
    await Promise.all([here.logIn("anna"), there.logIn("ines")]);
    await here.addTasks(["Bread", "Olives"]);
    await there.showsTasks(["- Bread", "- Olives"]);
    await there.tick("Bread");
    await there.rewrite("Olives", "Green olives");
    await here.showsTasks(["+ Bread", "- Green olives"]);
    await here.move("Bread", "Weekend");
    await there.showsTasks(["- Green olives"]);
    await there.deleteTask("Green olives");
    await there.addList("Books");
    await there.renameList("Novels");
    await here.showsLists(["Groceries", "Weekend", "Novels"]);
    await here.deleteList();
    await there.showsLists(["Weekend", "Novels"]);
    await here.logOut();
    await here.selectList("Weekend");
    await here.showsTasks(["? Bread"]);
  });
});
