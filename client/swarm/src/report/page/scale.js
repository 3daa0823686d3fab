// Mapping of values to positions in a plot, and choice of round tick values. Pure: no access to the page.

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} at the position of a value
 * @property {number[]} ticks round values to label
 */

/** Returns a linear scale from 0 to at least `max`, between the positions `from` and `to`, with about `count` ticks. @param {number} max @param {number} from @param {number} to @param {number} count @returns {Scale} */
export function linear(max, from, to, count) {
  const step = roundUp((max || 1) / count);
  const end = Math.max(step, Math.ceil((max || 1) / step - 1e-9) * step);
  const ticks = [];
  for (let n = 0; n * step <= end * 1.0001; n += 1) ticks.push(Number((n * step).toPrecision(12)));
  return { at: (value) => from + ((to - from) * value) / end, ticks };
}

/** Rounds up to 1, 2 or 5 times a power of 10. @param {number} value @returns {number} */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 5, 10].find((round) => value <= round * power * 1.0001) ?? 10;
  return digit * power;
}

/**
 * Returns a logarithmic scale between the positions `from` and `to`. Values below its lower bound are placed at the bound.
 * @param {number} min @param {number} max @param {number} from @param {number} to @returns {Scale}
 */
export function logarithmic(min, max, from, to) {
  const low = 10 ** Math.floor(Math.log10(min));
  const high = [2, 5, 10].map((digit) => digit * 10 ** Math.floor(Math.log10(max))).find((end) => end >= max) ?? max;
  const [start, span] = [Math.log10(low), Math.log10(Math.max(high, low * 10)) - Math.log10(low)];
  const ticks = [];
  for (let power = start; power <= start + span + 1e-9; power += 1) {
    for (const digit of span > 2.5 ? [1] : [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(3));
      if (Math.log10(tick) <= start + span + 1e-9) ticks.push(tick);
    }
  }
  const at = (/** @type {number} */ value) => from + ((to - from) * (Math.log10(Math.max(value, low)) - start)) / span;
  return { at, ticks };
}

/** Chooses round times for the ticks of a time axis. @param {number} seconds @param {number} count @returns {number[]} */
export function timeTicks(seconds, count) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const step = steps.find((each) => seconds / each <= count) ?? 86400 * Math.ceil(seconds / 86400 / count);
  const ticks = [];
  for (let tick = 0; tick <= seconds; tick += step) ticks.push(tick);
  return ticks;
}

/**
 * Chooses the points of a line to draw, about `max` at most: all, or of each bucket of neighbours the first, the smallest, the largest and the
 * last, so that no spike is lost. A bucket without values stays a gap.
 * @param {(number | null)[]} values @param {number} max @returns {number[]} their indices
 */
export function downsampled(values, max) {
  if (values.length <= max) return values.map((_, index) => index);
  const size = Math.ceil((4 * values.length) / max);
  const kept = [];
  for (let start = 0; start < values.length; start += size) {
    /** @type {number[]} */
    const present = [];
    for (let at = start; at < Math.min(start + size, values.length); at += 1) if (values[at] !== null) present.push(at);
    if (!present.length) {
      kept.push(start);
      continue;
    }
    const value = (/** @type {number} */ at) => /** @type {number} */ (values[at]);
    const min = present.reduce((one, other) => (value(other) < value(one) ? other : one));
    const max = present.reduce((one, other) => (value(other) > value(one) ? other : one));
    const four = new Set([/** @type {number} */ (present[0]), min, max, /** @type {number} */ (present[present.length - 1])]);
    kept.push(...[...four].sort((one, other) => one - other));
  }
  return kept;
}

/** Returns the first index whose value is at least `value`. @param {number[]} sorted @param {number} value @returns {number} */
export function lowerBound(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (sorted[middle]) < value - 1e-9) low = middle + 1;
    else high = middle;
  }
  return low;
}
