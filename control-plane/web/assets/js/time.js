// @ts-check
/** Times as the pages of this console show them: in the person's zone, which is named. */

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
