
// A chart: one figure over the last five minutes.

const MINUTES = 5;
const WIDTH = MINUTES * 60_000;
const HEIGHT = 100;

/** The least round number that is not less: 1, 2 or 5 times a power of ten; of bytes, of 1024 as well. */
function roundUp(value, isBytes) {
  let unit = 1;
  while (isBytes && value >= unit * 1024) unit *= 1024;
  const power = 10 ** Math.floor(Math.log10(Math.max(value / unit, 1)));
  const step = [1, 2, 5, 10].find((step) => step * power * unit >= value);
  return Math.max(1, step * power * unit);
}

/** Between two points it was, in the mean, as the later one says: nobody has to look for nothing to be lost. */
function rates(places) {
  const steps = places.slice(1).map(({ x, y }) => `V${y}H${x}`);
  const [first, last] = [places[0], places.at(-1)];
  return [{ from: first.x, path: `M${first.x},${(places[1] ?? first).y}${steps.join("")}`, to: last.x }];
}

/** It was so when somebody looked; while nobody did, it is not known. */
function levels(places) {
  const isGap = ({ at }, place) => place === 0 || at - places[place - 1].at > 5000;
  const starts = places.flatMap((point, place) => (isGap(point, place) ? [place] : []));
  return starts.map((start, run) => {
    const seen = places.slice(start, starts[run + 1]);
    return { from: seen[0].x, path: `M${seen.map(({ x, y }) => `${x},${y}`).join("L")}`, to: seen.at(-1).x };
  });
}

class Chart {
  #points = [];
  #ends = 0;
  /** How far back somebody reads, in ms; null where nobody does. */
  #reading = null;

  constructor({ title, unit = "", read, path = levels, format = number, isWarned = () => false, note = () => "" }) {
    Object.assign(this, { title, unit, read, path, format, isWarned, note });
    this.output = element("output");
    this.plot = element("div", { class: "plot", tabindex: "0", role: "img" });
    this.plot.innerHTML = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <line x2="${WIDTH}" y1="1" y2="1"/><line x2="${WIDTH}" y1="50" y2="50"/>
      <path class="area"/><path class="curve"/><line class="mark" y2="${HEIGHT}"/></svg>`;
    this.most = element("span");
    this.middle = element("span", { class: "middle" });
    this.plot.append(this.most, this.middle);
    this.start = element("span", {}, `${MINUTES} min ago`);
    const axis = element("div", { class: "axis" }, this.start, element("span", {}, "now"));
    const caption = element("figcaption", {}, title, this.output);
    this.figure = element("figure", { class: "card chart" }, caption, this.plot, axis);
    this.#listen();
  }

  #listen() {
    const readAt = (back) => {
      this.#reading = back === null ? null : Math.max(0, Math.min(WIDTH, back));
      this.#draw();
    };
    this.plot.addEventListener("pointermove", ({ clientX }) => {
      const { right, width } = this.plot.getBoundingClientRect();
      readAt(((right - clientX) / width) * WIDTH);
    });
    for (const end of ["pointerleave", "blur"]) this.plot.addEventListener(end, () => readAt(null));
    this.plot.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: 5000, ArrowRight: -5000 }[key];
      if (step) readAt((this.#reading ?? 0) + step);
      if (key === "Escape") readAt(null);
    });
  }

  /** Draws the points up to a time, in ms. */
  show(points, at, overview) {
    [this.#points, this.#ends, this.overview] = [points, at, overview];
    this.#draw();
  }

  #draw() {
    const shown = this.#points.filter((point, place) => (this.#points[place + 1]?.at ?? Infinity) > this.#ends - WIDTH);
    if (shown.length === 0) return setText(this.output, "…");
    const values = shown.map(this.read);
    const most = roundUp(Math.max(...values), this.format === bytes);
    const places = shown.map(({ at }, place) => {
      const y = HEIGHT - 1 - (values[place] / most) * (HEIGHT - 3);
      return { at, x: Math.max(0, WIDTH - (this.#ends - at)), y: y.toFixed(1) };
    });
    const [area, curve] = this.plot.querySelectorAll("path");
    const runs = this.path(places);
    area.setAttribute("d", runs.map(({ from, path, to }) => `${path}L${to},${HEIGHT}H${from}Z`).join(""));
    curve.setAttribute("d", runs.map(({ path }) => path).join(""));
    setText(this.most, this.#written(most));
    setText(this.middle, Number.isInteger(most / 2) || this.unit ? this.#written(most / 2) : "");
    this.figure.classList.toggle("warned", this.isWarned(values.at(-1), this.overview));
    this.#label(shown, values);
    this.plot.setAttribute("aria-label", `${this.title}, the last ${MINUTES} minutes: at most ${this.#written(Math.max(...values))}`);
  }

  #label(shown, values) {
    const back = this.#reading;
    const mark = this.plot.querySelector(".mark");
    mark.toggleAttribute("hidden", back === null);
    const place = back === null ? -1 : shown.findIndex((point) => point.at >= this.#ends - back);
    const note = back === null ? this.note(this.overview) : `${time(back / 1000)} ago`;
    for (const end of ["x1", "x2"]) mark.setAttribute(end, back === null ? -1 : WIDTH - back);
    const text = this.#written(values.at(place));
    if (this.output.dataset.text === text + note) return;
    this.output.dataset.text = text + note;
    this.output.replaceChildren(text, " ", element("small", {}, note));
  }

  #written(value) {
    return this.format(value) + this.unit;
  }
}
