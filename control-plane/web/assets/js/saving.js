// @ts-check
/** Saving evidence as files of the person's own machine. What is saved is never opened in a page. */

import { element } from "./dom.js";
import { cellOf, csvLine, Pace, recordOf } from "./rows.js";

/** @typedef {import("./plan.js").OpenedRow} OpenedRow */
/**
 * `rows` where they are records one after the other, else they are a file's pieces; `columns` where they make a table.
 * @typedef {{ rows: OpenedRow[], areRows: boolean, whole: boolean, columns: string[] | null, name: string, label: string }} Saved
 */

/**
 * Buttons that save it.
 * @param {Saved} what
 */
export function savingBar({ rows, areRows, whole, columns, name, label }) {
  const bar = element("div", { class: "toolbar", role: "group", "aria-label": label });
  const save = element("button", { type: "button" }, areRows ? "Save the rows" : "Save the bytes");
  save.addEventListener("click", () => {
    /** @type {Uint8Array[]} */
    const parts = rows.flatMap(({ row }) => (areRows ? [row, Uint8Array.of(10)] : [row]));
    attach(parts, `${name}${areRows ? ".jsonl" : whole ? ".bin" : ".rows.bin"}`, "application/octet-stream");
  });
  bar.append(save);
  if (columns !== null) {
    const csv = element("button", { type: "button", class: "second" }, "Save as CSV");
    let isUnderWay = false;
    csv.addEventListener("click", async () => {
      if (isUnderWay) {
        return;
      }
      isUnderWay = true;
      csv.setAttribute("aria-disabled", "true");
      attach(await csvOf(rows, columns), `${name}.csv`, "text/csv;charset=utf-8");
      csv.removeAttribute("aria-disabled");
      isUnderWay = false;
    });
    bar.append(csv);
  }
  bar.append(element("span", { class: "quiet" }, "What is saved leaves this page unprotected: keep it where it belongs."));
  return bar;
}

/**
 * @param {OpenedRow[]} rows
 * @param {string[]} columns
 */
export async function csvOf(rows, columns) {
  const encoder = new TextEncoder();
  const parts = [encoder.encode(csvLine(["row", ...columns]))];
  const pace = new Pace();
  for (const { index, row } of rows) {
    const record = recordOf(row) ?? {};
    parts.push(encoder.encode(csvLine([String(index), ...columns.map((column) => cellOf(record, column))])));
    await pace.after(row);
  }
  return parts;
}

/**
 * Hands bytes to the browser as a file to keep.
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
