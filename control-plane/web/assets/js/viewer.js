// @ts-check
/**
 * Looking at evidence that is proven: as a table where rows are records, as text, as bytes. Only a window of it stands in
 * the page at any time, so that a hundred thousand rows or a row of ten megabytes stay quick; a window says which part it is.
 */

import { element, shown } from "./dom.js";
import { boundary, breath, cellOf, columnsOf, csvLine, dump, recordOf, textIn } from "./rows.js";

/** Rows in a window of a table or a list, characters of a cell, bytes of a window of text or hex. */
const ROWS = 100;
const CELL = 300;
const LISTED = 2000;
const TEXT = 8192;
const HEX = 4096;

/** @typedef {import("./plan.js").OpenedItem} OpenedItem */
/** @typedef {import("./plan.js").OpenedRow} OpenedRow */
/** @typedef {import("./manifest.js").ItemLine} ItemLine */
/** @typedef {"table" | "text" | "hex"} Mode */

/** One item of evidence, shown in an element of the page. */
export class Viewer {
  /**
   * @param {HTMLElement} place
   * @param {string} run
   * @param {ItemLine} line
   * @param {OpenedItem} opened
   */
  constructor(place, run, line, opened) {
    this.place = place;
    this.run = run;
    this.line = line;
    this.rows = opened.rows;
    this.whole = opened.listed === null;
    /** A file whose pieces all came is one run of bytes; everything else is looked at row by row. */
    this.file = line.form === "blob" && this.whole ? joined(opened.rows) : null;
    /** @type {string[] | null} */
    this.columns = null;
    /** @type {Mode} */
    this.mode = "text";
    /** The row that is looked at alone. */
    this.alone = /** @type {OpenedRow | null} */ (null);
    this.at = 0;
    this.window = element("div", { class: "window" });
    this.status = element("p", { role: "status", class: "quiet" });
    this.pager = element("div", { class: "toolbar", role: "group", "aria-label": "Parts of the evidence" });
    this.modes = element("div", { class: "toolbar", role: "group", "aria-label": "How it is shown" });
  }

  /** Shows it. */
  async show() {
    if (this.line.form === "rows" && this.rows.length > 0) {
      this.columns = await columnsOf(this.rows);
    }
    this.mode = this.columns === null ? "text" : "table";
    const heading = element("h3", {}, `${this.line.step} `, element("span", { class: "quiet" }, `item ${this.line.item}`));
    this.place.replaceChildren(heading, element("p", {}, this.summary()), this.modes, this.status, this.window, this.pager, this.saving());
    this.draw();
  }

  /** Shows nothing any more, and keeps nothing. */
  forget() {
    this.rows = [];
    this.file = null;
    this.alone = null;
    this.place.replaceChildren();
  }

  summary() {
    const bytes = this.rows.reduce((sum, { row }) => sum + row.length, 0);
    const count = `${number(this.rows.length)} of ${number(this.line.rows)} ${this.line.rows === 1 ? "row" : "rows"}`;
    return `${count}, ${number(bytes)} bytes, class ${this.line.class}`;
  }

  /** The bytes that are looked at as one. */
  bytes() {
    return this.alone === null ? this.file : this.alone.row;
  }

  draw() {
    this.drawModes();
    const bytes = this.bytes();
    if (this.rows.length === 0) {
      this.status.textContent = "There are no rows: that nothing was there is the evidence.";
      this.window.replaceChildren();
      this.pager.replaceChildren();
    } else if (bytes !== null) {
      this.drawBytes(bytes);
    } else {
      this.drawRows();
    }
  }

  drawModes() {
    /** @type {[Mode, string][]} */
    const all = [["table", "Table"], ["text", "Text"], ["hex", "Hex"]];
    const offered = all.filter(([mode]) => mode !== "table" || (this.columns !== null && this.alone === null));
    const buttons = offered.map(([mode, name]) => {
      const button = element("button", { type: "button", class: "second", "aria-pressed": String(mode === this.mode) }, name);
      button.addEventListener("click", () => {
        this.mode = mode;
        this.at = this.bytes() === null ? this.at : 0;
        this.draw();
        focus(this.modes, '[aria-pressed="true"]');
      });
      return button;
    });
    if (this.alone !== null) {
      const back = element("button", { type: "button", class: "second" }, "All rows");
      back.addEventListener("click", () => this.look(null));
      buttons.unshift(back);
    }
    this.modes.replaceChildren(...buttons);
  }

  drawRows() {
    const rows = this.rows.slice(this.at, this.at + ROWS);
    const last = this.at + rows.length;
    this.status.textContent = `Rows ${number(this.at + 1)} to ${number(last)} of ${number(this.rows.length)} that were opened`;
    this.window.replaceChildren(this.mode === "table" && this.columns !== null ? this.table(rows, this.columns) : this.list(rows));
    this.drawPager(ROWS, this.rows.length, "rows");
  }

  /**
   * @param {OpenedRow[]} rows
   * @param {string[]} columns
   */
  table(rows, columns) {
    const head = element("tr", {}, element("th", { scope: "col", class: "num" }, "Row"));
    for (const column of columns) {
      head.append(element("th", { scope: "col" }, clipped(column, CELL)));
    }
    const body = element("tbody");
    for (const row of rows) {
      const record = recordOf(row.row) ?? {};
      const line = element("tr", {}, element("th", { scope: "row", class: "num" }, this.rowButton(row)));
      for (const column of columns) {
        line.append(element("td", { dir: "auto" }, clipped(cellOf(record, column), CELL)));
      }
      body.append(line);
    }
    const caption = element("caption", { class: "quiet" }, "Evidence, one record a row");
    const table = element("table", { class: "evidence" }, caption, element("thead", {}, head), body);
    return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Rows of evidence" }, table);
  }

  /** @param {OpenedRow[]} rows */
  list(rows) {
    const list = element("ol", { class: "rows" });
    for (const row of rows) {
      const length = Math.min(row.row.length, LISTED);
      const hex = this.mode === "hex";
      const cut = hex ? Math.min(length, 256) : boundary(row.row, length);
      const text = hex ? dump(row.row, 0, cut) : textIn(row.row.subarray(0, cut));
      const pre = element("pre", { class: "evidence", dir: "auto", tabindex: "0" }, shown(text, true));
      const rest = row.row.length - cut;
      const more = rest > 0 ? [element("p", { class: "quiet" }, `${number(rest)} more bytes: look at this row alone`)] : [];
      list.append(element("li", {}, this.rowButton(row), pre, ...more));
    }
    return list;
  }

  /** @param {OpenedRow} row */
  rowButton(row) {
    const button = element("button", { type: "button", class: "link", title: `look at row ${row.index} alone` }, number(row.index));
    button.addEventListener("click", () => this.look(row));
    return button;
  }

  /** @param {OpenedRow | null} row */
  look(row) {
    const before = this.alone;
    this.alone = row;
    if (row === null) {
      const place = before === null ? 0 : this.rows.indexOf(before);
      this.at = Math.max(0, place - (place % ROWS));
      this.mode = this.columns === null ? "text" : "table";
    } else {
      this.at = 0;
      this.mode = this.mode === "hex" ? "hex" : "text";
    }
    this.draw();
    focus(this.modes, "button");
  }

  /** @param {Uint8Array} bytes */
  drawBytes(bytes) {
    const size = this.mode === "hex" ? HEX : TEXT;
    const [from, to] =
      this.mode === "hex"
        ? [this.at, Math.min(this.at + size, bytes.length)]
        : [boundary(bytes, this.at), boundary(bytes, this.at + size)];
    const text = this.mode === "hex" ? dump(bytes, from, to) : textIn(bytes.subarray(from, to));
    const what = this.alone === null ? "" : `Row ${number(this.alone.index)}: `;
    const empty = bytes.length === 0;
    const range = empty ? "no bytes" : `bytes ${number(from)} to ${number(to - 1)} of ${number(bytes.length)}`;
    this.status.textContent = `${what}${range}`;
    this.window.replaceChildren(element("pre", { class: "evidence", dir: "auto", tabindex: "0" }, shown(text, true)));
    this.drawPager(size, bytes.length, "bytes");
  }

  /**
   * @param {number} size
   * @param {number} length
   * @param {"rows" | "bytes"} unit
   */
  drawPager(size, length, unit) {
    if (length <= size) {
      this.pager.replaceChildren();
      return;
    }
    const last = Math.floor((length - 1) / size) * size;
    const go = (/** @type {number} */ at) => {
      this.at = Math.min(Math.max(0, Math.floor(at)), last);
      this.draw();
    };
    const step = (/** @type {string} */ name, /** @type {number} */ at, /** @type {boolean} */ there) => {
      const button = element("button", { type: "button", class: "second", "data-go": name }, name);
      button.disabled = !there;
      button.addEventListener("click", () => {
        go(at);
        focus(this.pager, `[data-go="${name}"]:not(:disabled)`) || focus(this.pager, "button:not(:disabled)");
      });
      return button;
    };
    const id = `go-${this.line.item}`;
    const to = element("input", { id, type: "number", min: "0", max: String(length - 1), inputmode: "numeric" });
    const form = element("form", { class: "inline" }, element("label", { for: id }, `Go to the ${unit === "rows" ? "row in place" : "byte"}`), to);
    form.append(element("button", { type: "submit", class: "second" }, "Go"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const place = Number(to.value);
      if (to.value !== "" && Number.isFinite(place)) {
        go(unit === "rows" ? place - (place % size) : place);
      }
    });
    this.pager.replaceChildren(
      step("First", 0, this.at > 0),
      step("Previous", this.at - size, this.at > 0),
      step("Next", this.at + size, this.at + size < length),
      step("Last", last, this.at < last),
      form,
    );
  }

  saving() {
    const bar = element("div", { class: "toolbar", role: "group", "aria-label": "Save this evidence" });
    const name = `proctor-${this.run}-${this.line.item}`;
    const rows = this.line.form === "rows";
    const save = element("button", { type: "button" }, rows ? "Save the rows" : "Save the bytes");
    save.addEventListener("click", () => {
      /** @type {Uint8Array[]} */
      const parts = this.rows.flatMap(({ row }) => (rows ? [row, Uint8Array.of(10)] : [row]));
      attach(parts, `${name}${rows ? ".jsonl" : this.whole ? ".bin" : ".rows.bin"}`, "application/octet-stream");
    });
    bar.append(save);
    const { columns } = this;
    if (columns !== null) {
      const csv = element("button", { type: "button", class: "second" }, "Save as CSV");
      csv.addEventListener("click", async () => {
        csv.disabled = true;
        attach(await csvOf(this.rows, columns), `${name}.csv`, "text/csv;charset=utf-8");
        csv.disabled = false;
      });
      bar.append(csv);
    }
    bar.append(element("span", { class: "quiet" }, "What is saved leaves this page unprotected: keep it where it belongs."));
    return bar;
  }
}

/**
 * @param {OpenedRow[]} rows
 * @param {string[]} columns
 */
export async function csvOf(rows, columns) {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(csvLine(["row", ...columns]))];
  for (const [at, { index, row }] of rows.entries()) {
    const record = recordOf(row) ?? {};
    parts.push(encoder.encode(csvLine([String(index), ...columns.map((column) => cellOf(record, column))])));
    if (at % 2000 === 1999) {
      await breath();
    }
  }
  return parts;
}

/**
 * Hands bytes to the browser as a file to keep; it is never opened in a page.
 * @param {Uint8Array[]} parts
 * @param {string} name
 * @param {string} type
 */
function attach(parts, name, type) {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = element("a", { href: address, download: name, hidden: "" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * @param {string} text
 * @param {number} limit characters
 */
function clipped(text, limit) {
  const fragment = shown(text.length > limit ? [...text.slice(0, limit + 1)].slice(0, -1).join("") : text);
  if (text.length > limit) {
    fragment.append(element("span", { class: "quiet" }, ` … ${number(text.length)} characters`));
  }
  return fragment;
}

/** @param {OpenedRow[]} rows */
function joined(rows) {
  const whole = new Uint8Array(rows.reduce((sum, { row }) => sum + row.length, 0));
  let at = 0;
  for (const { row } of rows) {
    whole.set(row, at);
    at += row.length;
  }
  return whole;
}

/**
 * Whoever works with the keyboard stays where they were.
 * @param {HTMLElement} place
 * @param {string} selector
 */
function focus(place, selector) {
  const found = place.querySelector(selector);
  if (found instanceof HTMLElement) {
    found.focus();
  }
  return found !== null;
}

/** @param {number} value */
function number(value) {
  return value.toLocaleString("en");
}
