// @ts-check
/** The part of a page that shows this browser's key, and how the Runner's operator approves it. */

import { commandLine, find } from "./dom.js";
import { grouped } from "./keys.js";

/** @typedef {import("./keeping.js").Device} Device */

/** What this browser is, roughly; a label and nothing more. */
export function browserName() {
  const found = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(navigator.userAgent)?.[1] ?? "browser";
  return { Edg: "Edge", OPR: "Opera" }[found] ?? found;
}

/** The elements `data-PREFIX-device`, `-fingerprint`, `-new` and `-approve` of a page. */
export class DeviceSection {
  /**
   * @param {string} prefix
   * @param {string} whose the person's name
   */
  constructor(prefix, whose) {
    this.place = find(`[data-${prefix}-device]`);
    this.fingerprint = find(`[data-${prefix}-fingerprint]`);
    this.hint = find(`[data-${prefix}-new]`);
    this.approve = find(`[data-${prefix}-approve]`);
    this.label = `${whose}, ${browserName()}`.replace(/[^A-Za-z0-9 ,.-]/g, "-");
  }

  /**
   * Shows the key; where it is new, also that it has to be approved.
   * @param {Device} ours
   * @param {boolean} isNew
   */
  show(ours, isNew) {
    this.fingerprint.textContent = grouped(ours.fingerprint);
    this.approve.replaceChildren(commandLine(`proctor-runner readers approve ${ours.fingerprint} --label '${this.label}'`));
    this.hint.hidden = this.hint.hidden && !isNew;
    this.place.hidden = false;
  }

  /** A Runner refused for want of an approval. */
  isWanted() {
    this.hint.hidden = false;
    this.place.hidden = false;
    this.place.scrollIntoView({ block: "nearest" });
  }
}
