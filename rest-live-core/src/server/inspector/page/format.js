
// How figures are written, and how elements are made.

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fractions = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

function number(value) {
  return value > 0 && value < 10 && !Number.isInteger(value) ? fractions.format(value) : numbers.format(value);
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${number(value)} ${units[unit]}`;
}

function time(seconds) {
  if (seconds < 0.95) return `${numbers.format(seconds * 1000)} ms`;
  if (seconds < 90) return `${numbers.format(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** An element with attributes and children; whatever comes from the server is text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function byId(id) {
  return document.getElementById(id);
}

/** A bar that is this full, from 0 to 1. */
function setBar(bar, share) {
  bar.style.setProperty("--share", Math.min(1, share).toFixed(3));
}

/** Empties a list that is to show something else than before, whoever points at it. */
function begin(list, what) {
  if ((list.dataset.what ?? "") !== what) list.replaceChildren();
  list.dataset.what = what;
}

/**
 * Shows items as children of a list, each in the same element as before. Where there is something to choose, nothing comes, goes or
 * moves while somebody points at it or has the focus in it; and what is chosen stays.
 */
function showItems(list, items, keyOf, make, update) {
  const before = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const isHeld = list.querySelector(".choice") !== null && list.matches(":hover, :focus-within");
  const children = items.filter((item) => !isHeld || before.has(keyOf(item))).map((item) => {
    const key = keyOf(item);
    const child = before.get(key) ?? make(item);
    child.dataset.key = key;
    update(child, item);
    return child;
  });
  if (isHeld) return;
  for (const child of [...list.children]) {
    if (children.includes(child)) continue;
    if (child.querySelector('[aria-pressed="true"]')) children.push(child);
    else child.remove();
  }
  children.forEach((child, place) => {
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
  });
}
