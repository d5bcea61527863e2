// @ts-check
/** Rows of evidence as they can be looked at: as records with columns, as text, as bytes. They stay what they are. */

/** @typedef {import("./plan.js").OpenedRow} OpenedRow */

/** Larger rows are no records for a table; they are looked at one by one. */
const MAX_RECORD = 1024 * 1024;
/** More columns than anybody reads side by side. */
const MAX_COLUMNS = 256;
/** Rows, and bytes of them, that are looked at before the page gets to breathe. */
const BATCH = 2000;
const BATCH_BYTES = 2 * 1024 * 1024;
/** What a spreadsheet takes for a formula, also in full width; quotes and spaces before it hide nothing. */
const FORMULA = "[\"' \u00a0\u3000\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20]";
const AT_BEGIN = new RegExp(`^(?:${FORMULA}|[\\t\\r\\n])`);
const AFTER_BREAK = new RegExp(`([;\\t\\r\\n])(?=${FORMULA})`, "g");

/**
 * The columns of rows that are all records, in the order in which they first come; null if they are not.
 * @param {OpenedRow[]} rows
 * @returns {Promise<string[] | null>}
 */
export async function columnsOf(rows) {
  /** @type {Set<string>} */
  const columns = new Set();
  const pace = new Pace();
  for (const { row } of rows) {
    const record = recordOf(row);
    if (record === null) {
      return null;
    }
    for (const column of Object.keys(record)) {
      columns.add(column);
    }
    if (columns.size > MAX_COLUMNS) {
      return null;
    }
    await pace.after(row);
  }
  return columns.size === 0 ? null : [...columns];
}

/**
 * The record that a row is; null if it is none.
 * @param {Uint8Array} row
 * @returns {Record<string, unknown> | null}
 */
export function recordOf(row) {
  if (row.length > MAX_RECORD || row[0] !== 0x7b) {
    return null;
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(row));
  } catch {
    return null;
  }
}

/**
 * A value as it stands in a cell; nothing for a field that is not there.
 * @param {Record<string, unknown>} record
 * @param {string} column
 */
export function cellOf(record, column) {
  const value = Object.hasOwn(record, column) ? record[column] : undefined;
  if (value === undefined) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * Bytes as text; what is not UTF-8 stands there as `\xff`.
 * @param {Uint8Array} bytes
 */
export function textIn(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    return lossless(bytes);
  }
}

/** @param {Uint8Array} bytes */
function lossless(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = wellFormed(bytes, at);
    if (length === 0) {
      text += `\\x${bytes[at].toString(16).padStart(2, "0")}`;
      at += 1;
    } else {
      text += new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/**
 * Bytes of the character that begins here; 0 if none does (Unicode 16, table 3-7).
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function wellFormed(bytes, at) {
  const [first, second] = [bytes[at], bytes[at + 1] ?? 0];
  const follows = (/** @type {number} */ from, /** @type {number} */ to) => {
    for (let next = at + from; next <= at + to; next += 1) {
      if (((bytes[next] ?? 0) & 0xc0) !== 0x80) {
        return false;
      }
    }
    return true;
  };
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xc2 && first <= 0xdf) {
    return follows(1, 1) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const from = first === 0xe0 ? 0xa0 : 0x80;
    const to = first === 0xed ? 0x9f : 0xbf;
    return second >= from && second <= to && follows(2, 2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const from = first === 0xf0 ? 0x90 : 0x80;
    const to = first === 0xf4 ? 0x8f : 0xbf;
    return second >= from && second <= to && follows(2, 3) ? 4 : 0;
  }
  return 0;
}

/**
 * Where a window that is to begin here may begin, so that no character is cut: at most three bytes earlier.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function boundary(bytes, at) {
  let begin = Math.min(at, bytes.length);
  for (let back = 0; back < 3 && begin > 0 && ((bytes[begin] ?? 0) & 0xc0) === 0x80; back += 1) {
    begin -= 1;
  }
  return begin;
}

/**
 * Bytes as lines of a dump: place, hex, and what can be read of them.
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {number} to
 * @param {number} [begins] the place of the first byte
 */
export function dump(bytes, from, to, begins = 0) {
  const lines = [];
  for (let at = from; at < to; at += 16) {
    const line = bytes.subarray(at, Math.min(at + 16, to));
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const read = Array.from(line, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${(begins + at).toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${read}`);
  }
  return lines.join("\n");
}

/**
 * A record's line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe before it: at its
 * begin, and after a `;`, a tab or a line break, where spreadsheets of other languages, or careless ones, begin a cell.
 * @param {string[]} cells
 */
export function csvLine(cells) {
  const written = cells.map((cell) => {
    const broken = cell.replace(AFTER_BREAK, "$1'");
    const inert = AT_BEGIN.test(cell) ? `'${broken}` : broken;
    return /[",;\t\r\n]/.test(inert) || inert !== cell ? `"${inert.replaceAll('"', '""')}"` : inert;
  });
  return `${written.join(",")}\r\n`;
}

/** Lets the page answer to whoever uses it while many rows are gone through. */
export class Pace {
  constructor() {
    this.rows = 0;
    this.bytes = 0;
  }

  /** @param {Uint8Array} row */
  async after(row) {
    this.rows += 1;
    this.bytes += row.length;
    if (this.rows >= BATCH || this.bytes >= BATCH_BYTES) {
      [this.rows, this.bytes] = [0, 0];
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}
