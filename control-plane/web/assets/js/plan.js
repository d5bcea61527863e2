// @ts-check
/** Which rows an answer must hold, in which order, and its header: both follow from the request and the commitments. */

import { fromBase64, toHex } from "./bytes.js";
import { Fields } from "./json.js";

/** The document, its list, an item, the paths, a path. */
const MAX_DEPTH = 5;

/** Bytes of all rows that a page keeps; more is for the command line, which streams them to a file. */
export const MAX_KEPT = 512 * 1024 * 1024;
/** Bytes of every piece of a file but the last. */
const PIECE = 65_536;

/** @typedef {{ rows: number, root: Uint8Array }} Commitment */
/** @typedef {{ index: number, row: Uint8Array }} OpenedRow */
/**
 * `listed` are the positions that are opened; null for all.
 * @typedef {{ item: string, commitment: Commitment, listed: number[] | null, rows: OpenedRow[] }} OpenedItem
 */

/** Why an answer is not to be believed, and the step that it fails. */
export class AnswerError extends Error {
  /**
   * @param {"answer.opened" | "rows.proven"} step
   * @param {string} why
   */
  constructor(step, why) {
    super(why);
    this.step = step;
  }
}

/** More rows came than a page keeps. That says nothing against them. */
export class TooMuchError extends Error {}

/**
 * Whether these items are more than a page keeps, as far as their manifest tells: files are cut into pieces of one size,
 * rows have any.
 * @param {{ line: { form: string, rows: number }, rows: number[] | null }[]} items
 */
export function isTooMuch(items) {
  const least = (/** @type {{ form: string, rows: number }} */ { form, rows: of }, /** @type {number[] | null} */ rows) => {
    const count = rows?.length ?? of;
    const hasLast = rows === null || rows.includes(of - 1);
    return form === "blob" ? Math.max(0, count - (hasLast ? 1 : 0)) * PIECE : 0;
  };
  return items.reduce((sum, { line, rows }) => sum + least(line, rows), 0) > MAX_KEPT;
}

/** @param {string} why */
export function unproven(why) {
  return new AnswerError("rows.proven", why);
}

/**
 * What answers this part of a request, if the item was committed to so.
 * @param {import("./request.js").RequestedItem} asked
 * @param {Commitment} commitment
 * @returns {OpenedItem}
 */
export function planned({ item, root, rows }, commitment) {
  if (toHex(commitment.root) !== root) {
    throw unproven(`item ${item} is committed to under another root`);
  }
  if (rows !== null && rows.some((row) => row >= commitment.rows)) {
    throw unproven(`item ${item} has fewer rows than that`);
  }
  // A list of all rows is all rows: they need no paths.
  const listed = rows === null || rows.length === commitment.rows ? null : rows;
  return { item, commitment, listed, rows: [] };
}

/**
 * How many rows answer an item.
 * @param {OpenedItem} item
 */
export function opened({ listed, commitment }) {
  return listed === null ? commitment.rows : listed.length;
}

/**
 * The position of the row that comes next; null when all have come.
 * @param {OpenedItem} item
 */
export function nextRow(item) {
  const nth = item.rows.length;
  return nth < opened(item) ? (item.listed === null ? nth : item.listed[nth]) : null;
}

/**
 * More bytes than this no header of an answer with these items has, spaces between its parts included.
 * @param {OpenedItem[]} items
 */
export function headerLimit(items) {
  return items.reduce((sum, item) => {
    const height = item.commitment.rows.toString(2).length;
    return sum + 1024 + (item.listed === null ? 0 : item.listed.length * (64 * height + 16));
  }, 1024);
}

/**
 * Reads a header, which must be that of an answer to this request with these items; gives the paths.
 * @param {Uint8Array} bytes
 * @param {string} request
 * @param {OpenedItem[]} items
 * @returns {Uint8Array[][][]}
 */
export function readHeader(bytes, request, items) {
  const header = Fields.parse(bytes, bytes.length, MAX_DEPTH);
  if (header.integer("v") !== 1) {
    throw header.wrong("v", "1");
  }
  if (header.text("request") !== request) {
    throw new AnswerError("answer.opened", "the answer is to another request");
  }
  const answered = header.objects("items");
  header.finish();
  if (answered.length !== items.length) {
    throw unproven("the answer holds another number of items");
  }
  return answered.map((fields, at) => readItem(fields, items[at]));
}

/**
 * @param {Fields} fields
 * @param {OpenedItem} planned
 * @returns {Uint8Array[][]}
 */
function readItem(fields, planned) {
  const { item, commitment, listed } = planned;
  /** @type {[boolean, string][]} */
  const held = [
    [fields.text("item") === item, "the answer holds another item at its place"],
    [fields.integer("rows") === commitment.rows, "the answer says that it has another number of rows"],
    [fields.digest("root") === toHex(commitment.root), "the answer opens another root"],
    [fields.integer("opened") === opened(planned), "the answer opens another number of rows"],
  ];
  for (const [holds, why] of held) {
    if (!holds) {
      throw unproven(`item ${item} is not what the request asks for: ${why}`);
    }
  }
  /** @type {Uint8Array[][]} */
  let paths = [];
  if (listed === null) {
    fields.nothing("paths");
  } else {
    paths = fields.array("paths").map((path) => readPath(fields, path));
    if (paths.length !== listed.length) {
      throw unproven(`item ${item} is not what the request asks for: there is not one path for each opened row`);
    }
  }
  fields.finish();
  return paths;
}

/**
 * @param {Fields} fields
 * @param {import("./json.js").Json} path
 */
function readPath(fields, path) {
  const hashes = Array.isArray(path) ? path.map((hash) => (typeof hash === "string" ? fromBase64(hash) : null)) : [null];
  return hashes.map((hash) => {
    if (hash === null || hash.length !== 32) {
      throw fields.wrong("paths", "a list of paths, each a list of the base64 of 32 bytes");
    }
    return hash;
  });
}
