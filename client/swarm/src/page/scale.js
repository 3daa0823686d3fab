// From values to places on a plot, and the round numbers between. Pure.

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} at where a value lies
 * @property {number[]} ticks round values to be named
 */

/** A linear scale from 0. @param {number} most @param {number} from @param {number} to @param {number} about @returns {Scale} */
export function linear(most, from, to, about) {
  const step = roundUp((most || 1) / about);
  const end = Math.max(step, Math.ceil((most || 1) / step - 1e-9) * step);
  const ticks = [];
  for (let n = 0; n * step <= end * 1.0001; n += 1) ticks.push(Number((n * step).toPrecision(12)));
  return { at: (value) => from + ((to - from) * value) / end, ticks };
}

/** The next of 1, 2, 5 and their tenfolds. @param {number} value @returns {number} */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 5, 10].find((round) => value <= round * power * 1.0001) ?? 10;
  return digit * power;
}

/**
 * A logarithmic scale; what is less than the least lies on its end.
 * @param {number} least @param {number} most @param {number} from @param {number} to @returns {Scale}
 */
export function logarithmic(least, most, from, to) {
  const low = 10 ** Math.floor(Math.log10(least));
  const high = [2, 5, 10].map((digit) => digit * 10 ** Math.floor(Math.log10(most))).find((end) => end >= most) ?? most;
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

/** Round moments. @param {number} seconds @param {number} about @returns {number[]} */
export function moments(seconds, about) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const step = steps.find((each) => seconds / each <= about) ?? 86400 * Math.ceil(seconds / 86400 / about);
  const ticks = [];
  for (let tick = 0; tick <= seconds; tick += step) ticks.push(tick);
  return ticks;
}

/**
 * Which points of a line to draw when there are many for each pixel: of each bucket the first, the least, the greatest and the last,
 * so that no spike is lost. A gap is kept where a whole bucket is one.
 * @param {(number | null)[]} values @param {number} most @returns {number[]} their indices
 */
export function thinned(values, most) {
  if (values.length <= most) return values.map((_, index) => index);
  const size = Math.ceil((4 * values.length) / most);
  const kept = [];
  for (let start = 0; start < values.length; start += size) {
    /** @type {number[]} */
    const there = [];
    for (let at = start; at < Math.min(start + size, values.length); at += 1) if (values[at] !== null) there.push(at);
    if (!there.length) {
      kept.push(start);
      continue;
    }
    const value = (/** @type {number} */ at) => /** @type {number} */ (values[at]);
    const least = there.reduce((one, other) => (value(other) < value(one) ? other : one));
    const most = there.reduce((one, other) => (value(other) > value(one) ? other : one));
    const four = new Set([/** @type {number} */ (there[0]), least, most, /** @type {number} */ (there[there.length - 1])]);
    kept.push(...[...four].sort((one, other) => one - other));
  }
  return kept;
}

/** The first index whose value is at least this. @param {number[]} sorted @param {number} value @returns {number} */
export function firstFrom(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (sorted[middle]) < value - 1e-9) low = middle + 1;
    else high = middle;
  }
  return low;
}
