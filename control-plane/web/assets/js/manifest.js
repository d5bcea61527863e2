// @ts-check
/**
 * The manifest: a run's metadata as JSON Lines. Only the exact bytes of the format are read: every line is written again
 * from what was understood of it, and has to come out the same.
 */

import { isDigest, isId, isName, isSoftware, isTime, textOf, utf8 } from "./bytes.js";
import { whyInconsistent } from "./consistency.js";
import { Fields } from "./json.js";

/** Bytes of a manifest. */
export const MAX_MANIFEST = 16 * 1024 * 1024;

const MAX_DEPTH = 3;
const MAX_U32 = 0xffffffff;
const MAX_I32 = 0x7fffffff;
const STATUSES = ["fail", "error", "pending", "excepted", "pass", "not_applicable", "skipped"];
const STEP_STATUSES = ["ok", "error", "pending", "skipped"];
const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const TRIGGERS = ["schedule", "request", "local"];
const FORMS = ["rows", "blob"];
const CLASSES = ["public", "internal", "confidential", "personal", "secret"];
const CODES = [
  "timeout", "refused", "unreachable", "tls", "auth", "permission_denied", "not_found", "rate_limited", "too_large",
  "truncated", "parse", "bad_output", "missing_field", "wrong_type", "function", "expression_limit",
  "population_not_proven", "empty", "dependency", "policy_denied", "overdue", "cancelled", "internal",
];

/** Why a manifest is refused. */
export class ManifestError extends Error {}

/** @typedef {{ pass: number, fail: number, error: number, pending: number, not_applicable: number, excepted: number }} Counts */
/** @typedef {{ id: string, version: number, sha256: string }} Version */
/**
 * @typedef {{ run: string, tenant: string, runner: string, procedure: Version, trigger: string, due: string | null,
 *   started: string, ended: string, verdict: string, score: number | null, score_with_exceptions: number | null,
 *   counts: Counts, partial: boolean, software: string }} RunLine
 */
/**
 * @typedef {{ step: string, status: string, code: string | null, attempts: number, started: string, ended: string }} StepLine
 */
/**
 * @typedef {{ item: string, step: string, form: string, class: string, collected: string, rows: number, root: string }} ItemLine
 */
/** @typedef {{ check: string, status: string, severity: string, counts: Counts, exceptions: string[] }} CheckLine */
/** @typedef {{ metric: string, value: number }} MetricLine */
/**
 * @typedef {{ run: RunLine, steps: StepLine[], items: ItemLine[], checks: CheckLine[], metrics: MetricLine[] }} Manifest
 */

/** Each group of lines: how they begin, and how one is read. `JSON.stringify` writes fields in the order of reading. */
const GROUPS = [
  { prefix: '{"v":1,"t":"run",', read: readRun },
  { prefix: '{"t":"step",', read: readStep },
  { prefix: '{"t":"item",', read: readItem },
  { prefix: '{"t":"check",', read: readCheck },
  { prefix: '{"t":"metric",', read: readMetric },
];

/**
 * Reads a manifest: exact bytes, groups in order, nothing twice, counts, verdict and scores as its checks imply.
 * @param {Uint8Array} bytes
 * @returns {Manifest}
 */
export function parseManifest(bytes) {
  if (bytes.length > MAX_MANIFEST) {
    throw new ManifestError(`a manifest of ${bytes.length} bytes; at most ${MAX_MANIFEST} are allowed`);
  }
  let text;
  try {
    text = textOf(bytes);
  } catch {
    throw new ManifestError("not a manifest: it is not UTF-8");
  }
  if (!text.endsWith("\n")) {
    throw new ManifestError("not a manifest: its last line does not end in a newline");
  }
  /** @type {any[][]} */
  const lines = [[], [], [], [], []];
  let current = 0;
  for (const [at, line] of text.slice(0, -1).split("\n").entries()) {
    const group = GROUPS.findIndex(({ prefix }) => line.startsWith(prefix));
    if (group === -1) {
      throw new ManifestError(`line ${at + 1} of the manifest: it begins like no line of a manifest`);
    }
    if ((group === 0) !== (at === 0) || group < current) {
      throw new ManifestError(`line ${at + 1} of the manifest: out of order: run, steps, items, checks, metrics`);
    }
    current = group;
    lines[group].push(readLine(line, group, at + 1));
  }
  const [[run], steps, items, checks, metrics] = lines;
  const manifest = { run, steps, items, checks, metrics };
  const why = whyInconsistent(manifest);
  if (why !== null) {
    throw new ManifestError(`the manifest contradicts itself: ${why}`);
  }
  return manifest;
}

/**
 * @param {string} line
 * @param {number} group
 * @param {number} number
 */
function readLine(line, group, number) {
  const { prefix, read } = GROUPS[group];
  const bytes = utf8(`{${line.slice(prefix.length)}`);
  try {
    const fields = Fields.parse(bytes, bytes.length, MAX_DEPTH);
    const value = read(fields);
    fields.finish();
    if (prefix + JSON.stringify(value).slice(1) === line) {
      return value;
    }
  } catch (error) {
    throw new ManifestError(`line ${number} of the manifest: ${error instanceof Error ? error.message : error}`);
  }
  throw new ManifestError(`line ${number} of the manifest: not in the exact form of the format`);
}

/**
 * @param {Fields} line
 * @returns {RunLine}
 */
function readRun(line) {
  return {
    run: id(line, "run"),
    tenant: id(line, "tenant"),
    runner: id(line, "runner"),
    procedure: readVersion(line.object("procedure")),
    trigger: word(line, "trigger", TRIGGERS),
    due: line.present("due") ? time(line, "due") : null,
    started: time(line, "started"),
    ended: time(line, "ended"),
    verdict: word(line, "verdict", STATUSES),
    score: line.present("score") ? line.integer("score") : null,
    score_with_exceptions: line.present("score_with_exceptions") ? line.integer("score_with_exceptions") : null,
    counts: readCounts(line.object("counts")),
    partial: line.flag("partial"),
    software: line.checked("software", isSoftware, "a program's name and version"),
  };
}

/**
 * @param {Fields} version
 * @returns {Version}
 */
function readVersion(version) {
  const read = { id: name(version, "id"), version: version.integer("version"), sha256: digest(version, "sha256") };
  version.finish();
  return read;
}

/**
 * @param {Fields} line
 * @returns {StepLine}
 */
function readStep(line) {
  return {
    step: name(line, "step"),
    status: word(line, "status", STEP_STATUSES),
    code: line.present("code") ? word(line, "code", CODES) : null,
    attempts: bounded(line, "attempts", MAX_U32),
    started: time(line, "started"),
    ended: time(line, "ended"),
  };
}

/**
 * @param {Fields} line
 * @returns {ItemLine}
 */
function readItem(line) {
  return {
    item: id(line, "item"),
    step: name(line, "step"),
    form: word(line, "form", FORMS),
    class: word(line, "class", CLASSES),
    collected: time(line, "collected"),
    rows: line.integer("rows"),
    root: digest(line, "root"),
  };
}

/**
 * @param {Fields} line
 * @returns {CheckLine}
 */
function readCheck(line) {
  const read = {
    check: name(line, "check"),
    status: word(line, "status", STATUSES),
    severity: word(line, "severity", SEVERITIES),
    counts: readCounts(line.object("counts")),
    exceptions: line.texts("exceptions"),
  };
  if (!read.exceptions.every(isId)) {
    throw line.wrong("exceptions", "a list of exceptions' ids");
  }
  return read;
}

/**
 * @param {Fields} line
 * @returns {MetricLine}
 */
function readMetric(line) {
  const metric = name(line, "metric");
  const value = line.take("value");
  if (typeof value !== "number" || value > MAX_I32 || value < -MAX_I32 - 1) {
    throw line.wrong("value", "an integer of 32 bits");
  }
  return { metric, value };
}

/**
 * @param {Fields} counts
 * @returns {Counts}
 */
function readCounts(counts) {
  const read = {
    pass: counts.integer("pass"),
    fail: counts.integer("fail"),
    error: counts.integer("error"),
    pending: counts.integer("pending"),
    not_applicable: counts.integer("not_applicable"),
    excepted: counts.integer("excepted"),
  };
  counts.finish();
  return read;
}

/** @type {(line: Fields, field: string) => string} */
const id = (line, field) => line.checked(field, isId, "an id");
/** @type {(line: Fields, field: string) => string} */
const name = (line, field) => line.checked(field, isName, "a name");
/** @type {(line: Fields, field: string) => string} */
const time = (line, field) => line.checked(field, isTime, "a time");
/** @type {(line: Fields, field: string) => string} */
const digest = (line, field) => line.checked(field, isDigest, "a SHA-256 digest in lower-case hex");
/** @type {(line: Fields, field: string, words: string[]) => string} */
const word = (line, field, words) => line.checked(field, (text) => words.includes(text), `one of ${words.join(", ")}`);

/**
 * @param {Fields} line
 * @param {string} field
 * @param {number} largest
 */
function bounded(line, field, largest) {
  const value = line.integer(field);
  if (value > largest) {
    throw line.wrong(field, `an integer up to ${largest}`);
  }
  return value;
}
