
// Looks once a second, while somebody looks at the page.

const EVERY = 1000;
const AGAIN_AFTER_FAILURE = 3000;

let points = [];
let epoch = null;
let isPaused = false;
let timer = null;
let looks = 0;

/** An answer of the server that is not the one that was asked for. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the address of this page for something. What else is in it, a token perhaps, stays. */
async function ask(parameters) {
  const address = new URL(location.href);
  // `fetch` refuses an address with a password.
  address.username = address.password = "";
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  const response = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Refused(response.status, await response.text());
  return response.json();
}

async function look() {
  clearTimeout(timer);
  const own = ++looks;
  try {
    const overview = await ask({ view: "overview", after: points.at(-1)?.at ?? "", find: byId("find").value.trim() });
    if (own !== looks) return;
    show(overview);
    if (isPaused) say("paused", "paused");
    else say("live", "live");
    again(EVERY);
  } catch (error) {
    if (own !== looks) return;
    const isRefused = error.status === 401 || error.status === 403;
    say("failed", isRefused ? `refused: ${error.message} (reload to try again)` : "cut off; trying again");
    if (!isRefused) again(AGAIN_AFTER_FAILURE);
  }
}

function again(after) {
  if (!isPaused && !document.hidden) timer = setTimeout(look, after);
}

function show(overview) {
  if (overview.epoch !== epoch) forget(overview.epoch);
  const newest = points.at(-1)?.at ?? -1;
  points.push(...overview.history.filter(({ at }) => at > newest));
  points = points.slice(-MINUTES * 60);
  for (const chart of charts) chart.show(points, overview.at, overview);
  for (const panel of [showGroups, showHeld, showTotals, showConnections, showCommits]) panel(overview);
}

/** It is another server than before. */
function forget(newEpoch) {
  const isFirst = epoch === null;
  epoch = newEpoch;
  if (isFirst) return;
  points = [];
  Object.assign(chosen, { connection: null, commit: null, change: null });
  byId("changes").replaceChildren();
  hideReport();
}

/** Says how it is going. It is read aloud, so only what has changed is said. */
function say(state, text) {
  byId("status").dataset.state = state;
  setText(byId("status"), text);
}

byId("pause").addEventListener("click", ({ currentTarget }) => {
  isPaused = !isPaused;
  currentTarget.ariaPressed = isPaused;
  setText(currentTarget, isPaused ? "Go on" : "Pause");
  if (!isPaused) return look();
  looks += 1;
  clearTimeout(timer);
  say("paused", "paused");
});

byId("find").addEventListener("input", look);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (!isPaused) look();
});

look();
