
// The connections, the commits, and why one was told of the other.

const chosen = { connection: null, commit: null, change: null };

const CLASSES = { CREATED: "good", UPDATED: "", DELETED: "bad", UNKNOWN: "warned" };
const VERDICTS = { passes: ["passes", "good"], refuses: ["refuses", ""], panics: ["panics", "bad"] };
const STANDINGS = { subscribed: ["subscribed", "good"], waiting: ["still to be told", "warned"], subscribed_later: ["subscribed later", "warned"], not_subscribed: ["not subscribed", ""] };

function showConnections({ connections, found, stats, limits }) {
  const shown = found ?? connections;
  setText(byId("connections-count"), found ? `${number(found.length)} found` : counted(shown.length, stats.connections));
  setText(byId("connections-empty"), found ? "There is no such connection." : "Nobody is connected.");
  byId("connections-empty").hidden = shown.length > 0;
  begin(byId("connections"), byId("find").value.trim());
  const make = ({ number: own, user }) => {
    const pick = choice(() => choose({ connection: own }), user ?? "", " ", element("span", { class: "unnamed" }, `#${own}`));
    const queue = element("td", { class: "number" }, element("span"), element("span", { class: "bar" }));
    return element("tr", {}, element("td", {}, pick), ...["", ""].map(() => element("td", { class: "number" })), queue);
  };
  showItems(byId("connections"), shown, ({ number, user }) => `${number} ${user}`, make, (row, connection) => {
    const [pick, open, subscriptions, queue] = row.children;
    pick.firstChild.ariaPressed = connection.number === chosen.connection;
    setText(open, time(connection.open_for));
    setText(subscriptions, number(connection.subscriptions));
    const [waiting, bar] = queue.children;
    const text = bytes(connection.queue_bytes);
    if (waiting.dataset.text !== `${text} ${connection.is_slow}`) {
      waiting.dataset.text = `${text} ${connection.is_slow}`;
      waiting.replaceChildren(...(connection.is_slow ? [badge("slow", "warned"), " "] : []), text);
    }
    bar.hidden = connection.queue_bytes === 0;
    bar.classList.toggle("warned", connection.is_slow);
    setBar(bar, connection.queue_bytes / limits.queue_bytes);
  });
}

function showCommits({ commits, at }) {
  byId("commits-empty").hidden = commits.length > 0;
  const make = ({ cursor, kinds, position }) => {
    const what = kinds.map(({ model, action, count }) => `${model} ${count > 1 ? `${number(count)} × ` : ""}${action}`).join(", ");
    const pick = choice(() => choose({ commit: cursor }), element("span", {}, what), element("span", { class: "age" }));
    pick.title = `position ${position}`;
    return element("li", {}, pick);
  };
  showItems(byId("commits"), commits, ({ cursor }) => cursor, make, (item, { cursor, age, changes, position }) => {
    item.firstChild.ariaPressed = cursor === chosen.commit;
    item.dataset.what = `#${number(position)} · ${changes > 1 ? `${number(changes)} changes · ` : ""}`;
    item.dataset.at = at - age * 1000;
  });
  // Those too that are shown still and are among the newest no more.
  for (const { dataset, firstChild } of byId("commits").children) {
    setText(firstChild.lastChild, `${dataset.what}${time((at - dataset.at) / 1000)} ago`);
  }
}

function showChanges({ changes, count }) {
  setText(byId("changes-count"), changes.length < count ? `the first ${number(changes.length)} of ${number(count)}` : "");
  byId("changes-empty").hidden = changes.length > 0;
  const make = ({ cursor, model, action, key }) => {
    const what = element("span", {}, `${model} `, element("code", {}, key ?? ""));
    return element("li", {}, choice(() => choose({ change: cursor }), what, badge(action, CLASSES[action])));
  };
  showItems(byId("changes"), changes, ({ cursor }) => cursor, make, (item, { cursor }) => {
    item.firstChild.ariaPressed = cursor === chosen.change;
  });
}

/** Chooses a connection, a commit or a change, and shows what follows from it. */
async function choose(choices) {
  Object.assign(chosen, choices);
  mark();
  try {
    if (choices.commit) {
      chosen.change = null;
      const changes = await ask({ view: "changes", commit: choices.commit });
      if (chosen.commit !== choices.commit) return;
      begin(byId("changes"), choices.commit);
      showChanges(changes);
      if (changes.count === 1) return choose({ change: changes.changes[0].cursor });
    }
    mark();
    const { connection, change } = chosen;
    if (connection === null || change === null) return hideReport();
    const explained = await ask({ view: "explain", connection, change });
    if (chosen.connection === connection && chosen.change === change) showReport(explained);
  } catch (error) {
    showFailure(error);
  }
}

/** Marks what is chosen. */
function mark() {
  const keys = { connections: chosen.connection === null ? null : `${chosen.connection} `, commits: chosen.commit, changes: chosen.change };
  for (const [list, key] of Object.entries(keys)) {
    for (const child of byId(list).children) {
      const isChosen = key !== null && (list === "connections" ? child.dataset.key.startsWith(key) : child.dataset.key === key);
      child.querySelector(".choice").ariaPressed = isChosen;
    }
  }
}

function hideReport() {
  byId("report").hidden = true;
}

function showFailure(error) {
  byId("report").replaceChildren(element("p", { class: "empty" }, `It cannot be said: ${error.message}.`));
  byId("report").hidden = false;
}

function showReport({ connection, user, action, model, cursor, may_subscribe: maySubscribe, groups }) {
  const title = element("h3", {}, `${user ?? ""} #${connection} · ${action} ${model} `, element("small", {}, `at ${cursor}`));
  byId("report").replaceChildren(title, element("p", {}, summary(groups)));
  if (!maySubscribe) byId("report").append(element("p", {}, badge("hidden", "bad"), " This user may not subscribe to the model: to him it does not exist."));
  byId("report").append(element("div", { class: "verdicts" }, ...groups.map(showGroup)));
  byId("report").hidden = false;
}

/** What became of it, in a sentence. */
function summary(groups) {
  if (groups.length === 0) return "It is not known what changed: every subscriber of the model was told to read again.";
  const due = groups.filter(({ standing, told }) => (standing === "subscribed" || standing === "waiting") && told);
  const word = due.some(({ standing }) => standing === "waiting") ? "Waits to be told" : "Told";
  if (due.length > 0) return `${word} ${due.map(({ property, value, told }) => `${told.action}, for ${named(property, value)}`).join("; and ")}.`;
  if (groups.some(({ standing }) => standing === "subscribed" || standing === "waiting")) return "Not told: no permission lets this user see the row.";
  if (groups.some(({ standing }) => standing === "subscribed_later")) return "Not told then: it subscribed after the change. Who resumes is told of it as he does.";
  return "Not told: it is not subscribed to any of the groups that the change concerns.";
}

function showGroup({ property, value, standing, old, new: now, told }) {
  const heading = element("h4", {}, element("code", {}, named(property, value)), badge(...STANDINGS[standing]));
  const images = [["Before", old], ["After", now]].flatMap(([name, verdicts]) => [element("dt", {}, name), element("dd", {}, image(verdicts))]);
  const by = told && `${told.action}, in the form of registration ${told.registration}`;
  const word = standing === "subscribed" ? "Told" : "Would be";
  const group = element("div", { class: "group" }, heading, element("dl", {}, ...images, element("dt", {}, word), element("dd", {}, by ?? "silence")));
  if (told) group.append(element("pre", { tabindex: "0", "aria-label": "the row, as this user sees it" }, JSON.stringify(told.instance, null, 2)));
  return group;
}

/** What the permissions say of a row. */
function image(verdicts) {
  if (verdicts === null) return "not in this group";
  return element("ul", {}, ...verdicts.map(({ permission, verdict }) => element("li", {}, path(permission), badge(...VERDICTS[verdict]))));
}

/** A path of Rust, which may break between its parts. */
function path(name) {
  const parts = name.split("::").flatMap((part) => ["::", element("wbr"), part]);
  return element("code", {}, ...parts.slice(2));
}

function named(property, value) {
  return `${[property].flat().join(", ")} = ${JSON.stringify(value)}`;
}

function badge(text, kind) {
  return element("span", { class: `badge ${kind}` }, text);
}

function choice(act, ...children) {
  const button = element("button", { class: "choice", type: "button", "aria-pressed": "false" }, ...children);
  button.addEventListener("click", act);
  return button;
}
