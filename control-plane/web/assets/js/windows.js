// @ts-check
/**
 * Windows on rows of evidence: the part of them that stands in the page at a time. How much that is depends on what is in
 * it, and is bounded whatever is in it: cells, characters, marks, and bytes that are read for it.
 */

import { element, Marks, shown } from "./dom.js";
import { boundary, cellOf, dump, recordOf, textIn } from "./rows.js";

/** Rows of a window at most. */
const ROWS = 100;
/** Cells of a window, characters of all of them, and of one at most. */
const CELLS = 2000;
const CHARACTERS = 200_000;
const CELL = 300;
/** Bytes of a row in a list, and of all rows that are read for a window. */
const LISTED = 2000;
const LISTED_HEX = 256;
const READ = 4 * 1024 * 1024;

/** @typedef {import("./plan.js").OpenedRow} OpenedRow */
/** @typedef {(row: OpenedRow) => HTMLElement} RowButton */

/**
 * How many rows stand in a window of a table or a list: one number for all windows, so that places stay where they are.
 * @param {OpenedRow[]} rows
 * @param {string[] | null} columns
 */
export function rowsInWindow(rows, columns) {
  const largest = rows.reduce((most, { row }) => Math.max(most, row.length), 1);
  const wide = columns === null ? ROWS : Math.floor(CELLS / columns.length);
  return Math.max(1, Math.min(ROWS, wide, Math.floor(READ / largest)));
}

/**
 * Records as lines of a table.
 * @param {OpenedRow[]} rows
 * @param {string[]} columns
 * @param {string} name of what is shown
 * @param {RowButton} rowButton
 */
export function tableWindow(rows, columns, name, rowButton) {
  const marks = new Marks();
  const limit = Math.min(CELL, Math.floor(CHARACTERS / (columns.length * (rows.length + 1))));
  const head = element("tr", { role: "row" }, element("th", { scope: "col", role: "columnheader", class: "num" }, "Row"));
  for (const column of columns) {
    head.append(element("th", { scope: "col", role: "columnheader" }, clipped(column, limit, marks)));
  }
  const body = element("tbody", { role: "rowgroup" });
  for (const row of rows) {
    const record = recordOf(row.row) ?? {};
    const line = element("tr", { role: "row" }, element("th", { scope: "row", role: "rowheader", class: "num" }, rowButton(row)));
    for (const column of columns) {
      line.append(element("td", { dir: "auto", role: "cell" }, clipped(cellOf(record, column), limit, marks)));
    }
    body.append(line);
  }
  const caption = element("caption", { class: "quiet" }, "Evidence, one record a row");
  const table = element("table", { class: "evidence", role: "table" }, caption, element("thead", { role: "rowgroup" }, head), body);
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": name }, table);
}

/**
 * Rows one after the other, as text or as bytes.
 * @param {OpenedRow[]} rows
 * @param {boolean} hex
 * @param {RowButton} rowButton
 */
export function listWindow(rows, hex, rowButton) {
  const marks = new Marks();
  const list = element("ol", { class: "rows", role: "list" });
  for (const row of rows) {
    const length = Math.min(row.row.length, LISTED);
    const cut = hex ? Math.min(length, LISTED_HEX) : boundary(row.row, length);
    const text = hex ? dump(row.row, 0, cut) : textIn(row.row.subarray(0, cut));
    const pre = element("pre", { class: "evidence", dir: "auto", tabindex: "0" }, shown(text, true, marks));
    const rest = row.row.length - cut;
    const more = rest > 0 ? [element("p", { class: "quiet" }, `${number(rest)} more bytes: look at this row alone`)] : [];
    list.append(element("li", {}, rowButton(row), pre, ...more));
  }
  return list;
}

/**
 * @param {string} text
 * @param {number} limit characters
 * @param {Marks} marks
 */
function clipped(text, limit, marks) {
  const fragment = shown(text.length > limit ? [...text.slice(0, limit + 1)].slice(0, -1).join("") : text, false, marks);
  if (text.length > limit) {
    fragment.append(element("span", { class: "quiet" }, ` … ${number(text.length)} characters`));
  }
  return fragment;
}

/** @param {number} value */
export function number(value) {
  return value.toLocaleString("en");
}
