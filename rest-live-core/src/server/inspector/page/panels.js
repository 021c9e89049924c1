
// The tables and lists of figures.

const charts = [
  new Chart({ title: "Events in", unit: "/s", path: rates, read: (point) => point.events }),
  new Chart({ title: "Deliveries out", unit: "/s", path: rates, read: (point) => point.deliveries }),
  new Chart({ title: "Connections", read: (point) => point.connections }),
  new Chart({
    title: "Waiting to be sent",
    read: (point) => point.queue_bytes,
    format: bytes,
    isWarned: (_, { stats }) => stats.slow_connections > 0,
    note: ({ stats }) => (stats.slow_connections > 0 ? `${number(stats.slow_connections)} slow` : ""),
  }),
  new Chart({
    title: "Waiting to be told",
    read: (point) => point.backlog,
    isWarned: (_, { stats }) => stats.log.lag > 1,
    note: ({ stats }) => (stats.log.lag > 0 ? `for ${time(stats.log.lag)}` : ""),
  }),
];
byId("charts").append(...charts.map(({ figure }) => figure));

function showGroups({ groups, stats }) {
  setText(byId("groups-count"), counted(groups.length, stats.groups));
  byId("groups-empty").hidden = groups.length > 0;
  const most = groups[0]?.subscribers;
  const make = ({ model, property, value }) => {
    const count = element("td", { class: "number" }, element("span"), element("span", { class: "bar" }));
    return element("tr", {}, element("td", {}, model), element("td", {}, element("code", {}, `${property} = ${value}`)), count);
  };
  showItems(byId("groups"), groups, ({ model, property, value }) => `${model} ${property} ${value}`, make, (row, { subscribers }) => {
    const [count, bar] = row.lastChild.children;
    setText(count, number(subscribers));
    setBar(bar, subscribers / most);
  });
}

/** What is held, against how much may be. */
function showHeld({ stats, limits }) {
  const { log } = stats;
  showItems(byId("held"), [
    ["Connections", number(stats.connections), number(limits.connections), stats.connections / limits.connections],
    ["Log, in changes", number(log.changes), number(limits.log_changes), log.changes / limits.log_changes],
    ["Log, in bytes", bytes(log.bytes), bytes(limits.log_bytes), log.bytes / limits.log_bytes],
    ["Log, back to", time(log.age), time(limits.log_age), log.age / limits.log_age],
    ["Backlog of the dispatcher", bytes(log.backlog_bytes), bytes(limits.backlog_bytes), log.backlog_bytes / limits.backlog_bytes],
  ].flatMap(([name, value, most, share]) => [
    { key: name, name: "dt", text: name },
    { key: `${name} now`, name: "dd", text: `${value} of ${most}` },
    { key: `${name} bar`, name: "dd", share: share || 0 },
  ]), ({ key }) => key, ({ name, share }) => {
    return share === undefined ? element(name) : element(name, { class: "wide", "aria-hidden": "true" }, element("span", { class: "bar" }));
  }, (made, { text, share }) => {
    if (share === undefined) return setText(made, text);
    setBar(made.firstChild, share);
    // The age reaches its bound on any server that runs for long.
    made.firstChild.classList.toggle("warned", share >= 0.8 && !made.dataset.key.startsWith("Log"));
  });
}

/** What has happened since the start; of what is counted by kind, those that there were. */
function showTotals({ stats }) {
  const parts = (counts) => Object.entries(counts).filter(([, count]) => count > 0);
  const all = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  const events = Object.entries(stats.events).map(([model, counts]) => [model, all(counts)]);
  const rows = [
    ["Commits", stats.commits],
    ["Changes", all(Object.fromEntries(events)), parts(Object.fromEntries(events))],
    ["Deliveries", stats.deliveries],
    ["Told to read again", stats.resyncs],
    ["Resumed without a gap", stats.resumed],
    ["Resumed with a gap", stats.not_resumed],
    ["Snapshots", stats.snapshots],
    ["Connections opened", stats.opened],
    ["Connections closed, by code", all(stats.closed), parts(stats.closed)],
    ["Messages refused", all(stats.refused), parts(stats.refused)],
    ["Handshakes refused, by status", all(stats.refused_handshakes), parts(stats.refused_handshakes)],
  ];
  const lines = rows.flatMap(([name, count, kinds = []]) => {
    const inner = kinds.map(([kind, count]) => ({ key: `${name} ${kind}`, text: kind, count, class: "part" }));
    return [{ key: name, text: name, count, class: "" }, ...inner];
  });
  const cells = lines.flatMap((line) => [{ ...line, key: `dt ${line.key}`, name: "dt" }, { ...line, key: `dd ${line.key}`, name: "dd" }]);
  const make = (cell) => element(cell.name, { class: cell.class });
  showItems(byId("totals"), cells, ({ key }) => key, make, (made, cell) => {
    setText(made, cell.name === "dt" ? cell.text : number(cell.count));
  });
}

/** How many there are, and whether these are all. */
function counted(shown, all) {
  return shown < all ? `the top ${number(shown)} of ${number(all)}` : number(all);
}
