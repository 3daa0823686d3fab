// The lines and axes of each plot, from the report, by the name of the plot's figure element.
import { clock, percentile } from "./format.js";
import { timeTicks } from "./scale.js";

/**
 * @typedef {import("./plot.js").Chart} Chart
 * @typedef {import("./plot.js").Line} Line
 * @typedef {import("./plot.js").Axis} Axis
 *
 * The parts of a report that are plotted; `swarm schema` describes each field.
 * @typedef {{p50: number, p90: number, p99: number, p999: number, max: number, count: number}} Percentiles
 * @typedef {{cpu_cores: number | null, rss_mb: number | null, tick_ms_p99: number | null, tick_ms_max: number | null, overruns: number | null}} ServerSecond
 * @typedef {{at_s: number, measured: boolean, bots: number, bots_wanted: number, joins: number, closes: number, resumes: number,
 *   input_ack_ms: Percentiles | null, snapshot_age_ms: Percentiles | null, snapshot_gap_ms: Percentiles | null, snapshots: number,
 *   snapshots_lost: number, frozen_percent: number | null, bytes_down: number, bytes_up: number, lag_ms_p99: number, swarm_cores: number,
 *   server: ServerSecond | null}} Second
 * @typedef {{percentile: number, value: number}} CurvePoint
 * @typedef {{series: Second[], incidents: {at_s: number, what: string}[], curves: Record<string, CurvePoint[]>}} Report
 */

/** @typedef {"input_ack_ms" | "snapshot_age_ms" | "snapshot_gap_ms"} Times */

/** Builds all charts of a report. @param {Report} report @returns {Record<string, Chart>} */
export function charts(report) {
  const seconds = report.series;
  const xs = seconds.map((second) => second.at_s);
  const axis = timeAxis(report, xs);
  /** @param {string} name @param {string} style @param {(second: Second) => number | null | undefined} of @returns {Line} */
  const line = (name, style, of) => ({ name, style, xs, ys: seconds.map((second) => of(second) ?? null) });
  /** @param {Times} times @returns {Chart} */
  const bands = (times) => ({
    axis,
    log: true,
    lines: [
      { ...line("max", "c3 thin", (second) => second[times]?.max), under: 1 },
      { ...line("p99", "c2", (second) => second[times]?.p99), under: 2 },
      line("p50", "c1", (second) => second[times]?.p50),
    ],
  });
  const lost = (/** @type {Second} */ second) => {
    const all = second.snapshots + second.snapshots_lost;
    return all ? (100 * second.snapshots_lost) / all : null;
  };
  return {
    input_ack: bands("input_ack_ms"),
    snapshot_age: bands("snapshot_age_ms"),
    snapshot_gap: bands("snapshot_gap_ms"),
    percentiles: percentiles(report.curves),
    lost: { axis, lines: [line("lost", "c2", lost)] },
    frozen: { axis, lines: [line("frozen", "c1", (second) => second.frozen_percent)] },
    bots: { axis, lines: [line("planned", "c3 dashed", (second) => second.bots_wanted), line("seated", "c1", (second) => second.bots)] },
    churn: {
      axis,
      lines: [
        line("joins", "c1", (second) => second.joins),
        line("closes", "c2", (second) => second.closes),
        line("resumes", "c4", (second) => second.resumes),
      ],
    },
    bytes: { axis, lines: [line("down", "c1", (second) => second.bytes_down), line("up", "c2", (second) => second.bytes_up)] },
    lag: { axis, log: true, lines: [line("p99", "c1", (second) => second.lag_ms_p99)] },
    tick: {
      axis,
      log: true,
      lines: [
        { ...line("max", "c3 thin", (second) => second.server?.tick_ms_max), under: 1 },
        line("p99", "c2", (second) => second.server?.tick_ms_p99),
      ],
    },
    server_cores: { axis, lines: [line("busy", "c1", (second) => second.server?.cpu_cores)] },
    swarm_cores: { axis, lines: [line("busy", "c1", (second) => second.swarm_cores)] },
    memory: { axis, lines: [line("RSS", "c1", (second) => second.server?.rss_mb)] },
  };
}

/** The time axis, which all plots but the percentiles share. @param {Report} report @param {number[]} xs @returns {Axis} */
function timeAxis(report, xs) {
  const end = Math.max(1, xs[xs.length - 1] ?? 1);
  /** @type {[number, number][]} */
  const shades = [];
  // Long runs are downsampled: seconds that the page leaves out are shaded if the seconds on both sides of them are.
  let wasMeasured = true;
  for (const second of report.series) {
    const open = shades[shades.length - 1];
    if (!second.measured) {
      if (open && !wasMeasured) open[1] = second.at_s + 1;
      else shades.push([second.at_s, second.at_s + 1]);
    }
    wasMeasured = second.measured;
  }
  for (const shade of shades) shade[1] = Math.min(shade[1], end);
  const marks = report.incidents.filter((incident) => incident.at_s <= end + 1).map(({ at_s, what }) => ({ at: Math.min(at_s, end), text: what }));
  return { end, ticks: timeTicks, format: clock, stops: xs, shades, marks };
}

/** The plot of the distributions by percentile, on an axis of -log10(1 - p), where each step of 1 is one more nine. @param {Record<string, CurvePoint[]>} curves @returns {Chart} */
function percentiles(curves) {
  const names = [["input_ack_ms", "input", "c2"], ["snapshot_age_ms", "age", "c1"], ["snapshot_gap_ms", "gap", "c4"], ["join_ms", "join", "c3"]];
  const nines = (/** @type {number} */ percent) => -Math.log10(1 - Math.min(percent, 100) / 100);
  const finite = Object.values(curves).flat().map((point) => nines(point.percentile)).filter(Number.isFinite);
  const end = finite.reduce((one, other) => Math.max(one, other), 2);
  const lines = names.map(([key = "", name = "", style = ""]) => {
    const points = curves[key] ?? [];
    return { name, style, xs: points.map((point) => Math.min(end, nines(point.percentile))), ys: points.map((point) => point.value) };
  });
  const stops = [...new Set(lines.flatMap((line) => line.xs))].sort((one, other) => one - other);
  const ticks = [0, Math.log10(2), 1, 2, 3, 4, 5, 6, 7].filter((tick) => tick <= end + 1e-9);
  const tickChoice = (/** @type {number} */ _end, /** @type {number} */ room) => (room < ticks.length ? ticks.filter((_, at) => at !== 1) : ticks);
  return { axis: { end, ticks: tickChoice, format: percentile, stops, shades: [], marks: [] }, log: true, lines };
}
