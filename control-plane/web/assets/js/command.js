// @ts-check
/** The commands that open the same evidence without a page: one for each item, as the form says it at the moment. */

import { parseRows } from "./choice.js";

/**
 * @param {HTMLFormElement} form
 * @param {{ run: string, address: string }} of
 * @returns {string} a line for each item
 */
export function commandsOf(form, { run, address }) {
  const boxes = [...form.querySelectorAll("input")].filter((input) => input.name === "item");
  const chosen = boxes.filter((box) => box.checked);
  const purpose = /** @type {HTMLSelectElement | null} */ (form.querySelector("#open-purpose"))?.value || "audit";
  const reason = /** @type {HTMLInputElement | null} */ (form.querySelector("#open-reason"))?.value || "why";
  const items = chosen.length > 0 ? chosen : boxes.slice(0, 1);
  const lines = items.map(({ value: item }) => {
    const typed = /** @type {HTMLInputElement | null} */ (form.querySelector(`#rows-${CSS.escape(item)}`))?.value ?? "";
    return (
      `proctor-verify open ${run} ${item}${rangesOf(typed)} --control-plane ${address} --ca-file authority.pem ` +
      `--api-key-file my.key --runner-key runner.pem --purpose ${purpose} --reason ${quoted(reason)}`
    );
  });
  return lines.join("\n");
}

/**
 * Rows as the command takes them: `:0-9,17`; nothing for all, or for what is not finished yet.
 * @param {string} typed
 */
function rangesOf(typed) {
  try {
    const rows = parseRows(typed);
    return rows === null ? "" : `:${typed.replaceAll(" ", "")}`;
  } catch {
    return "";
  }
}

/**
 * A word as a shell takes it, whatever is in it.
 * @param {string} word
 */
function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
