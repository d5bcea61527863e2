// @ts-check
/** Whether the lines of a manifest agree with each other: everything that can be told without the procedure. */

/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./manifest.js").CheckLine} CheckLine */
/** @typedef {import("./manifest.js").Counts} Counts */

const MAX_METRICS = 16;
/** No run has so many items; above, sums could not be exact. */
const MAX_COUNT = 2 ** 48;
/** In the order in which the first that any check has decides. */
const ORDER = ["fail", "error", "pending", "excepted", "pass", "not_applicable", "skipped"];
const WEIGHTS = new Map(Object.entries({ critical: 10n, high: 5n, medium: 3n, low: 1n, info: 0n }));

/**
 * What contradicts what; null if nothing does.
 * @param {Manifest} manifest
 * @returns {string | null}
 */
export function whyInconsistent(manifest) {
  const { steps, checks, metrics, run } = manifest;
  return (
    twice(steps.map((line) => line.step)) ??
    stepsWhy(manifest) ??
    itemsWhy(manifest) ??
    twice(checks.map((line) => line.check)) ??
    first(checks, (line) => checkWhy(line, run.partial)) ??
    runWhy(manifest) ??
    twice(metrics.map((line) => line.metric)) ??
    (metrics.length > MAX_METRICS ? `more than ${MAX_METRICS} metrics` : null)
  );
}

/** @param {Manifest} manifest */
function stepsWhy({ steps, run }) {
  return first(steps, ({ step, status, code }) => {
    if ((status === "error") !== (code !== null)) {
      return `step ${step} must have a code if it is an error, and only then`;
    }
    return status === "skipped" && !run.partial ? `${step} is skipped, but the run is not partial` : null;
  });
}

/** @param {Manifest} manifest */
function itemsWhy({ steps, items }) {
  const positions = new Map(steps.map(({ step }, at) => [step, at]));
  const seen = new Set();
  let reached = 0;
  return first(items, ({ item, step }) => {
    const position = positions.get(step);
    if (position === undefined) {
      return `item ${item} is of a step that is not listed`;
    }
    if (position < reached) {
      return `item ${item} is not in the order of the steps`;
    }
    reached = position;
    const again = seen.has(item);
    seen.add(item);
    return again ? `item ${item} stands there twice` : null;
  });
}

/**
 * @param {CheckLine} line
 * @param {boolean} partial
 */
function checkWhy({ check, status, counts, exceptions }, partial) {
  const { pass, fail, error, pending, not_applicable, excepted } = counts;
  if ([pass, fail, error, pending, not_applicable].some((count) => count > MAX_COUNT)) {
    return `the counts of check ${check} are absurd`;
  }
  const distinct = new Set(exceptions).size === exceptions.length;
  if (excepted > fail || (excepted > 0 && exceptions.length === 0) || !distinct) {
    return `check ${check} does not name the exceptions that its counts need, or names one twice`;
  }
  if (status === "skipped" && !partial) {
    return `${check} is skipped, but the run is not partial`;
  }
  const implied = impliedStatus(counts);
  // A check that came to no items at all says by its status alone why: nothing to check, left out, or still waiting.
  const none = Object.values(counts).every((count) => count === 0);
  const withoutItems = none && ["error", "not_applicable", "pending", "skipped"].includes(status);
  return status === implied || withoutItems ? null : `check ${check} is ${status}, but its counts say ${implied}`;
}

/** @param {Manifest} manifest */
function runWhy({ run, checks }) {
  for (const field of /** @type {(keyof Counts)[]} */ (Object.keys(run.counts))) {
    if (checks.reduce((sum, line) => sum + BigInt(line.counts[field]), 0n) !== BigInt(run.counts[field])) {
      return "the counts of the run are not the sum over its checks";
    }
  }
  const implied = ORDER.find((status) => checks.some((line) => line.status === status));
  if (implied === undefined ? !["error", "not_applicable", "skipped"].includes(run.verdict) : implied !== run.verdict) {
    return `the verdict is ${run.verdict}, but the checks say ${implied ?? "error"}`;
  }
  const unscored = run.partial || checks.some((line) => line.status === "pending");
  const score = unscored ? null : weighted(checks, applicable);
  const overlaid = unscored ? null : weighted(checks, (counts) => atLeastZero(applicable(counts) - BigInt(counts.excepted)));
  const agrees = score === run.score && overlaid === run.score_with_exceptions;
  return agrees ? null : "the scores are not those that the checks give";
}

/** @param {Counts} counts */
function impliedStatus({ pass, fail, error, pending, not_applicable, excepted }) {
  if (fail > excepted) {
    return "fail";
  }
  if (error > 0) {
    return "error";
  }
  if (pending > 0) {
    return "pending";
  }
  if (excepted > 0) {
    return "excepted";
  }
  if (pass > 0) {
    return "pass";
  }
  return not_applicable > 0 ? "not_applicable" : "error";
}

/**
 * The score in basis points: `floor(Σ w·c / Σ w)` with `c = floor(10000·pass / n)` of each check that has any.
 * @param {CheckLine[]} checks
 * @param {(counts: Counts) => bigint} considered
 * @returns {number | null}
 */
function weighted(checks, considered) {
  if (checks.some((line) => line.counts.pending > 0)) {
    return null;
  }
  let [sum, weights] = [0n, 0n];
  for (const { severity, counts } of checks) {
    const n = considered(counts);
    const pass = BigInt(counts.pass) < n ? BigInt(counts.pass) : n;
    const weight = WEIGHTS.get(severity) ?? 0n;
    if (n > 0n) {
      sum += weight * ((10000n * pass) / n);
      weights += weight;
    }
  }
  return weights > 0n ? Number(sum / weights) : null;
}

/** @param {Counts} counts */
function applicable({ pass, fail, error, pending }) {
  return BigInt(pass) + BigInt(fail) + BigInt(error) + BigInt(pending);
}

/** @param {bigint} value */
function atLeastZero(value) {
  return value > 0n ? value : 0n;
}

/** @param {string[]} names */
function twice(names) {
  const seen = new Set();
  return first(names, (name) => {
    const again = seen.has(name);
    seen.add(name);
    return again ? `${name} stands there twice` : null;
  });
}

/**
 * @template T
 * @param {T[]} lines
 * @param {(line: T) => string | null} why
 */
function first(lines, why) {
  for (const line of lines) {
    const found = why(line);
    if (found !== null) {
      return found;
    }
  }
  return null;
}
