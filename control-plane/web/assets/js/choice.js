// @ts-check
/** What a person chose in the form: items, rows of them, what for and why. Kept over a detour, never sent by itself. */

import { find } from "./dom.js";
import { isReason } from "./text.js";

/** More rows than one request can name. */
const MAX_ROWS = 400;
/** Items of one request. */
const MAX_ITEMS = 32;

/** @typedef {{ item: string, rows: number[] | null }} Selection */
/** @typedef {{ selection: Selection[], purpose: string, reason: string }} Choice */
/** @typedef {{ items: Record<string, string>, purpose: string, reason: string }} Typed */

/** What was typed cannot be asked for; the field that has to be corrected. */
export class Mistyped extends Error {
  /**
   * @param {string} message
   * @param {HTMLElement} field
   */
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

/**
 * Rows as people write them, such as `0-9, 17`; null for all of them.
 * @param {string} text
 * @returns {number[] | null}
 */
export function parseRows(text) {
  const trimmed = text.replaceAll(" ", "");
  if (trimmed === "" || trimmed === "all") {
    return null;
  }
  /** @type {Set<number>} */
  const rows = new Set();
  for (const part of trimmed.split(",")) {
    const found = /^([0-9]{1,15})(?:-([0-9]{1,15}))?$/.exec(part);
    if (found === null) {
      throw new Error(`“${part}” is neither a row nor a range such as 0-9`);
    }
    const first = Number(found[1]);
    const last = Number(found[2] ?? found[1]);
    if (first > last) {
      throw new Error(`“${part}” runs backwards`);
    }
    if (last - first >= MAX_ROWS) {
      throw new Error(`a request names ${MAX_ROWS} rows at most; leave the field empty for all of them`);
    }
    for (let row = first; row <= last; row += 1) {
      rows.add(row);
    }
  }
  if (rows.size > MAX_ROWS) {
    throw new Error(`a request names ${MAX_ROWS} rows at most; leave the field empty for all of them`);
  }
  return [...rows].sort((one, other) => one - other);
}

/**
 * What the form says, checked.
 * @param {HTMLFormElement} form
 * @returns {Choice}
 */
export function choiceOf(form) {
  /** @type {Selection[]} */
  const selection = [];
  for (const box of boxes(form)) {
    if (!box.checked) {
      continue;
    }
    const field = rowsField(form, box.value);
    let rows;
    try {
      rows = parseRows(field.value);
    } catch (error) {
      throw new Mistyped(error instanceof Error ? error.message : "", field);
    }
    const last = rows?.at(-1);
    if (last !== undefined && last >= Number(box.dataset.rows)) {
      throw new Mistyped(`row ${last} does not exist: the item has ${box.dataset.rows} rows, counted from 0`, field);
    }
    selection.push({ item: box.value, rows });
  }
  const [first] = boxes(form);
  if (first === undefined || selection.length === 0) {
    throw new Mistyped("choose at least one item", first ?? form);
  }
  if (selection.length > MAX_ITEMS || selection.reduce((sum, { rows }) => sum + (rows?.length ?? 0), 0) > MAX_ROWS) {
    throw new Mistyped(`one request names at most ${MAX_ITEMS} items and ${MAX_ROWS} single rows; ask in parts`, first);
  }
  const { purpose, reason } = fields(form);
  if (purpose.value === "") {
    throw new Mistyped("say what it is for", purpose);
  }
  if (!isReason(reason.value)) {
    throw new Mistyped("give a reason of 1 to 200 characters, on one line", reason);
  }
  return { selection, purpose: purpose.value, reason: reason.value };
}

/**
 * Keeps what was typed, for the way to a confirmation and back.
 * @param {HTMLFormElement} form
 * @param {string} key
 */
export function keep(form, key) {
  const { purpose, reason } = fields(form);
  const chosen = boxes(form).filter((box) => box.checked);
  /** @type {Typed} */
  const typed = {
    items: Object.fromEntries(chosen.map((box) => [box.value, rowsField(form, box.value).value])),
    purpose: purpose.value,
    reason: reason.value,
  };
  sessionStorage.setItem(key, JSON.stringify(typed));
}

/**
 * Puts back what was kept.
 * @param {HTMLFormElement} form
 * @param {string} key
 */
export function putBack(form, key) {
  const kept = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  if (kept === null) {
    return;
  }
  /** @type {Typed} */
  const typed = JSON.parse(kept);
  for (const box of boxes(form)) {
    box.checked = Object.hasOwn(typed.items, box.value);
    rowsField(form, box.value).value = typed.items[box.value] ?? "";
  }
  const { purpose, reason } = fields(form);
  purpose.value = typed.purpose;
  reason.value = typed.reason;
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLInputElement[]}
 */
function boxes(form) {
  return [...form.querySelectorAll("input")].filter((input) => input.name === "item");
}

/**
 * @param {HTMLFormElement} form
 * @param {string} item
 */
function rowsField(form, item) {
  return /** @type {HTMLInputElement} */ (find(`#rows-${CSS.escape(item)}`, form));
}

/** @param {HTMLFormElement} form */
function fields(form) {
  const purpose = /** @type {HTMLSelectElement} */ (find("#open-purpose", form));
  const reason = /** @type {HTMLInputElement} */ (find("#open-reason", form));
  return { purpose, reason };
}
