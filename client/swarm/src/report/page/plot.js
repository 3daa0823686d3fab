// One plot: axes, lines, and a crosshair, which the pointer or the arrow keys move.
import { short } from "./format.js";
import { downsampled, linear, logarithmic, lowerBound } from "./scale.js";
import { html, svg } from "./svg.js";

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {number[]} xs ascending
 * @property {(number | null)[]} ys null where nothing was measured
 * @property {string} style CSS classes for colour and weight
 * @property {number} [under] the index of a lower line; the area between the two lines is filled
 *
 * @typedef {object} Axis the horizontal axis, which plots of one kind share
 * @property {number} end the largest value; the axis starts at 0
 * @property {(end: number, count: number) => number[]} ticks chooses about `count` values to label
 * @property {(x: number) => string} format
 * @property {number[]} stops the values at which the crosshair can stop, ascending
 * @property {[number, number][]} shades the ranges with a shaded background
 * @property {{at: number, text: string}[]} marks the marked incidents
 *
 * @typedef {object} Chart
 * @property {Line[]} lines
 * @property {Axis} axis
 * @property {boolean} [log] whether a logarithmic scale is offered
 */

const MARGIN = { top: 10, right: 10, bottom: 20, left: 40 };

/** The position of the crosshair, which all plots with the same axis share. */
export class Cursor {
  /** @type {Set<(stop: number | null) => void>} */ listeners = new Set();
  /** @type {number | null} */ stop = null;

  /** @param {number | null} stop */
  set(stop) {
    if (stop === this.stop) return;
    this.stop = stop;
    for (const listener of this.listeners) listener(stop);
  }
}

/** A plot in its figure element; redrawn when the width changes. */
export class Plot {
  /** @type {Element[]} */ outputs = [];
  /** @type {HTMLElement | null} */ legend = null;
  /** @type {SVGLineElement | null} */ crosshair = null;
  /** @type {SVGCircleElement[]} */ dots = [];
  /** @type {(x: number) => number} */ x = (value) => value;
  /** @type {(y: number) => number} */ y = (value) => value;
  width = 0;

  /** @param {HTMLElement} figure @param {Chart} chart @param {Cursor} cursor */
  constructor(figure, chart, cursor) {
    this.figure = figure;
    this.chart = chart;
    this.cursor = cursor;
    this.canvas = /** @type {HTMLElement} */ (figure.querySelector(".canvas"));
    this.values = chart.lines.flatMap((line) => line.ys.filter((y) => y !== null)).map(Number);
    this.max = this.values.reduce((one, other) => Math.max(one, other), 0);
    this.log = chart.log === true && this.isSteep();
    this.caption();
    cursor.listeners.add((stop) => this.point(stop));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.draw();
  }

  /** Whether a few large values would flatten all others on a linear scale. */
  isSteep() {
    const sorted = Float64Array.from(this.values).sort();
    return this.max > 12 * (sorted[sorted.length >> 1] ?? this.max);
  }

  /** Adds the readout, the button for the logarithmic scale, and the legend. */
  caption() {
    const caption = /** @type {HTMLElement} */ (this.figure.querySelector("figcaption"));
    this.readout = html(caption, "span", "at");
    if (this.chart.log) {
      const button = html(caption, "button", "", "log");
      button.type = "button";
      button.title = "logarithmic scale";
      button.setAttribute("aria-pressed", String(this.log));
      button.addEventListener("click", () => {
        this.log = !this.log;
        button.setAttribute("aria-pressed", String(this.log));
        this.width = 0;
        this.draw();
      });
    }
    const legend = (this.legend = html(this.figure, "ul", "legend"));
    for (const line of this.chart.lines) {
      const item = html(legend, "li");
      html(item, "i", line.style);
      html(item, "span", "", line.name);
      this.outputs.push(html(item, "b"));
    }
  }

  /** Draws the plot, unless its width is unchanged or too small. */
  draw() {
    const width = Math.round(this.canvas.clientWidth);
    const height = Math.round(this.canvas.clientHeight);
    if (width === this.width || width < 80) return;
    this.width = width;
    this.canvas.replaceChildren();
    const title = this.figure.querySelector("h3")?.textContent ?? "";
    const label = `${title}: a plot. Arrow keys move along it.`;
    const root = svg(this.canvas, "svg", { viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "img", "aria-label": label });
    const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
    const { axis } = this.chart;
    this.x = (value) => left + ((right - left) * value) / (axis.end || 1);
    const positive = this.values.filter((value) => value > 0);
    const min = positive.reduce((one, other) => Math.min(one, other), this.max || 1);
    const scale = this.log && positive.length
      ? logarithmic(Math.max(min, this.max / 1e5), this.max, bottom, top)
      : linear(this.max, bottom, top, height > 220 ? 6 : 4);
    this.y = scale.at;
    for (const [from, to] of axis.shades) {
      svg(root, "rect", { class: "shade", x: this.x(from), y: top, width: Math.max(0, this.x(to) - this.x(from)), height: bottom - top });
    }
    for (const tick of scale.ticks) {
      svg(root, "line", { class: "tick", x1: left, x2: right, y1: this.y(tick), y2: this.y(tick) });
      svg(root, "text", { x: left - 6, y: this.y(tick) + 3.5, "text-anchor": "end" }, short(tick));
    }
    for (const tick of axis.ticks(axis.end, Math.max(2, (right - left) / 70))) {
      svg(root, "line", { class: "tick upright", x1: this.x(tick), x2: this.x(tick), y1: bottom, y2: bottom + 4 });
      // A label centered on the last tick would be cut off.
      const [position, anchor] = this.x(tick) > right - 14 ? [width - 2, "end"] : [this.x(tick), "middle"];
      svg(root, "text", { x: position, y: height - 4, "text-anchor": anchor }, axis.format(tick));
    }
    for (const mark of axis.marks) {
      const at = this.x(mark.at);
      if (axis.marks.length <= 40) svg(root, "line", { class: "mark", x1: at, x2: at, y1: top, y2: bottom });
      const flag = svg(root, "path", { class: "flag", d: `M${at - 4} ${top - 8}h8l-4 7z` });
      svg(flag, "title", {}, mark.text);
    }
    this.lines(root);
    this.crosshair = svg(root, "line", { class: "crosshair", y1: top, y2: bottom, visibility: "hidden" });
    this.dots = this.chart.lines.map((line) => svg(root, "circle", { class: `dot ${line.style}`, r: 3, visibility: "hidden" }));
    if (!this.values.length) {
      svg(root, "text", { class: "empty", x: (left + right) / 2, y: (top + bottom) / 2, "text-anchor": "middle" }, "not measured");
    }
    this.listen(root, left, right);
    this.point(this.cursor.stop);
    this.figure.dataset["points"] = String(this.values.length);
  }

  /** Draws the bands and lines. @param {SVGSVGElement} root */
  lines(root) {
    const paths = this.chart.lines.map((line) => {
      const kept = downsampled(line.ys, 4 * this.width);
      return { line, kept, runs: this.runs(line, kept) };
    });
    for (const { line } of paths) {
      const lower = line.under === undefined ? undefined : this.chart.lines[line.under];
      if (lower) svg(root, "path", { class: `band ${line.style}`, d: this.band(line, lower) });
    }
    for (const { line, runs } of paths) {
      svg(root, "path", { class: `line ${line.style}`, d: runs.map((run) => (run.length > 1 ? `M${run.join("L")}` : "")).join("") });
      // A value between two gaps has no line, so it is drawn as a point.
      for (const run of runs) {
        const [x, y] = run.length === 1 ? (run[0] ?? "").split(" ") : [];
        if (x && y) svg(root, "circle", { class: `dot ${line.style}`, r: 1.5, cx: x, cy: y });
      }
    }
  }

  /** Splits a line at its gaps into runs, each a list of positions "x y". @param {Line} line @param {number[]} kept @returns {string[][]} */
  runs(line, kept) {
    /** @type {string[][]} */
    const runs = [[]];
    for (const at of kept) {
      const y = line.ys[at];
      if (y === null || y === undefined) runs.push([]);
      else runs[runs.length - 1]?.push(this.position(line, at, y));
    }
    return runs.filter((run) => run.length);
  }

  /** @param {Line} line @param {number} at @param {number} y @returns {string} */
  position(line, at, y) {
    return `${this.x(line.xs[at] ?? 0).toFixed(1)} ${this.y(y).toFixed(1)}`;
  }

  /** The path of the area between two lines that have the same gaps. @param {Line} upper @param {Line} lower @returns {string} */
  band(upper, lower) {
    const indices = downsampled(upper.ys, 4 * this.width);
    let [path, above, below] = ["", /** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
    const close = () => {
      if (above.length > 1) path += `M${above.join("L")}L${below.reverse().join("L")}Z`;
      [above, below] = [[], []];
    };
    for (const at of indices) {
      const [high, low] = [upper.ys[at], lower.ys[at]];
      if (high === null || high === undefined || low === null || low === undefined) close();
      else {
        above.push(this.position(upper, at, high));
        below.push(this.position(upper, at, low));
      }
    }
    close();
    return path;
  }

  /** Moves the crosshair by pointer and keys. @param {SVGSVGElement} root @param {number} left @param {number} right */
  listen(root, left, right) {
    const { stops, end } = this.chart.axis;
    const last = stops.length - 1;
    /** @param {PointerEvent} event */
    const move = (event) => {
      const box = root.getBoundingClientRect();
      const place = ((event.clientX - box.left) * this.width) / box.width;
      const value = ((place - left) / (right - left)) * end;
      const after = Math.min(last, lowerBound(stops, value));
      const before = Math.max(0, after - 1);
      const nearer = value - (stops[before] ?? 0) < (stops[after] ?? 0) - value ? before : after;
      this.cursor.set(stops[nearer] ?? null);
    };
    root.addEventListener("pointermove", move);
    root.addEventListener("pointerdown", move);
    root.addEventListener("pointerleave", () => this.cursor.set(null));
    // Screen readers announce the legend of the focused plot only; other plots follow its crosshair silently.
    root.addEventListener("focus", () => this.legend?.setAttribute("aria-live", "polite"));
    root.addEventListener("blur", () => {
      this.legend?.setAttribute("aria-live", "off");
      this.cursor.set(null);
    });
    root.addEventListener("keydown", (event) => {
      const at = this.cursor.stop === null ? -1 : lowerBound(stops, this.cursor.stop);
      const leap = Math.max(1, Math.round(stops.length / 20));
      /** @type {Record<string, number>} */
      const to = {
        ArrowRight: at + (event.shiftKey ? leap : 1),
        ArrowLeft: at < 0 ? last : at - (event.shiftKey ? leap : 1),
        Home: 0,
        End: last,
      };
      const place = to[event.key];
      if (event.key === "Escape") this.cursor.set(null);
      if (place === undefined) return;
      event.preventDefault();
      this.cursor.set(stops[Math.min(last, Math.max(0, place))] ?? null);
    });
  }

  /** Shows the crosshair and the values at a stop; hides them for null. @param {number | null} stop */
  point(stop) {
    const { lines, axis } = this.chart;
    const near = stop === null ? undefined : axis.marks.find((mark) => Math.abs(mark.at - stop) <= Math.max(1, axis.end / 120));
    if (this.readout) this.readout.textContent = stop === null ? "" : axis.format(stop) + (near ? ` · ${near.text}` : "");
    const x = this.x(stop ?? 0).toFixed(1);
    this.crosshair?.setAttribute("visibility", stop === null ? "hidden" : "visible");
    this.crosshair?.setAttribute("x1", x);
    this.crosshair?.setAttribute("x2", x);
    lines.forEach((line, index) => {
      const y = stop === null ? null : line.ys[lowerBound(line.xs, stop)] ?? null;
      const [output, dot] = [this.outputs[index], this.dots[index]];
      if (output) output.textContent = y === null ? "" : short(y);
      dot?.setAttribute("visibility", y === null ? "hidden" : "visible");
      if (y === null) return;
      dot?.setAttribute("cx", x);
      dot?.setAttribute("cy", this.y(y).toFixed(1));
    });
  }
}
