// The page that the todolist server itself has, in two windows of a real browser.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { journeys, stage } from "./journeys.js";
import { PlainWindow } from "./window.js";

describe("the todolist page", { timeout: 300_000 }, () => {
  const kit = { Window: PlainWindow, front: () => kit.server };
  stage(kit);
  journeys(kit);

  it("logs what it hears, the newest first", async () => {
    const { here, there } = kit;
    await here.addTask("Bread");
    await here.showsTasks(["? Bread"]);
    await here.rewrite("Bread", "Rye bread");
    await here.move("Rye bread", "Weekend");
    await there.logs(["DELETED todolist.Task 1 “Rye bread”", "UPDATED todolist.Task 1 “Rye bread”", "CREATED todolist.Task 1 “Bread”"]);
  });

  it("hears nothing of a list that it has left", async () => {
    const { here, there } = kit;
    await there.selectList("Weekend");
    await here.addTask("Bread");
    await here.showsTasks(["? Bread"]);
    await here.selectList("Weekend");
    await here.addTask("Sleep");
    await there.showsTasks(["? Sleep"]);
    await there.logs(["CREATED todolist.Task 2 “Sleep”"]);
    assert.equal(there.frames.filter(({ type, model }) => type === "broadcast" && model === "todolist.Task").length, 1);
  });

  it("shows another list when its own is deleted", async () => {
    const { here, there } = kit;
    await Promise.all([here, there].map((window) => window.selectList("Weekend")));
    await here.deleteList();
    await there.showsLists(["Groceries"]);
    assert.equal(await there.board().getByLabel("Name of this list").inputValue(), "Groceries");
  });
});
