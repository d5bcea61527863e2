// @ts-check
/** Making elements out of texts. Nothing here, or anywhere in these scripts, reads a text as markup. */

import { furnish } from "./page.js";
import { pieces } from "./text.js";

/**
 * An element with attributes and content; texts become text nodes.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} content
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  made.append(...content);
  return made;
}

/** Marks in what is shown at a time; a text with more of them than are left is one mark as a whole. */
const MARKS = 200;

/** How many marks may still be made, for texts that are shown together. */
export class Marks {
  constructor() {
    this.left = MARKS;
  }
}

/**
 * A text from elsewhere: what would do something instead of being read stands there as a marked escape.
 * @param {string} text
 * @param {boolean} [breaks] whether line breaks and tabs are plain
 * @param {Marks} [marks] of everything that is shown together
 * @returns {DocumentFragment}
 */
export function shown(text, breaks = false, marks = new Marks()) {
  const fragment = document.createDocumentFragment();
  const found = pieces(text, breaks);
  const needed = found.filter(({ marked }) => marked).length;
  const mark = (/** @type {string} */ escaped) => element("mark", { class: "escape", title: "a character that cannot be seen" }, escaped);
  if (needed > marks.left) {
    fragment.append(mark(found.map(({ text: piece }) => piece).join("")));
    return fragment;
  }
  marks.left -= needed;
  for (const { text: piece, marked } of found) {
    fragment.append(marked ? mark(piece) : piece);
  }
  return fragment;
}

/**
 * The one element of the page that a selector finds.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {T}
 */
export function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof HTMLElement)) {
    throw new Error(`the page has no ${selector}`);
  }
  return /** @type {T} */ (found);
}

/**
 * A command to copy, as the pages of this console show them.
 * @param {string} command
 */
export function commandLine(command) {
  const line = element("div", { class: "command", "data-copy": command }, element("pre", { tabindex: "0" }, element("code", {}, command)));
  const place = element("div", {}, line);
  furnish(place);
  return place;
}
