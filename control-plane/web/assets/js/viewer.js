// @ts-check
/**
 * Looking at evidence that is proven: as a table where rows are records, as text, as bytes. Only a window of it stands in
 * the page at any time, so that a hundred thousand rows or a row of ten megabytes stay quick; a window says which part it is.
 */

import { element, shown } from "./dom.js";
import { Pieces } from "./pieces.js";
import { columnsOf, dump, textIn } from "./rows.js";
import { savingBar } from "./saving.js";
import { printable } from "./text.js";
import { listWindow, number, rowsInWindow, tableWindow } from "./windows.js";

/** Bytes of a window of text or hex. */
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
   * @param {{ title: string, collected: string } | null} [called] what people call it, and when it was collected in words
   */
  constructor(place, run, line, opened, called = null) {
    this.place = place;
    this.run = run;
    this.line = line;
    this.rows = opened.rows;
    this.whole = opened.listed === null;
    /** A file whose pieces all came is one run of bytes; everything else is looked at row by row. */
    this.file = line.form === "blob" && this.whole ? new Pieces(opened.rows.map(({ row }) => row)) : null;
    /** @type {string[] | null} */
    this.columns = null;
    /** @type {Mode} */
    this.mode = "text";
    /** The row that is looked at alone. */
    this.alone = /** @type {OpenedRow | null} */ (null);
    this.at = 0;
    /** Rows of a window. */
    this.size = 1;
    this.called = called;
    /** What tells this item from the others, in every name of a part of it. */
    this.name = `${printable(called?.title ?? line.step)}, item ${line.item.slice(-6)}`;
    this.window = element("div", { class: "window" });
    this.status = element("p", { role: "status", class: "quiet" });
    this.pager = element("div", { class: "toolbar", role: "group", "aria-label": `Parts of ${this.name}` });
    this.modes = element("div", { class: "toolbar", role: "group", "aria-label": `How ${this.name} is shown` });
  }

  /** Shows it. */
  async show() {
    if (this.line.form === "rows" && this.rows.length > 0) {
      this.columns = await columnsOf(this.rows);
    }
    this.mode = this.columns === null ? "text" : "table";
    this.size = rowsInWindow(this.rows, this.columns);
    const heading = element("h3", {}, shown(this.called?.title ?? this.line.step));
    const summary = element("p", {}, this.summary());
    this.place.replaceChildren(heading, this.ids(), summary, this.modes, this.status, this.window, this.pager, this.saving());
    this.draw();
  }

  /** What is attested of it: step and item by their ids. The title is what the control plane calls it. */
  ids() {
    const ids = ["step ", element("code", {}, this.line.step), ", item ", element("code", { class: "id" }, this.line.item)];
    return element("p", { class: "under" }, ...ids);
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
    const [one, many] = this.line.form === "blob" ? ["piece of a file", "pieces of a file"] : ["row", "rows"];
    const count = `${number(this.rows.length)} of ${number(this.line.rows)} ${this.line.rows === 1 ? one : many}`;
    const when = this.called === null ? "" : `, collected ${this.called.collected}`;
    return `${count}, ${number(bytes)} bytes, class ${this.line.class}${when}`;
  }

  /** The bytes that are looked at as one. */
  bytes() {
    return this.alone === null ? this.file : new Pieces([this.alone.row]);
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
    const rows = this.rows.slice(this.at, this.at + this.size);
    const last = this.at + rows.length;
    this.status.textContent = `Rows ${number(this.at + 1)} to ${number(last)} of ${number(this.rows.length)} that were opened`;
    const button = (/** @type {OpenedRow} */ row) => this.rowButton(row);
    this.window.replaceChildren(
      this.mode === "table" && this.columns !== null
        ? tableWindow(rows, this.columns, `Rows of ${this.name}`, button)
        : listWindow(rows, this.mode === "hex", button),
    );
    this.drawPager(this.size, this.rows.length, "rows");
  }

  /** @param {OpenedRow} row */
  rowButton(row) {
    const place = number(row.index);
    const button = element("button", { type: "button", class: "link", "aria-label": `Row ${place} alone` }, place);
    button.addEventListener("click", () => this.look(row));
    return button;
  }

  /** @param {OpenedRow | null} row */
  look(row) {
    const before = this.alone;
    this.alone = row;
    if (row === null) {
      const place = before === null ? 0 : this.rows.indexOf(before);
      this.at = Math.max(0, place - (place % this.size));
      this.mode = this.columns === null ? "text" : "table";
    } else {
      this.at = 0;
      this.mode = this.mode === "hex" ? "hex" : "text";
    }
    this.draw();
    focus(this.modes, "button");
  }

  /** @param {Pieces} bytes */
  drawBytes(bytes) {
    const size = this.mode === "hex" ? HEX : TEXT;
    const [from, to] =
      this.mode === "hex"
        ? [this.at, Math.min(this.at + size, bytes.length)]
        : [bytes.boundary(this.at), bytes.boundary(this.at + size)];
    const part = bytes.slice(from, to);
    const text = this.mode === "hex" ? dump(part, 0, part.length, from) : textIn(part);
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
    return savingBar({
      rows: this.rows,
      areRows: this.line.form === "rows",
      whole: this.whole,
      columns: this.columns,
      name: `proctor-${this.run}-${this.line.item}`,
      label: `Save ${this.name}`,
    });
  }
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
