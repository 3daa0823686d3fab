// Formatting of the numbers, times and percentiles in plots.

/** Formats a number with about three significant digits. @param {number} value @returns {string} */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)}G`;
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return trim(value);
}

/** @param {number} value @returns {string} */
function trim(value) {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)));
}

/** Formats a time since the run's start, as M:SS or H:MM:SS. @param {number} seconds @returns {string} */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < 3600 ? rest.replace(/^0/, "") : `${Math.floor(whole / 3600)}:${rest}`;
}

/** Formats a value of the percentile axis, which is -log10(1 - p). @param {number} nines @returns {string} */
export function percentile(nines) {
  const percent = 100 * (1 - 10 ** -nines);
  const digits = Math.max(0, Math.ceil(nines) - 2);
  return `${Number(percent.toFixed(nines < 2 ? 1 : digits + 1))} %`;
}
