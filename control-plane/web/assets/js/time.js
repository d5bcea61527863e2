// @ts-check
/** Times as the pages of this console show them: in the person's zone, which is named. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * `2026-11-22 10:50:23 UTC`.
 * @param {number} millis since 1970
 * @param {string} zone as the page names it; one that this browser does not know is shown as UTC
 */
export function moment(millis, zone) {
  try {
    return written(millis, zone);
  } catch {
    return written(millis, "UTC");
  }
}

/**
 * The same with how long ago it was: `2026-11-22 10:50:23 UTC · 3 min ago`.
 * @param {number} millis since 1970
 * @param {string} zone
 * @param {number} [now]
 */
export function momentAndAgo(millis, zone, now = Date.now()) {
  return `${moment(millis, zone)} · ${ago(now - millis)}`;
}

/**
 * As the pages say it: `now`, `3 min ago`, `in 2 h`.
 * @param {number} ms that have passed
 */
export function ago(ms) {
  if (Math.abs(ms) < SECOND) {
    return "now";
  }
  return ms > 0 ? `${length(ms)} ago` : `in ${length(-ms)}`;
}

/** @param {number} ms */
function length(ms) {
  const two = (/** @type {number} */ large, /** @type {string} */ unit, /** @type {number} */ small, /** @type {string} */ part) =>
    small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${part}`;
  if (ms < MINUTE) {
    return `${Math.floor(ms / SECOND)} s`;
  }
  if (ms < HOUR) {
    return `${Math.floor(ms / MINUTE)} min`;
  }
  if (ms < DAY) {
    return two(Math.floor(ms / HOUR), "h", Math.floor((ms % HOUR) / MINUTE), "min");
  }
  const days = Math.floor(ms / DAY);
  return two(days, days === 1 ? "day" : "days", days < 3 ? Math.floor((ms % DAY) / HOUR) : 0, "h");
}

/**
 * @param {number} millis
 * @param {string} zone
 */
function written(millis, zone) {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    second: "2-digit",
  }).formatToParts(millis);
  const of = (/** @type {Intl.DateTimeFormatPartTypes} */ type) => parts.find((part) => part.type === type)?.value ?? "";
  return `${of("year")}-${of("month")}-${of("day")} ${of("hour")}:${of("minute")}:${of("second")} ${zone}`;
}

/**
 * A length of time in words: `45 s`, `9 min 5 s`.
 * @param {number} seconds
 */
export function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
